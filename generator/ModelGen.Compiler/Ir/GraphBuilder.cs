using ModelGen.Compiler.Ops;

namespace ModelGen.Compiler.Ir;

/// <summary>Builds a graph node by node; types are inferred as nodes are added.</summary>
internal sealed class GraphBuilder(string name)
{
    private readonly List<Value> values = [];
    private readonly List<Node> nodes = [];

    public GraphBuilder(Graph graph)
        : this(graph.Name)
    {
        values.AddRange(graph.Values);
        nodes.AddRange(graph.Nodes);
    }

    /// <summary>State-dict path given to the nodes added next.</summary>
    public string Layer { get; set; } = "";

    /// <summary>User expression given to the nodes added next.</summary>
    public string Source { get; set; } = "";

    public IReadOnlyList<Node> Nodes => nodes;

    public IReadOnlyList<Value> Values => values;

    public TensorType TypeOf(int value) => values[value].Type;

    public int AddValue(string valueName, TensorType type, ValueKind kind)
    {
        values.Add(new Value(valueName, type, kind));
        return values.Count - 1;
    }

    /// <summary>Adds a node with one output.</summary>
    /// <exception cref="OpException">The operands do not fit the operator.</exception>
    public int Add(string op, int[] inputs, params (string Name, object Value)[] attributes) => AddNode(op, inputs, OpAttributes.Of(attributes))[0];

    /// <summary>Adds a node.</summary>
    /// <exception cref="OpException">The operands do not fit the operator.</exception>
    public EquatableArray<int> AddNode(string op, EquatableArray<int> inputs, OpAttributes attributes)
    {
        EquatableArray<TensorType> types = OpRegistry.Get(op).Infer(new OpContext(op, attributes, inputs.Select(input => input < 0 ? null : TypeOf(input)).ToArray()));
        int[] outputs = [.. types.Select(type => AddValue("", type, ValueKind.Intermediate))];
        nodes.Add(new Node(op, inputs, outputs, attributes, Layer, Source));
        return outputs;
    }

    /// <summary>Names a value after a variable of the user, unless it has a name.</summary>
    public void NameValue(int value, string valueName)
    {
        if (values[value].Kind == ValueKind.Intermediate && values[value].Name.Length == 0)
        {
            values[value] = values[value] with { Name = valueName };
        }
    }

    public Graph Build(params int[] outputs) => new(name, values.ToEquatableArray(), nodes.ToEquatableArray(), outputs);
}
