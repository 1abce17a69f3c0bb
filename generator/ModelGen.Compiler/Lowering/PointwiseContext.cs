using ModelGen.Compiler.Ir;
using ModelGen.Compiler.Ops;

namespace ModelGen.Compiler.Lowering;

/// <summary>What an elementwise operator sees when it writes its expression over vectors. Booleans are masks.</summary>
internal sealed class PointwiseContext(Graph graph, Node node, Func<int, string> nameOf)
{
    public OpAttributes Attributes => node.Attributes;

    /// <summary>The vector of an operand.</summary>
    public string this[int index] => nameOf(node.Inputs[index]);

    public TensorType Type(int index) => graph.TypeOf(node.Inputs[index]);

    public TensorType Result => graph.TypeOf(node.Outputs[0]);

    /// <summary>The same number in all lanes.</summary>
    public static string All(double value) => value == 0 ? "V.Zero" : $"V.All({Number(value)})";

    /// <summary>A float literal.</summary>
    public static string Number(double value) =>
        double.IsNaN(value) ? "float.NaN"
        : value > float.MaxValue ? "float.PositiveInfinity"
        : value < float.MinValue ? "float.NegativeInfinity"
        : ((float)value).ToString("R", System.Globalization.CultureInfo.InvariantCulture) + "f";

    /// <summary>Whether an operator is elementwise for these operands: all are float32 or boolean.</summary>
    public static bool Applies(Graph graph, Node node) =>
        OpRegistry.Get(node.Op).Pointwise is not null && node.Inputs.Concat(node.Outputs).All(value => value >= 0 && graph.TypeOf(value).DType is DType.Float32 or DType.Bool);
}
