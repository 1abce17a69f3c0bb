using System.Runtime.InteropServices;
using Google.Protobuf;
using ModelGen.Onnx.Proto;

namespace ModelGen.Onnx;

/// <summary>Builds a model node by node, in execution order.</summary>
public sealed class OnnxGraphBuilder
{
    /// <summary>Metadata key of a node: the class of the model and the path of the member that the node comes from.</summary>
    public const string MemberKey = "modelgen.member";

    /// <summary>Metadata key of a node: the C# expression that it comes from.</summary>
    public const string SourceKey = "modelgen.source";

    private readonly ModelProto model;
    private readonly HashSet<string> nodeNames = new(StringComparer.Ordinal);
    private readonly HashSet<string> values = new(StringComparer.Ordinal);
    private readonly HashSet<string> initializers = new(StringComparer.Ordinal);
    private readonly Dictionary<string, ValueInfoProto> intermediates = new(StringComparer.Ordinal);
    private StringStringEntryProto[] origin = [];

    /// <summary>An empty model.</summary>
    /// <param name="name">Name of the graph.</param>
    /// <param name="opset">Version of the ai.onnx operator set.</param>
    /// <param name="irVersion">Version of the file format.</param>
    public OnnxGraphBuilder(string name, int opset = 21, int irVersion = 10)
    {
        model = new ModelProto { IrVersion = irVersion, ProducerName = "ModelGen", ProducerVersion = typeof(OnnxGraphBuilder).Assembly.GetName().Version!.ToString(3), Graph = new GraphProto { Name = name } };
        model.OpsetImport.Add(new OperatorSetIdProto { Domain = "", Version = opset });
    }

    /// <summary>Declares a graph input.</summary>
    public void Input(string name, OnnxType type, ReadOnlySpan<long> shape, string? documentation = null)
    {
        Define(name, "input");
        model.Graph.Input.Add(Info(name, type, shape, documentation));
    }

    /// <summary>Describes the model.</summary>
    /// <param name="documentation">Text for readers.</param>
    public void Document(string documentation)
    {
        model.DocString = documentation;
        model.Graph.DocString = documentation;
    }

    /// <summary>Declares a graph output; a node must produce it.</summary>
    public void Output(string name, OnnxType type, ReadOnlySpan<long> shape, string? documentation = null) =>
        model.Graph.Output.Add(Info(name, type, shape, documentation));

    /// <summary>Adds a constant tensor.</summary>
    /// <typeparam name="T">float, double, long, int, short, ushort, sbyte, byte or bool.</typeparam>
    public void Initializer<T>(string name, ReadOnlySpan<long> shape, ReadOnlySpan<T> data)
        where T : unmanaged
    {
        Define(name, "initialiser");
        if (OnnxTypes.Count(shape.ToArray()) != data.Length)
        {
            throw new ArgumentException($"The initialiser '{name}' of shape [{string.Join(", ", shape.ToArray())}] was given {data.Length} values.", nameof(data));
        }

        initializers.Add(name);
        model.Graph.Initializer.Add(new TensorProto { Name = name, Dims = { shape.ToArray() }, DataType = (int)OnnxTypes.Of<T>(), RawData = ByteString.CopyFrom(MemoryMarshal.AsBytes(data)) });
    }

    /// <summary>Whether an initialiser of this name exists.</summary>
    public bool HasInitializer(string name) => initializers.Contains(name);

