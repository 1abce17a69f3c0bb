using ModelGen.Compiler.Ir;
using ModelGen.Compiler.Lowering;

namespace ModelGen.Compiler.Ops;

/// <summary>Sums and means as calls of a kernel that sums the middle one of three dimensions.</summary>
internal static class ReductionLowering
{
    /// <summary>Writes the sum over axes; false for operands that are not float32.</summary>
    public static bool Sum(KernelContext k, EquatableArray<long> axes, bool mean)
    {
        if (k.Type(0).DType != DType.Float32)
        {
            return false;
        }

        Place x = k.Operand(0);
        EquatableArray<long> order = LoopNest.OrderOf(x);
        if (!x.IsDense(order) || Groups(x, order, axes) is null)
        {
            // What is kept first, what is summed last.
            long[] all = [.. Place.Identity(x.Shape.Count)];
            order = all.Where(axis => !axes.Contains(axis)).Concat(axes).ToEquatableArray();
            x = k.OrderedOperand(0, order);
        }

        (Dim outer, Dim length, Dim inner) = Groups(x, order, axes)!.Value;
        Place result = k.Result();
        string scale = mean ? $"1f / ({length.ToCSharp()})" : "1";
        k.Emit($"Reduction<V>.Sum({k.Read(x)}, {outer.ToCSharp()}, {length.ToCSharp()}, {inner.ToCSharp()}, {scale}, {k.Write(result)});");
        return true;
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
