using ModelGen.Compiler.Ir;
using ModelGen.Compiler.Ops;

namespace ModelGen.Compiler.Codegen;

/// <summary>What an operator sees when it writes its C# expression.</summary>
internal sealed class CSharpContext
{
    private readonly string op;
    private readonly TensorType?[] types;
    private readonly EquatableArray<TensorType> results;
    private readonly Func<int, string> nameOf;
    private readonly Func<int, double?> constantOf;
    private readonly Func<int, bool> isRead;

    private CSharpContext(
        string op,
        OpAttributes attributes,
        TensorType?[] types,
        EquatableArray<TensorType> results,
        Func<int, string> nameOf,
        Func<int, double?> constantOf,
        Func<int, bool> isRead)
    {
        this.op = op;
        Attributes = attributes;
        this.types = types;
        this.results = results;
        this.nameOf = nameOf;
        this.constantOf = constantOf;
        this.isRead = isRead;
    }

    /// <summary>The context of a node.</summary>
    /// <param name="graph">Its graph.</param>
    /// <param name="node">The node.</param>
    /// <param name="nameOf">Variable of a value.</param>
    /// <param name="constantOf">Number of a value that is written as a literal.</param>
    /// <param name="isRead">Whether anything reads a value.</param>
    public static CSharpContext Of(Graph graph, Node node, Func<int, string> nameOf, Func<int, double?> constantOf, Func<int, bool> isRead) => new(
        node.Op,
        node.Attributes,
        [.. node.Inputs.Select(input => input < 0 ? null : graph.TypeOf(input))],
        node.Outputs.Select(graph.TypeOf).ToEquatableArray(),
        index => nameOf(node.Inputs[index]),
        index => constantOf(node.Inputs[index]),
        index => isRead(node.Outputs[index]));

    public OpAttributes Attributes { get; }

    public int InputCount => types.Length;

    /// <summary>The variable that holds an operand, or "null" for an absent one.</summary>
    public string this[int index] => Has(index) ? nameOf(index) : "null";

    /// <summary>Whether anything reads a result.</summary>
    public bool IsRead(int index) => isRead(index);

    public bool Has(int index) => index < types.Length && types[index] is not null;

    public TensorType Type(int index) => types[index]!;

    public TensorType Result(int index = 0) => results[index];

    /// <summary>The operand's value when it is a scalar constant: written as a literal, no tensor is made for it.</summary>
    public string? Scalar(int index) => constantOf(index) is double value ? Invariant.Text(value) : null;

    /// <summary>The context of an operator inside a function over an array: its operands are this one's from a position on.</summary>
    /// <param name="inner">The operator; this context has its attributes.</param>
    /// <param name="first">Position of its first operand.</param>
    /// <param name="array">Name of the array.</param>
    public CSharpContext Within(OpDefinition inner, int first, string array)
    {
        TensorType?[] operands = [.. types.Skip(first)];
        EquatableArray<TensorType> inferred = inner.Infer(new OpContext(inner.Name, Attributes, operands));
        return new CSharpContext(inner.Name, Attributes, operands, inferred, index => $"{array}[{Invariant.Text(index)}]", index => constantOf(index + first), static _ => true);
    }

    public int ResultCount => results.Count;

    public static string Longs(EquatableArray<long> values) => "[" + string.Join(", ", values.Select(Invariant.Text)) + "]";

    public static string Longs(EquatableArray<Dim> values) => "[" + string.Join(", ", values.Select(static dim => dim.ToCSharp())) + "]";

    public string Ints(string attribute) => Longs(Attributes.Ints(attribute));

    public override string ToString() => op;
}
