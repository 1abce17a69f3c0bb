using ModelGen.Compiler.Ir;
using ModelGen.Compiler.Lowering;

namespace ModelGen.Compiler.Ops;

/// <summary>Padding and resampling as calls of kernels that handle one dimension, or the last two of images: one call for each, through memory in between.</summary>
internal static class ResampleLowering
{
    /// <summary>Fills the result and copies the operand, or what is left of it, into its middle.</summary>
    public static bool PadWithNumber(KernelContext k)
    {
        TensorType type = k.ResultType();
        if (type.DType is not (DType.Float32 or DType.Bool))
        {
            return false;
        }

        EquatableArray<long> pads = k.Attributes.Ints("pads");
        Place result = k.ResultLike(0);
        (Place from, Place to) = (k.Operand(0), result);
        bool grows = false;
        for (int i = 0; i < pads.Count / 2; i++)
        {
            int axis = type.Rank - 1 - i;
            (long before, long after) = (pads[2 * i], pads[(2 * i) + 1]);
            Dim length = k.Type(0).Shape[axis] + Math.Min(before, 0) + Math.Min(after, 0);
            from = from.Slice(axis, Math.Max(-before, 0), length);
            to = to.Slice(axis, Math.Max(before, 0), length);
            grows |= before > 0 || after > 0;
        }

        if (grows)
        {
            k.Emit($"Movement<V>.Fill({k.Write(result)}, {type.Count.ToCSharp()}, {PointwiseContext.Number(k.Attributes.Double("value"))});");
        }

        k.Copy(from, to);
        return true;
    }

    /// <summary>Pads with numbers of the tensor.</summary>
    public static bool Pad(KernelContext k)
    {
        if (k.Type(0).DType != DType.Float32 || k.Attributes.Ints("pads").Any(static pad => pad < 0))
        {
            return false;
        }

        Each(k, 0, k.Result, Padded(k, k.Type(0)), backward: false, (axis, place, around, target) => $"Padding<V>.Forward({place}, {around}, {Pads(k, axis)}, {target});");
        return true;
    }

    /// <summary>Gradient of padding with numbers of the tensor.</summary>
    public static bool PadGradient(KernelContext k)
    {
        if (k.Type(1).DType != DType.Float32 || k.Attributes.Ints("pads").Any(static pad => pad < 0))
        {
            return false;
        }

        Each(k, 0, k.Result, Padded(k, k.Type(1)), backward: true, (axis, place, around, target) => $"Padding<V>.Backward({place}, {around}, {Pads(k, axis)}, {target});");
        return true;
    }

    /// <summary>Resamples.</summary>
    public static bool Resize(KernelContext k)
    {
        if (k.Type(0).DType != DType.Float32)
        {
            return false;
        }

        // The last two dimensions are resampled by one call, which keeps what lies between them in the caches.
        List<(int Axis, TensorType Before, TensorType After)> steps = [.. Resized(k, k.Type(0))];
        int height = k.Type(0).Rank - 2;
        if (height >= 2)
        {
            steps[height - 2] = (height, steps[height - 2].Before, steps[height - 1].After);
            steps.RemoveAt(height - 1);
        }

        Each(k, 0, k.Result, steps, backward: false, (axis, place, around, target) => axis == height
            ? $"Resampling<V>.Forward({place}, {Plane(k)}, {Grid(k, height)}, {Grid(k, height + 1)}, {target});"
            : $"Resampling<V>.Forward({place}, {around}, {Grid(k, axis)}, {target});");
        return true;
    }

    /// <summary>Gradient of resampling.</summary>
    public static bool ResizeGradient(KernelContext k)
    {
        if (k.Type(1).DType != DType.Float32)
        {
            return false;
        }

        Each(k, 0, k.Result, Resized(k, k.Type(1)), backward: true, (axis, place, around, target) => $"Resampling<V>.Backward({place}, {around}, {Grid(k, axis)}, {target});");
        return true;
    }

