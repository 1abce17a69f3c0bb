using static TorchSharp.torch;

namespace ModelGen;

/// <content>Tensors made from numbers.</content>
public static unsafe partial class TensorOps
{
    /// <summary>A tensor of one value.</summary>
    public static Tensor Full(long[] shape, double value, ScalarType type, Device device)
    {
        using TorchSharp.Scalar scalar = value;
        return full(shape, scalar, type, device);
    }

    /// <summary>start + offset + step * i for i below the length.</summary>
    public static Tensor Range(long start, double offset, double step, long length, ScalarType type, Device device)
    {
        // Whole numbers first: a float32 count would lose them above 2^24.
        using Tensor count = arange(length, ScalarType.Int64, device);
        if (step == Math.Floor(step) && offset == Math.Floor(offset))
        {
            using Tensor scaled = Multiply(count, step);
            using Tensor whole = Add(scaled, start + offset);
            return whole.to_type(type);
        }

        using Tensor exact = count.to_type(ScalarType.Float64);
        using Tensor steps = Multiply(exact, step);
        using Tensor values = Add(steps, start + offset);
        return values.to_type(type);
    }

    /// <summary>Numbers known during the build.</summary>
    public static Tensor Literal(double[] values, long[] shape, ScalarType type, Device device)
    {
        using Tensor exact = tensor(values, ScalarType.Float64, device);
        using Tensor typed = exact.to_type(type);
        return typed.reshape(shape).clone();
    }
}
