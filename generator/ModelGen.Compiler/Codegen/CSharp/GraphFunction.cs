using ModelGen.Compiler.Ir;

namespace ModelGen.Compiler.Codegen;

/// <summary>Writes the frame of a generated function over tensors: input checks, sizes, scope, statements, results.</summary>
internal sealed class GraphFunction
{
    private readonly Graph graph;
    private readonly Dictionary<int, string> leaves = [];
    private readonly NameAllocator names;

    /// <summary>Names the inputs, parameters and buffers.</summary>
    /// <param name="graph">The graph.</param>
    /// <param name="weight">C# text of the weight with a number among parameters and buffers.</param>
    /// <param name="reserved">Names that the frame itself uses.</param>
    public GraphFunction(Graph graph, Func<int, Value, string> weight, params string[] reserved)
    {
        this.graph = graph;
        names = new NameAllocator(["device", "scope", "noGrad", "torch", "TensorOps", "F", "onnx", "Gradients", "Optimizer", "Update", "Accumulate", "Measure", .. Symbols(graph), .. reserved]);
        foreach (int value in graph.ValuesOf(ValueKind.Input).Concat(graph.ValuesOf(ValueKind.Target)))
        {
            leaves[value] = names.Unique(graph.Values[value].Name);
        }

        int index = 0;
        foreach (int value in Weights(graph))
        {
            leaves[value] = weight(index++, graph.Values[value]);
        }
    }

    /// <summary>Parameters, then buffers: the order of the generated weight table.</summary>
    public static IEnumerable<int> Weights(Graph graph) => graph.ValuesOf(ValueKind.Parameter).Concat(graph.ValuesOf(ValueKind.Buffer));

    public static IEnumerable<string> Symbols(Graph graph) =>
        graph.ValuesOf(ValueKind.Input).SelectMany(value => graph.TypeOf(value).Shape).SelectMany(static dim => dim.Symbols()).Distinct();

    public string NameOf(int value) => leaves[value];

    public CSharpBody Body() => new(graph, names, value => leaves[value]);

    /// <summary>Writes the checks of the inputs and the variables of the symbolic sizes.</summary>
    public void WriteInputs(IndentedWriter writer)
    {
        var known = new HashSet<string>(StringComparer.Ordinal);
        foreach (int value in graph.ValuesOf(ValueKind.Input).Concat(graph.ValuesOf(ValueKind.Target)))
        {
            TensorType type = graph.TypeOf(value);
            string name = leaves[value];
            for (int axis = 0; axis < type.Rank; axis++)
            {
                string text = type.Shape[axis].ToString();
                if (type.Shape[axis].Constant is null && type.Shape[axis].Equals(Dim.Symbol(text)) && known.Add(text))
                {
                    writer.Line($"long {text} = TensorOps.SizeOf({name}, \"{graph.Values[value].Name}\", {Invariant.Text(axis)}, {Invariant.Text(type.Rank)});");
                }
            }

            writer.Line($"TensorOps.CheckInput({name}, \"{graph.Values[value].Name}\", {type.DType.Torch()}, {CSharpContext.Longs(type.Shape)}, \"{type.ShapeText()}\");");
        }
    }
}
