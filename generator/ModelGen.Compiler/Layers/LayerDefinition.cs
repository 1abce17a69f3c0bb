using ModelGen.Compiler.Ir;
using ModelGen.Compiler.Ops;

namespace ModelGen.Compiler.Layers;

/// <summary>
/// A layer attribute: how it is written in the graph, which module it becomes in the eager model, and which sizes are inferred.
/// </summary>
internal abstract class LayerDefinition
{
    /// <summary>Attribute name without the suffix: <c>Conv2d</c>.</summary>
    public abstract string Name { get; }

    /// <summary>C# type of the eager module.</summary>
    public virtual string ModuleType => "global::TorchSharp.Modules." + Name;

    /// <summary>How many tensors the layer takes, smallest and largest.</summary>
    public virtual (int Least, int Most) Inputs => (1, 1);

    /// <summary>Writes the layer into the graph, declaring its parameters, and reports the inferred sizes.</summary>
    /// <exception cref="OpException">The input does not fit.</exception>
    public abstract int Apply(LayerContext c, int[] inputs);

    /// <summary>Names of the layer's parameters and how many dimensions they have, where no input is known; null for one that the arguments do not tell.</summary>
    /// <param name="argument">An attribute argument; null where its value is not known.</param>
    public virtual IEnumerable<(string Name, int? Rank)> ParameterRanks(Func<string, object?> argument) => [];

    /// <summary>C# expression that makes the eager module.</summary>
    /// <param name="argument">C# text of an attribute argument.</param>
    /// <param name="sizes">C# text of the inferred sizes.</param>
    public abstract string Construct(Func<string, string> argument, IReadOnlyList<string> sizes);

    /// <summary>C# expression of the eager call.</summary>
    public virtual string Call(string module, IReadOnlyList<string> inputs, Func<string, string> argument) => $"{module}.call({inputs[0]})";

    /// <summary>How many sizes are inferred.</summary>
    public virtual int InferredSizes(Func<string, object?> argument) => 1;
}

/// <summary>What a layer sees when it is written into the graph.</summary>
internal sealed class LayerContext(GraphBuilder graph, string path, Func<string, object?> argument, Func<string, TensorType, ValueKind, int> declare)
{
    public GraphBuilder Graph => graph;

    /// <summary>State-dict path of the layer.</summary>
    public string Path => path;

    /// <summary>The sizes that the layer's input fixed, for the eager module's constructor.</summary>
    public List<long> Sizes { get; } = [];

    /// <summary>An attribute argument that is one number.</summary>
    public long Int(string name) => argument(name) is long value ? value : throw new UnsupportedException($"{name} must be a whole number");

    public double Double(string name) => Convert.ToDouble(argument(name), System.Globalization.CultureInfo.InvariantCulture);

    public bool Bool(string name) => argument(name) is true;

    /// <summary>An attribute argument with one number per spatial dimension, or one for all.</summary>
    public long[] Ints(string name, int count) => argument(name) switch
    {
        long value => [.. Enumerable.Repeat(value, count)],
        long[] values when values.Length == count => values,
        long[] values => throw new OpException($"{name} has {Invariant.Text(values.Length)} entries, but this layer has {Invariant.Text(count)} spatial dimension(s)"),
        object other => throw new UnsupportedException($"{name} must be a whole number or an array of {Invariant.Text(count)}, not '{other}'"),
        _ => throw new OpException($"{name} is not given"),
    };

    public object? Argument(string name) => argument(name);

    /// <summary>A size of the input that must be known during the build; it becomes one of <see cref="Sizes"/>.</summary>
    public long Infer(int input, int axis, string what)
    {
        TensorType type = graph.TypeOf(input);
        int index = axis < 0 ? axis + type.Rank : axis;
        if (index < 0 || index >= type.Rank)
        {
            throw new OpException($"the input {type.ShapeText()} has no dimension for the {what}");
        }

        long size = type.Shape[index].Constant ?? throw new UnsupportedException($"the {what} must be known during the build, but the input is {type.ShapeText()}; write a number for '{type.Shape[index]}' in [Shape]");
        Sizes.Add(size);
        return size;
    }

    public int Parameter(string name, params Dim[] shape) => declare(name, new TensorType(DType.Float32, shape), ValueKind.Parameter);

    public int Buffer(string name, DType type, params Dim[] shape) => declare(name, new TensorType(type, shape), ValueKind.Buffer);
}

/// <summary>All layers of the attribute DSL.</summary>
internal static class LayerRegistry
{
    public static IReadOnlyList<LayerDefinition> All { get; } =
    [
        new ConvLayer(1),
        new ConvLayer(2),
        new LinearLayer(),
        new BatchNormLayer(1),
        new BatchNormLayer(2),
        new LayerNormLayer(),
        new DropoutLayer(),
        new EmbeddingLayer(),
        new PoolLayer(max: true),
        new PoolLayer(max: false),
        new AdaptiveAvgPoolLayer(),
        new AttentionLayer(),
        new ParameterLayer(),
    ];

    public static LayerDefinition? Find(string name) => All.FirstOrDefault(layer => layer.Name == name);
}
