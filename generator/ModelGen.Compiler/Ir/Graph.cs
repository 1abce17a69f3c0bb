namespace ModelGen.Compiler.Ir;

/// <summary>What a value of a graph is.</summary>
internal enum ValueKind
{
    /// <summary>Result of a node.</summary>
    Intermediate,

    /// <summary>Model input.</summary>
    Input,

    /// <summary>Target of the loss.</summary>
    Target,

    /// <summary>Trainable tensor of the model.</summary>
    Parameter,

    /// <summary>Tensor of the model that the optimizer leaves alone, such as running statistics.</summary>
    Buffer,
}

/// <summary>A tensor in a graph. For parameters and buffers the name is the state-dict key.</summary>
internal sealed record Value(string Name, TensorType Type, ValueKind Kind);

/// <summary>One operator application. Inputs and outputs are indices into <see cref="Graph.Values"/>; an absent optional input is -1.</summary>
/// <param name="Op">Operator name in the registry.</param>
/// <param name="Inputs">Operand values.</param>
/// <param name="Outputs">Result values.</param>
/// <param name="Attributes">Constant settings.</param>
/// <param name="Layer">State-dict path of the layer it comes from; empty outside layers.</param>
/// <param name="Source">The user's expression, for comments in generated code.</param>
internal sealed record Node(string Op, EquatableArray<int> Inputs, EquatableArray<int> Outputs, OpAttributes Attributes, string Layer, string Source);

/// <summary>A straight-line program over tensors. Immutable, with structural equality, nodes in execution order.</summary>
internal sealed record Graph(string Name, EquatableArray<Value> Values, EquatableArray<Node> Nodes, EquatableArray<int> Outputs)
{
    public IEnumerable<int> ValuesOf(ValueKind kind) => Enumerable.Range(0, Values.Count).Where(index => Values[index].Kind == kind);

    public TensorType TypeOf(int value) => Values[value].Type;

    public override string ToString() => GraphPrinter.Print(this);
}
