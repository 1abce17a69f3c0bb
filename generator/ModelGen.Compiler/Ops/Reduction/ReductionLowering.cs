using ModelGen.Compiler.Ir;
using ModelGen.Compiler.Lowering;

namespace ModelGen.Compiler.Ops;

/// <summary>Reductions as calls of kernels that reduce the middle one of three dimensions.</summary>
internal static class ReductionLowering
{
    /// <summary>Writes the sum over axes; false for operands that are not float32.</summary>
    public static bool Sum(KernelContext k, EquatableArray<long> axes, bool mean)
    {
        if (k.Type(0).DType == DType.Int64 && !mean)
        {
            return Call(k, axes, static (place, sizes, result) => $"Integers.Sum({place}, {sizes}, {result});");
        }

        if (k.Type(0).DType != DType.Float32)
        {
            return false;
        }

        (Place x, Dim outer, Dim length, Dim inner) = Operand(k, axes);
        string scale = mean ? $"1f / ({length.ToCSharp()})" : "1";
        k.Emit($"Reduction<V>.Sum({k.Read(x)}, {outer.ToCSharp()}, {length.ToCSharp()}, {inner.ToCSharp()}, {scale}, {k.Write(k.Result())});");
        return true;
    }

    /// <summary>Writes a reduction of float32, or of integers, over one axis or more; false for other operands.</summary>
    /// <param name="k">The operator.</param>
    /// <param name="axes">What is reduced.</param>
    /// <param name="kernel">Name of the kernel.</param>
    /// <param name="integers">Name of the kernel for 64-bit integers; null for none.</param>
    public static bool Fold(KernelContext k, EquatableArray<long> axes, string kernel, string? integers = null) =>
        (k.Type(0).DType switch { DType.Float32 => kernel, DType.Int64 => integers, _ => null }) is { } name && Call(k, axes, (place, sizes, result) => $"{name}({place}, {sizes}, {result});");

    /// <summary>Writes the gradient of a product along one axis; operands are those of <c>vjp</c>.</summary>
    public static bool ProductGradient(KernelContext k)
    {
        if (k.Type(1).DType != DType.Float32)
        {
            return false;
        }

        string operands = $"{k.Read(k.RowMajorOperand(0))}, {k.Read(k.RowMajorOperand(1))}, {Around(k.Type(1).Shape, k.Attributes.Int("axis"))}";
        k.Emit($"Reduction<V>.ProductBackward({operands}, {k.Write(k.Result())});");
        return true;
    }

    private static bool Call(KernelContext k, EquatableArray<long> axes, Func<string, string, string, string> call)
    {
        (Place x, Dim outer, Dim length, Dim inner) = Operand(k, axes);
        k.Emit(call(k.Read(x), $"{outer.ToCSharp()}, {length.ToCSharp()}, {inner.ToCSharp()}", k.Write(k.Result())));
        return true;
    }

    /// <summary>The operand as <c>[outer, length, inner]</c>, copied where it does not lie so.</summary>
    private static (Place X, Dim Outer, Dim Length, Dim Inner) Operand(KernelContext k, EquatableArray<long> axes)
    {
        Place x = k.Operand(0);
        EquatableArray<long> order = LoopNest.OrderOf(x);
        if (!x.IsDense(order) || Groups(x, order, axes) is null)
        {
            // What is kept first, what is reduced last.
            long[] all = [.. Place.Identity(x.Shape.Count)];
            order = all.Where(axis => !axes.Contains(axis)).Concat(axes).ToEquatableArray();
            x = k.OrderedOperand(0, order);
        }

        (Dim outer, Dim length, Dim inner) = Groups(x, order, axes)!.Value;
        return (x, outer, length, inner);
    }

    /// <summary>The sizes of a tensor by rows before an axis, of the axis, and behind it, as C# arguments.</summary>
    public static string Around(EquatableArray<Dim> shape, long axis)
    {
        Dim Product(IEnumerable<Dim> dims) => dims.Aggregate(Dim.One, static (product, dim) => product * dim);
        return $"{Product(shape.Take((int)axis)).ToCSharp()}, {shape[(int)axis].ToCSharp()}, {Product(shape.Skip((int)axis + 1)).ToCSharp()}";
    }

    /// <summary>Sizes of what is kept, summed and kept, in the order of the memory; null when summed and kept dimensions alternate more often, or kept ones change places.</summary>
    private static (Dim Outer, Dim Length, Dim Inner)? Groups(Place x, EquatableArray<long> order, EquatableArray<long> axes)
    {
        Dim[] sizes = [Dim.One, Dim.One, Dim.One];
        int group = 0;
        long before = -1;
        foreach (long axis in order.Where(axis => x.Shape[(int)axis].Constant != 1))
        {
            bool summed = axes.Contains(axis);
            if (summed ? group == 2 : axis < before)
            {
                return null;
            }

            group = summed ? 1 : group == 1 ? 2 : group;
            sizes[group] *= x.Shape[(int)axis];
            before = summed ? before : axis;
        }

        return (sizes[0], sizes[1], sizes[2]);
    }
}
