using Google.Protobuf;
using ModelGen.Onnx.Proto;

namespace ModelGen.Onnx.Tests;

/// <summary>Damaged and hostile models: a clear OnnxFormatException, before ONNX Runtime sees them.</summary>
public sealed class CheckerTests
{
    public static TheoryData<string> Names => [.. Faults.Keys];

    /// <summary>What is done to a sound model, and a part of the message.</summary>
    private static Dictionary<string, (Action<ModelProto> Change, string Message)> Faults { get; } = new()
    {
        ["no graph"] = (static m => m.Graph = null, "no graph"),
        ["new IR"] = (static m => m.IrVersion = 99, "IR version 99"),
        ["new opset"] = (static m => m.OpsetImport[0].Version = 99, "version 99"),
        ["opset twice"] = (static m => m.OpsetImport.Add(new OperatorSetIdProto { Domain = "ai.onnx", Version = 21 }), "twice"),
        ["missing initialiser"] = (static m => m.Graph.Initializer.RemoveAt(0), "which nothing defines"),
        ["cycle"] = (static m => m.Graph.Node[0].Input[0] = m.Graph.Node[^1].Output[0], "cycle"),
        ["wrong order"] = (static m => (m.Graph.Node[0], m.Graph.Node[1]) = (m.Graph.Node[1], m.Graph.Node[0]), "before it is computed"),
        ["value twice"] = (static m => m.Graph.Node[1].Output[0] = m.Graph.Node[0].Output[0], "a name that is taken"),
        ["node name twice"] = (static m => m.Graph.Node[1].Name = m.Graph.Node[0].Name, "two nodes named"),
        ["initialiser twice"] = (static m => m.Graph.Initializer.Add(m.Graph.Initializer[0].Clone()), "taken"),
        ["input twice"] = (static m => m.Graph.Input.Add(m.Graph.Input[0].Clone()), "input name 'image' is empty or taken"),
        ["input without type"] = (static m => m.Graph.Input[0].Type = null, "has no type"),
        ["output of nothing"] = (static m => m.Graph.Output[0].Name = "ghost", "nothing computes the output 'ghost'"),
        ["no output"] = (static m => m.Graph.Output.Clear(), "no output"),
        ["no operator"] = (static m => m.Graph.Node[0].OpType = "", "names no operator"),
        ["negative size"] = (static m => m.Graph.Initializer[0].Dims[0] = -8, "negative size -8"),
        ["huge size"] = (static m => m.Graph.Initializer[0].Dims[0] = long.MaxValue, "larger than 4 TiB"),
        ["huge input"] = (static m => m.Graph.Input[0].Type.TensorType.Shape.Dim[0].DimValue = 1L << 60, "larger than 4 TiB"),
        ["overflowing sizes"] = (static m => m.Graph.Initializer[0].Dims.AddRange([1L << 32, 1L << 32, 1L << 32]), "larger than 4 TiB"),
        ["many dimensions"] = (static m => m.Graph.Initializer[0].Dims.AddRange(Enumerable.Repeat(1L, 1000)), "1004 dimensions"),
        ["few bytes"] = (static m => m.Graph.Initializer[0].RawData = ByteString.CopyFrom(new byte[8]), "holds 8 bytes instead of"),
        ["unknown type"] = (static m => m.Graph.Initializer[0].DataType = 77, "unknown element type 77"),
        ["segment"] = (static m => m.Graph.Initializer[0].Segment = new TensorProto.Types.Segment { Begin = 0, End = 1L << 40 }, "segments"),
        ["attribute without type"] = (static m => m.Graph.Node[0].Attribute[0].Type = AttributeProto.Types.AttributeType.Undefined, "has no type"),
        ["attribute twice"] = (static m => m.Graph.Node[0].Attribute.Add(m.Graph.Node[0].Attribute[0].Clone()), "attribute name 'pads' is empty or taken"),
        ["elsewhere"] = (static m => External(m, "weights.bin"), "open the model with OnnxModel.Load"),
        ["outside"] = (static m => External(m, "../weights.bin"), "not a plain path"),
        ["absolute"] = (static m => External(m, "/etc/passwd"), "not a plain path"),
        ["drive"] = (static m => External(m, "C:\\weights.bin"), "not a plain path"),
        ["recursive function"] = (static m => m.Functions.Add(new FunctionProto { Name = "F", Domain = "f", Node = { new NodeProto { OpType = "F", Domain = "f", Output = { "y" } } }, Output = { "y" }, OpsetImport = { m.OpsetImport } }), "calls itself"),
        ["nested too deep"] = (static m => m.Graph.Node[0].Attribute.Add(Nested(40)), "nested more than"),
        ["bad sparse"] = (
            static m => m.Graph.SparseInitializer.Add(new SparseTensorProto
            {
                Dims = { 4 },
                Values = new TensorProto { Name = "s", DataType = 1, Dims = { 1 }, FloatData = { 1 } },
                Indices = new TensorProto { DataType = 7, Dims = { 1 }, Int64Data = { 1L << 50 } },
            }),
            "index outside"),
    };