    /// <summary>Adds a node and declares its results.</summary>
    /// <param name="opType">Operator.</param>
    /// <param name="name">Unique name of the node.</param>
    /// <param name="inputs">Names of operands; an empty name is an omitted optional one.</param>
    /// <param name="outputs">Names, types and shapes of the results.</param>
    /// <param name="attributes">Settings.</param>
    /// <exception cref="ArgumentException">A name is taken, or an operand is not defined yet.</exception>
    public void Node(string opType, string name, string[] inputs, (string Name, OnnxType Type, long[] Shape)[] outputs, params OnnxAttribute[] attributes)
    {
        if (!nodeNames.Add(name))
        {
            throw new ArgumentException($"There are two nodes named '{name}'; ONNX Runtime needs unique names.", nameof(name));
        }

        if (inputs.FirstOrDefault(input => input.Length > 0 && !values.Contains(input)) is string missing)
        {
            throw new ArgumentException($"The node '{name}' reads '{missing}', which is not defined before it.", nameof(inputs));
        }

        var node = new NodeProto { OpType = opType, Name = name, MetadataProps = { origin.Select(static entry => entry.Clone()) } };
        node.Input.AddRange(inputs);
        foreach ((string output, OnnxType type, long[] shape) in outputs)
        {
            Define(output, "value");
            node.Output.Add(output);
            intermediates[output] = Info(output, type, shape, null);
        }

        node.Attribute.AddRange(attributes.Select(static attribute => attribute.Proto));
        model.Graph.Node.Add(node);
    }

    /// <summary>
    /// Says where the nodes that follow come from: it is written to the metadata of each, under the keys that torch.onnx uses (<c>pkg.torch.onnx.name_scopes</c>,
    /// <c>pkg.torch.onnx.class_hierarchy</c>) and under <c>modelgen.member</c> and <c>modelgen.source</c>.
    /// </summary>
    /// <param name="source">The C# expression; empty when there is none.</param>
    /// <param name="scopes">Path and class of the model, of each block and of the layer, from the outside in.</param>
    public void Origin(string source, params (string Path, string Type)[] scopes)
    {
        string List(IEnumerable<string> values) => "[" + string.Join(", ", values.Select(static value => $"'{value}'")) + "]";
        List<StringStringEntryProto> entries =
        [
            new() { Key = "pkg.torch.onnx.name_scopes", Value = List(scopes.Select(static scope => scope.Path)) },
            new() { Key = "pkg.torch.onnx.class_hierarchy", Value = List(scopes.Select(static scope => scope.Type)) },
        ];
        if (scopes.Length > 0)
        {
            entries.Add(new() { Key = MemberKey, Value = scopes[^1].Path.Length > 0 ? $"{scopes[0].Type}.{scopes[^1].Path}" : scopes[0].Type });
        }

        if (source.Length > 0)
        {
            entries.Add(new() { Key = SourceKey, Value = source });
        }

        origin = [.. entries];
    }

    /// <summary>Adds a metadata entry.</summary>
    public void Metadata(string key, string value) => model.MetadataProps.Add(new StringStringEntryProto { Key = key, Value = value });

    /// <summary>Finishes the model.</summary>
    /// <returns>The model.</returns>
    /// <exception cref="InvalidOperationException">An output is produced by no node, or there is no output.</exception>
    public OnnxModel Build()
    {
        var outputs = model.Graph.Output.Select(static output => output.Name).ToHashSet(StringComparer.Ordinal);
        if (outputs.Count == 0 || outputs.FirstOrDefault(output => !intermediates.ContainsKey(output)) is not null)
        {
            throw new InvalidOperationException($"The graph '{model.Graph.Name}' needs at least one output, and a node for each: [{string.Join(", ", outputs)}].");
        }

        model.Graph.ValueInfo.Clear();
        model.Graph.ValueInfo.AddRange(intermediates.Where(pair => !outputs.Contains(pair.Key)).Select(static pair => pair.Value));
        return new OnnxModel(model);
    }

    private static ValueInfoProto Info(string name, OnnxType type, ReadOnlySpan<long> shape, string? documentation)
    {
        var tensor = new TypeProto.Types.Tensor { ElemType = (int)type, Shape = new TensorShapeProto() };
        foreach (long size in shape)
        {
            tensor.Shape.Dim.Add(new TensorShapeProto.Types.Dimension { DimValue = size });
        }

        return new ValueInfoProto { Name = name, Type = new TypeProto { TensorType = tensor }, DocString = documentation ?? "" };
    }

    private void Define(string name, string what)
    {
        if (name.Length == 0 || !values.Add(name))
        {
            throw new ArgumentException($"The {what} name '{name}' is empty or taken.", nameof(name));
        }
    }
}
