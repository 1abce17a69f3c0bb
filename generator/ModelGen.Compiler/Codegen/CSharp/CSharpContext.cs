using ModelGen.Compiler.Ir;

namespace ModelGen.Compiler.Codegen;

/// <summary>What an operator sees when it writes its C# expression.</summary>
internal sealed class CSharpContext(Graph graph, Node node, Func<int, string> nameOf, Func<int, double?> constantOf)
{
    public OpAttributes Attributes => node.Attributes;

    /// <summary>The variable that holds an operand, or "null" for an absent one.</summary>
    public string this[int index] => Has(index) ? nameOf(node.Inputs[index]) : "null";

    public int InputCount => node.Inputs.Count;

    public bool Has(int index) => index < node.Inputs.Count && node.Inputs[index] >= 0;

    public TensorType Type(int index) => graph.TypeOf(node.Inputs[index]);

    public TensorType Result(int index = 0) => graph.TypeOf(node.Outputs[index]);

    /// <summary>The operand's value when it is a scalar constant: written as a literal, no tensor is made for it.</summary>
    public string? Scalar(int index) => constantOf(node.Inputs[index]) is double value ? Invariant.Text(value) : null;

    public static string Longs(EquatableArray<long> values) => "[" + string.Join(", ", values.Select(Invariant.Text)) + "]";

    public static string Longs(EquatableArray<Dim> values) => "[" + string.Join(", ", values.Select(static dim => dim.ToCSharp())) + "]";

    public string Ints(string attribute) => Longs(Attributes.Ints(attribute));
}
