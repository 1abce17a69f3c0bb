using ModelGen.Kernels;
using TorchSharp;
using static TorchSharp.torch;

namespace ModelGen;

/// <summary>Vector arithmetic of flat buffers: on kernels for float32 on the CPU, on libtorch's operators otherwise, where every number that is returned waits for the device.</summary>
internal static unsafe class FlatVectors
{
    /// <summary>target = target * keep + values * factor; both may be the same buffer when <paramref name="keep"/> is not 0.</summary>
    public static void Combine(FlatBuffer target, FlatBuffer values, double keep, double factor)
    {
        if (OnKernels(target))
        {
            nint count = (nint)target.Count;
            switch (Hardware.VectorBits)
            {
                case 512:
                    FlatSums<V512>.Scale(target.Address, values.Address, count, (float)keep, (float)factor);
                    break;
                case 256:
                    FlatSums<V256>.Scale(target.Address, values.Address, count, (float)keep, (float)factor);
                    break;
                default:
                    FlatSums<V128>.Scale(target.Address, values.Address, count, (float)keep, (float)factor);
                    break;
            }

            return;
        }

        using IDisposable guard = no_grad();
        using Scalar kept = keep;
        using Scalar part = factor;
        if (keep == 0)
        {
            target.Data.zero_().DisposeAliasOf(target.Data);
        }
        else
        {
            target.Data.mul_(kept).DisposeAliasOf(target.Data);
        }

        target.Data.add_(values.Data, part).DisposeAliasOf(target.Data);
    }

    /// <summary>target = values, bit for bit.</summary>
    public static void Copy(FlatBuffer target, FlatBuffer values)
    {
        if (OnKernels(target))
        {
            Buffer.MemoryCopy(values.Address, target.Address, target.Count * sizeof(float), target.Count * sizeof(float));
            return;
        }

        using IDisposable guard = no_grad();
        target.Data.copy_(values.Data).DisposeAliasOf(target.Data);
    }

    /// <summary>Sum of the products of all elements.</summary>
    public static double Dot(FlatBuffer a, FlatBuffer b)
    {
        if (OnKernels(a))
        {
            nint count = (nint)a.Count;
            return Hardware.VectorBits switch
            {
                512 => FlatProducts<V512>.Dot(a.Address, b.Address, count),
                256 => FlatProducts<V256>.Dot(a.Address, b.Address, count),
                _ => FlatProducts<V128>.Dot(a.Address, b.Address, count),
            };
        }

        using IDisposable guard = no_grad();
        using Tensor product = a.Data.dot(b.Data);
        return product.ToDouble();
    }

    /// <summary>Largest magnitude.</summary>
    public static double Largest(FlatBuffer a)
    {
        if (OnKernels(a))
        {
            nint count = (nint)a.Count;
            return Hardware.VectorBits switch
            {
                512 => FlatProducts<V512>.Largest(a.Address, count),
                256 => FlatProducts<V256>.Largest(a.Address, count),
                _ => FlatProducts<V128>.Largest(a.Address, count),
            };
        }

        using IDisposable guard = no_grad();
        using Tensor magnitudes = a.Data.abs();
        using Tensor largest = magnitudes.max();
        return largest.ToDouble();
    }

    /// <summary>Sum of the magnitudes of a range.</summary>
    public static double SumOfMagnitudes(FlatBuffer a, long start, long count)
    {
        if (OnKernels(a))
        {
            return Hardware.VectorBits switch
            {
                512 => FlatProducts<V512>.SumOfMagnitudes(a.Address + start, (nint)count),
                256 => FlatProducts<V256>.SumOfMagnitudes(a.Address + start, (nint)count),
                _ => FlatProducts<V128>.SumOfMagnitudes(a.Address + start, (nint)count),
            };
        }

        using IDisposable guard = no_grad();
        using Tensor range = a.Data.narrow(0, start, count);
        using Tensor sum = range.norm(1f);
        return sum.ToDouble();
    }

    /// <summary>Sum of the squares of a range.</summary>
    public static double SumOfSquares(FlatBuffer a, long start, long count)
    {
        if (OnKernels(a))
        {
            return Hardware.VectorBits switch
            {
                512 => GradientClip<V512>.SumOfSquares(a.Address + start, (nint)count),
                256 => GradientClip<V256>.SumOfSquares(a.Address + start, (nint)count),
                _ => GradientClip<V128>.SumOfSquares(a.Address + start, (nint)count),
            };
        }

        using IDisposable guard = no_grad();
        using Tensor range = a.Data.narrow(0, start, count);
        using Tensor sum = range.dot(range);
        return sum.ToDouble();
    }

    private static bool OnKernels(FlatBuffer buffer) => buffer.Address is not null && KernelSwitch.IsOn;
}
