using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace ModelGen;

/// <content>Convolutions and pooling.</content>
public static unsafe partial class TensorOps
{
    /// <summary>Convolution over one to three spatial dimensions.</summary>
    public static Tensor Convolution(Tensor x, Tensor weight, Tensor? bias, long[] stride, long[] padding, long[] dilation, long groups) => stride.Length switch
    {
        1 => functional.conv1d(x, weight, bias, stride[0], padding[0], dilation[0], groups),
        2 => functional.conv2d(x, weight, bias, stride, padding, dilation, groups),
        _ => functional.conv3d(x, weight, bias, stride, padding, dilation, groups),
    };

    /// <summary>Gradients of a convolution: those asked for, in the order input, weight, bias.</summary>
    public static Gradients ConvolutionBackward(Tensor gradient, Tensor x, Tensor weight, long[] stride, long[] padding, long[] dilation, long groups, bool inputGradient, bool weightGradient, bool biasGradient)
    {
        var function = (delegate* unmanaged<IntPtr, IntPtr, IntPtr, long**, long, long*, long, long*, long, long*, long, int, long*, long, long, int*, long, IntPtr*, IntPtr*, IntPtr*, int>)AtenC.Function(x, "convolution_backward");
        int* mask = stackalloc int[] { inputGradient ? 1 : 0, weightGradient ? 1 : 0, biasGradient ? 1 : 0 };
        long* biasSize = stackalloc long[] { weight.shape[0] };
        long[] outputPadding = new long[stride.Length];
        IntPtr* results = stackalloc IntPtr[3];
        new Span<IntPtr>(results, 3).Clear();
        fixed (long* s = stride, p = padding, d = dilation, o = outputPadding)
        {
            AtenC.Check(
                function(
                    gradient.Handle, x.Handle, weight.Handle, &biasSize, 1, s, stride.Length, p, padding.Length, d, dilation.Length, 0, o, outputPadding.Length, groups, mask, 3,
                    &results[0], &results[1], &results[2]),
                "convolution_backward");
        }

        GC.KeepAlive((gradient, x, weight));
        var wanted = new List<Tensor>(3);
        for (int i = 0; i < 3; i++)
        {
            // A gradient that was not asked for comes back as an undefined tensor.
            if (mask[i] == 1)
            {
                wanted.Add(AtenC.Own(results[i]));
            }
            else if (results[i] != 0)
            {
                AtenC.Own(results[i]).Dispose();
            }
        }

        return new Gradients(wanted);
    }

    /// <summary>Gradient of 2-D max pooling; indices as <c>max_pool2d_with_indices</c> returns them.</summary>
    public static Tensor MaxPoolBackward(Tensor gradient, Tensor x, Tensor indices, long[] kernel, long[] stride, long[] padding, long[] dilation, bool ceil)
    {
        var function = (delegate* unmanaged<IntPtr, IntPtr, long*, long, long*, long, long*, long, long*, long, int, IntPtr, IntPtr*, int>)AtenC.Function(x, "max_pool2d_with_indices_backward");
        IntPtr result;
        fixed (long* k = kernel, s = stride, p = padding, d = dilation)
        {
            AtenC.Check(function(gradient.Handle, x.Handle, k, 2, s, 2, p, 2, d, 2, ceil ? 1 : 0, indices.Handle, &result), "max_pool2d_with_indices_backward");
        }

        GC.KeepAlive((gradient, x, indices));
        return AtenC.Own(result);
    }

    /// <summary>Gradient of 2-D average pooling.</summary>
    public static Tensor AvgPoolBackward(Tensor gradient, Tensor x, long[] kernel, long[] stride, long[] padding, bool ceil, bool countPadding)
    {
        var function = (delegate* unmanaged<IntPtr, IntPtr, long*, long, long*, long, long*, long, int, int, long*, IntPtr*, int>)AtenC.Function(x, "avg_pool2d_backward");
        IntPtr result;
        fixed (long* k = kernel, s = stride, p = padding)
        {
            AtenC.Check(function(gradient.Handle, x.Handle, k, 2, s, 2, p, 2, ceil ? 1 : 0, countPadding ? 1 : 0, null, &result), "avg_pool2d_backward");
        }

        GC.KeepAlive((gradient, x));
        return AtenC.Own(result);
    }

    /// <summary>Gradient of 2-D adaptive average pooling.</summary>
    public static Tensor AdaptiveAvgPoolBackward(Tensor gradient, Tensor x)
    {
        // libtorch computes pooling to 1 x 1 as a mean, and its pooling gradient does not take that case's strides well.
        if (gradient.shape[^1] == 1 && gradient.shape[^2] == 1)
        {
            using Tensor spread = gradient.expand(x.shape);
            return Divide(spread, x.shape[^1] * x.shape[^2]);
        }

        var function = (delegate* unmanaged<IntPtr, IntPtr, IntPtr*, int>)AtenC.Function(x, "_adaptive_avg_pool2d_backward");
        IntPtr result;
        using Tensor dense = gradient.contiguous();
        AtenC.Check(function(dense.Handle, x.Handle, &result), "_adaptive_avg_pool2d_backward");
        GC.KeepAlive(x);
        return AtenC.Own(result);
    }
}

/// <summary>One to three gradients returned together.</summary>
/// <param name="tensors">The gradients.</param>
public readonly struct Gradients(IReadOnlyList<Tensor> tensors)
{
    /// <summary>The only gradient.</summary>
    public static implicit operator Tensor(Gradients gradients) => gradients.Single();

    /// <summary>Two gradients.</summary>
    public void Deconstruct(out Tensor first, out Tensor second) => (first, second) = (tensors[0], tensors[1]);

    /// <summary>Three gradients.</summary>
    public void Deconstruct(out Tensor first, out Tensor second, out Tensor third) => (first, second, third) = (tensors[0], tensors[1], tensors[2]);

    private Tensor Single() => tensors[0];
}
