using System.Runtime.InteropServices;
using ModelGen.Onnx;
using static TorchSharp.torch;

namespace ModelGen.EndToEnd.Tests;

/// <summary>Exported models in ONNX Runtime, against eager TorchSharp.</summary>
public sealed class OnnxTests
{
    /// <summary>Models whose graph depends on the batch in more than shapes, with the reason.</summary>
    private static readonly Dictionary<string, string> Static = [];

    public static TheoryData<string> Names => [.. Cases.All.Keys];

    [Theory]
    [MemberData(nameof(Names))]
    public void Onnx_EqualsEager(string name)
    {
        using Case test = Cases.All[name](1);
        test.Module.eval();
        OnnxModel model = test.ToOnnx();
        Compare(test, model, 1e-5, name);
        ProtoFacts.Check(model);
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void OptimizedGraphs_HaveNoMoreNodes_AndEqualThePlainOnes(string name)
    {
        using Case test = Cases.All[name](1);
        test.Module.eval();
        OnnxModel plain = test.ToOnnx(static options => options with { Optimize = false });
        OnnxModel optimized = test.ToOnnx();
        Assert.True(optimized.Proto.Graph.Node.Count <= plain.Proto.Graph.Node.Count);
        Compare(test, plain, 1e-5, name);
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void OpenBatch_TakesAnySize(string name)
    {
        string size = name == "TorchTransformer" ? "N" : "N";
        using Case first = Cases.All[name](3);
        first.Module.eval();
        if (Static.TryGetValue(name, out string? reason))
        {
            Assert.Contains(reason, Assert.Throws<NotSupportedException>(() => first.ToOnnx(options => options with { OpenSize = size })).Message);
            return;
        }

        OnnxModel model = first.ToOnnx(options => options with { OpenSize = size });
        Assert.Contains(model.Proto.Graph.Input[0].Type.TensorType.Shape.Dim, dim => dim.DimParam == size);
        Compare(first, model, 1e-5, name + " of 3");
        using Case second = Cases.All[name](1);
        second.Module.load_state_dict(first.Module.state_dict());
        second.Module.eval();
        Compare(second, model, 1e-5, name + " of 1");
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void NewOperatorSets_EqualEager(string name)
    {
        using Case test = Cases.All[name](1);
        test.Module.eval();
        foreach ((int opset, int ir) in ((int, int)[])[(22, 10), (23, 11), (26, 13)])
        {
            OnnxModel model = test.ToOnnx(options => options with { Opset = opset });
            Assert.Equal((ir, opset), (model.Proto.IrVersion, model.Proto.OpsetImport[0].Version));
            Compare(test, model, 1e-5, $"{name} with operator set {opset}");
        }
    }

    [Theory]
    [InlineData("TextNet", 1)]
    [InlineData("CausalNet", 1)]
    [InlineData("TorchGpt", 2)]
    [InlineData("TorchTransformer", 3)]
    public void NewOperatorSets_HaveAttention(string name, int least)
    {
        using Case test = Cases.All[name](1);
        OnnxModel model = test.ToOnnx(static options => options with { Opset = 23 });
        Assert.True(model.Proto.Graph.Node.Count(static node => node.OpType == "Attention") >= least, string.Join(" ", model.Proto.Graph.Node.Select(static node => node.OpType)));
        Assert.DoesNotContain(test.ToOnnx().Proto.Graph.Node, static node => node.OpType == "Attention");
    }

    [Theory]
    [InlineData("NormalizedCnn")]
    [InlineData("ResidualNet")]
    [InlineData("TextNet")]
    [InlineData("CausalNet")]
    [InlineData("Mlp")]
    public void Float16_IsCloseToEager(string name)
    {
        using Case test = Cases.All[name](1);
        test.Module.eval();
        OnnxModel model = test.ToOnnx(static options => options with { Precision = OnnxType.Float16 });
        Assert.DoesNotContain(model.Proto.Graph.Initializer, static tensor => tensor.DataType == (int)OnnxType.Float);
        Compare(test, model, 1e-2, name);
        Assert.True(model.ToByteArray().Length < test.ToOnnx().ToByteArray().Length);
    }

    /// <summary>Feeds a case's samples to a model and compares its first output.</summary>
    private static void Compare(Case test, OnnxModel model, double tolerance, string what)
    {
        Tensor[] inputs = test.Inputs();
        using IDisposable guard = no_grad();
        using Tensor expected = test.Eager(inputs);
        using var runner = new OnnxRunner(model);
        var feed = runner.Inputs.Select((entry, index) => (entry.Name, Value: ToOnnx(inputs[index]))).ToDictionary(static pair => pair.Name, static pair => pair.Value);
        OnnxTensor output = runner.Run(feed)[runner.Outputs[0].Name];
        using Tensor actual = tensor(output.AsSpan<float>().ToArray(), [.. output.Shape]);
        Tests.Compare.Close(expected, actual, tolerance, what);
    }

    private static OnnxTensor ToOnnx(Tensor tensor) => tensor.dtype == ScalarType.Int64
        ? OnnxTensor.From<long>(MemoryMarshal.Cast<byte, long>(tensor.bytes), tensor.shape)
        : OnnxTensor.From<float>(MemoryMarshal.Cast<byte, float>(tensor.bytes), tensor.shape);
}