    [Theory]
    [MemberData(nameof(Names))]
    public void Faults_AreNamed(string name)
    {
        (Action<ModelProto> change, string message) = Faults[name];
        OnnxModel model = Graphs.Cnn();
        model.Validate();
        change(model.Proto);
        Assert.Contains(message, Assert.Throws<OnnxFormatException>(() => model.Validate("bad.onnx")).Message);

        // A session refuses it for the same reason, before ONNX Runtime is asked.
        Assert.ThrowsAny<Exception>(() => new OnnxRunner(model).Dispose());
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void MutatedBytes_GiveAModelOrAFormatException(int seed)
    {
        var random = new Random(seed);
        byte[][] originals = [Graphs.Cnn().ToByteArray(), RandomGraph.Make(7).ToByteArray()];
        int refused = 0;
        for (int i = 0; i < 1500; i++)
        {
            byte[] bytes = ModelMutation.Mutate(originals[i % originals.Length], random);
            try
            {
                OnnxModel.Parse(bytes).Validate();
            }
            catch (OnnxFormatException)
            {
                refused++;
            }
        }

        Assert.InRange(refused, 300, 1499);
    }

    [Fact]
    public void DeeplyNestedBytes_AreRefused()
    {
        // Field 7 (graph), then node, attribute, graph, ... as length-delimited messages, thousands deep.
        byte[] message = [];
        for (int i = 0; i < 3000; i++)
        {
            int tag = (i % 3) switch { 0 => 6 << 3, 1 => 5 << 3, _ => 1 << 3 } | 2;
            using var stream = new MemoryStream();
            using var output = new CodedOutputStream(stream);
            output.WriteRawTag((byte)tag);
            output.WriteBytes(ByteString.CopyFrom(message));
            output.Flush();
            message = stream.ToArray();
        }

        using var model = new MemoryStream();
        using var writer = new CodedOutputStream(model);
        writer.WriteRawTag((7 << 3) | 2);
        writer.WriteBytes(ByteString.CopyFrom(message));
        writer.Flush();
        Assert.Throws<OnnxFormatException>(() => OnnxModel.Parse(model.ToArray()));
    }

    [Theory]
    [InlineData(1L << 20, 1L << 20, "the machine has")]
    [InlineData(1, 1L << 39, "more than a session takes")]
    public void InputsLargerThanTheMachine_AreRefused(long rows, long columns, string message)
    {
        var g = new OnnxGraphBuilder("large");
        g.Input("x", OnnxType.Float, [rows, columns]);
        g.Node("Relu", "/Relu", ["x"], [("y", OnnxType.Float, [rows, columns])]);
        g.Output("y", OnnxType.Float, [rows, columns]);
        Assert.Contains(message, Assert.Throws<OnnxFormatException>(() => new OnnxRunner(g.Build())).Message);
    }

    private static void External(ModelProto model, string location)
    {
        TensorProto tensor = model.Graph.Initializer[0];
        tensor.RawData = ByteString.Empty;
        tensor.DataLocation = TensorProto.Types.DataLocation.External;
        tensor.ExternalData.Add(new StringStringEntryProto { Key = "location", Value = location });
    }

    private static AttributeProto Nested(int depth) => new()
    {
        Name = "body",
        Type = AttributeProto.Types.AttributeType.Graph,
        G = new GraphProto { Name = "g", Node = { new NodeProto { OpType = "Loop", Output = { "v" + depth }, Attribute = { depth == 0 ? [] : [Nested(depth - 1)] } } } },
    };
}
