using ModelGen.Compiler.Ir;

namespace ModelGen.Compiler.Codegen;

/// <summary>What an operator sees when it writes its ONNX nodes: calls that the generated exporter makes on its builder.</summary>
internal sealed class OnnxContext(Graph graph, Node node, OnnxBody body)
{
    public OpAttributes Attributes => node.Attributes;

    public int InputCount => node.Inputs.Count;

    public bool Has(int index) => index < node.Inputs.Count && node.Inputs[index] >= 0;

    public TensorType Type(int index) => graph.TypeOf(node.Inputs[index]);

    public TensorType Result(int index = 0) => graph.TypeOf(node.Outputs[index]);

    /// <summary>C# text of the ONNX name of an operand; weights become initialisers on first use.</summary>
    public string Input(int index) => Has(index) ? body.NameOf(node.Inputs[index]) : "\"\"";

    /// <summary>C# text of the ONNX name of an operand with its last two dimensions swapped; null when it is not a weight known at export.</summary>
    public string? TransposedWeight(int index) => body.TransposedWeight(node.Inputs[index]);

    /// <summary>C# text of the ONNX name of a result.</summary>
    public string Output(int index = 0) => body.NameOf(node.Outputs[index]);

    /// <summary>C# text of the name of an initialiser with these values.</summary>
    public string Longs(params string[] values) => body.Longs(values);

    public string Scalar(double value, DType dtype = DType.Float32) => body.Scalar(value, dtype);

    /// <summary>Writes a node whose only result is the operator's result.</summary>
    public void Node(string op, string[] inputs, params string[] attributes) => body.Node(node, op, inputs, Output(), Result(), attributes);

    /// <summary>Writes a node with all of the operator's results.</summary>
    public void Nodes(string op, string[] inputs, params string[] attributes) =>
        body.Node(node, op, inputs, [.. Enumerable.Range(0, node.Outputs.Count).Select(index => (Output(index), Result(index)))], attributes);

    /// <summary>Writes a node with an intermediate result and returns the C# text of its name.</summary>
    public string Intermediate(string op, string[] inputs, TensorType type, params string[] attributes)
    {
        string output = body.FreshName(node, op);
        body.Node(node, op, inputs, output, type, attributes);
        return output;
    }

    /// <summary>Writes a node whose first result is intermediate and whose others are the operator's own; returns the C# text of the first one's name.</summary>
    public string IntermediateWith(string op, string[] inputs, TensorType type, (string Name, TensorType Type)[] others, params string[] attributes)
    {
        string output = body.FreshName(node, op);
        body.Node(node, op, inputs, [(output, type), .. others], attributes);
        return output;
    }

    /// <summary>C# text of an operand as a tensor in the exporter; only weights have one.</summary>
    public string Tensor(int index) => body.Tensor(node.Inputs[index]);

    /// <summary>Writes an initialiser that the exporter computes, and returns the C# text of its name.</summary>
    public string Computed(string name, string tensor) => body.Computed(body.FreshName(node, name), tensor);

    public static string Texts(string name, IEnumerable<string> values) => $"OnnxAttribute.Strings(\"{name}\", {string.Join(", ", values.Select(Invariant.Literal))})";

    public static string Int(string name, long value) => $"OnnxAttribute.Int(\"{name}\", {Invariant.Text(value)})";

    /// <summary>An attribute that holds an element type.</summary>
    public static string Type(string name, DType type) => $"OnnxAttribute.Int(\"{name}\", (int){OnnxBody.OnnxType(type)})";

    public static string Ints(string name, IEnumerable<long> values) => $"OnnxAttribute.Ints(\"{name}\", {string.Join(", ", values.Select(Invariant.Text))})";

    public static string Float(string name, double value) => $"OnnxAttribute.Float(\"{name}\", (float){Invariant.Text(value)})";

    public static string Text(string name, string value) => $"OnnxAttribute.String(\"{name}\", {Invariant.Literal(value)})";
}
