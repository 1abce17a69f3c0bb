using ModelGen.Compiler.Ir;

namespace ModelGen.Compiler.Ops;

/// <summary>What a type rule sees: operator name, settings and operand types (null for an absent optional operand).</summary>
internal sealed record OpContext(string Op, OpAttributes Attributes, TensorType?[] Inputs)
{
    /// <summary>The context of a node in a graph.</summary>
    public static OpContext Of(Graph graph, Node node) =>
        new(node.Op, node.Attributes, [.. node.Inputs.Select(input => input < 0 ? null : graph.TypeOf(input))]);

    public TensorType this[int index] => Inputs[index] ?? throw new OpException($"{Op} needs operand {index}");

    public bool Has(int index) => index < Inputs.Length && Inputs[index] is not null;

    /// <summary>Resolves a possibly negative axis.</summary>
    /// <exception cref="OpException">The axis is out of range.</exception>
    public static long Axis(string op, long axis, int rank)
    {
        if (axis < -rank || axis >= rank)
        {
            throw new OpException($"{op} has no dimension {Invariant.Text(axis)}: the tensor has {Invariant.Text(rank)} dimension(s), so {Invariant.Text(-rank)} to {Invariant.Text(rank - 1)} are valid");
        }

        return axis < 0 ? axis + rank : axis;
    }

    /// <summary>The common shape of two operands under PyTorch's broadcasting rules.</summary>
    /// <exception cref="OpException">Some sizes can never match.</exception>
    public static EquatableArray<Dim> Broadcast(string op, EquatableArray<Dim> a, EquatableArray<Dim> b)
    {
        int rank = Math.Max(a.Count, b.Count);
        var shape = new Dim[rank];
        for (int i = 0; i < rank; i++)
        {
            Dim x = i < rank - a.Count ? 1 : a[i - (rank - a.Count)];
            Dim y = i < rank - b.Count ? 1 : b[i - (rank - b.Count)];
            if (!x.Equals(y) && x.Constant != 1 && y.Constant != 1)
            {
                throw new OpException(
                    $"{op}: shapes {a} and {b} do not broadcast: sizes {x} and {y} differ in dimension {Invariant.Text(i - rank)}. "
                    + "Sizes must be equal or 1; use reshape or unsqueeze to line them up");
            }

            shape[i] = x.Constant == 1 ? y : x;
        }

        return shape;
    }

    public static void RequireFloat(string op, TensorType type)
    {
        if (!type.DType.IsFloat())
        {
            throw new OpException($"{op} needs a floating-point tensor, got {type}; convert it first with .to(ScalarType.Float32)");
        }
    }
}