    /// <summary>Writes a call for each dimension that changes, images with channels last.</summary>
    /// <param name="k">The operator.</param>
    /// <param name="operand">Its operand.</param>
    /// <param name="result">Makes the place of the result.</param>
    /// <param name="steps">Shapes before and after each call forward, and the dimension.</param>
    /// <param name="backward">Whether the calls run in the opposite order, from the shapes after to those before.</param>
    /// <param name="call">The text of a call from dimension, operand, sizes around the dimension before padding or resampling, and result.</param>
    private static void Each(
        KernelContext k, int operand, Func<int, EquatableArray<long>, Place> result, IReadOnlyList<(int Axis, TensorType Before, TensorType After)> steps, bool backward, Func<int, string, string, string, string> call)
    {
        EquatableArray<long> order = NormTypes.ChannelsLast(steps[0].Before.Rank);
        Place place = k.OrderedOperand(operand, order);
        (int Axis, TensorType Before, TensorType After)[] sequence = [.. backward ? steps.Reverse() : steps];
        for (int i = 0; i < sequence.Length; i++)
        {
            (int axis, TensorType before, TensorType after) = sequence[i];
            TensorType next = backward ? before : after;
            Place target = i == sequence.Length - 1 ? result(0, order) : k.Work(next);
            EquatableArray<Dim> sizes = order.Select(dimension => before.Shape[(int)dimension]).ToEquatableArray();
            k.Emit(call(axis, k.Read(place), ReductionLowering.Around(sizes, order.ToList().IndexOf(axis)), k.Write(target)));
            place = target;
        }
    }

    private static IReadOnlyList<(int Axis, TensorType Before, TensorType After)> Padded(KernelContext k, TensorType x)
    {
        EquatableArray<long> pads = k.Attributes.Ints("pads");
        return Steps(x, [.. Enumerable.Range(0, pads.Count / 2).Select(i => (x.Rank - 1 - i, x.Shape[x.Rank - 1 - i] + pads[2 * i] + pads[(2 * i) + 1]))]);
    }

    private static IReadOnlyList<(int Axis, TensorType Before, TensorType After)> Resized(KernelContext k, TensorType x)
    {
        EquatableArray<Dim> sizes = k.Attributes.Dims("size");
        return Steps(x, [.. sizes.Select((size, i) => (i + 2, size))]);
    }

    private static IReadOnlyList<(int Axis, TensorType Before, TensorType After)> Steps(TensorType x, IReadOnlyList<(int Axis, Dim Size)> changes)
    {
        var steps = new List<(int, TensorType, TensorType)>();
        foreach ((int axis, Dim size) in changes)
        {
            TensorType after = x.WithShape(x.Shape.Select((dim, index) => index == axis ? size : dim));
            steps.Add((axis, x, after));
            x = after;
        }

        return steps;
    }

    /// <summary>Sizes before the last two dimensions are resampled: all before them, height, width, channels.</summary>
    private static string Plane(KernelContext k)
    {
        (EquatableArray<Dim> before, EquatableArray<Dim> after) = (k.Type(0).Shape, k.ResultType().Shape);
        int height = before.Count - 2;
        Dim outer = after.Skip(2).Take(height - 2).Aggregate(before[0], static (product, dim) => product * dim);
        return $"{outer.ToCSharp()}, {before[height].ToCSharp()}, {before[height + 1].ToCSharp()}, {before[1].ToCSharp()}";
    }

    private static string Pads(KernelContext k, int axis)
    {
        EquatableArray<long> pads = k.Attributes.Ints("pads");
        int i = k.ResultType().Rank - 1 - axis;
        string mode = k.Attributes.String("mode") switch { "reflect" => "Reflect", "replicate" => "Replicate", _ => "Circular" };
        return $"{Invariant.Text(pads[2 * i])}, {Invariant.Text(pads[(2 * i) + 1])}, Padding<V>.{mode}";
    }

    private static string Grid(KernelContext k, int axis)
    {
        string mode = k.Attributes.String("mode") switch { "nearest" => "Nearest", "nearest-exact" => "NearestExact", "cubic" => "Cubic", _ => "Linear" };
        string scale = k.Attributes.String("scale") is { Length: > 0 } factors ? factors.Split([", "], StringSplitOptions.None)[axis - 2] : "0";
        return $"{k.Attributes.Dims("size")[axis - 2].ToCSharp()}, Resampling<V>.{mode}, {scale}, {Invariant.Text(mode is "Linear" or "Cubic" && k.Attributes.Bool("align_corners"))}";
    }
}
