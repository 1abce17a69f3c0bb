using static TorchSharp.torch;
using static TorchSharp.torch.nn;
using Scalar = TorchSharp.Scalar;

namespace ModelGen;

/// <content>Transposed convolution, pooling, normalisation by instance, dropout of channels.</content>
public static unsafe partial class TensorOps
{
    /// <summary>Transposed convolution over one to three spatial dimensions.</summary>
    public static Tensor ConvolutionTransposed(Tensor x, Tensor weight, Tensor? bias, long[] stride, long[] padding, long[] outputPadding, long[] dilation, long groups) => stride.Length switch
    {
        1 => functional.conv_transpose1d(x, weight, bias, stride[0], padding[0], outputPadding[0], dilation[0], groups),
        2 => functional.conv_transpose2d(x, weight, bias, stride, padding, outputPadding, dilation, groups),
        _ => functional.conv_transpose3d(x, weight, bias, stride, padding, outputPadding, dilation, groups),
    };

    /// <summary>Moves the running statistics of instance normalisation: by the mean over instances of each instance's mean and unbiased variance.</summary>
    public static void MoveInstanceStatistics(Tensor x, Tensor runningMean, Tensor runningVariance, double momentum) =>
        functional.instance_norm(x, runningMean, runningVariance, use_input_stats: true, momentum: momentum).Dispose();

    /// <summary>0 with probability p, otherwise 1 or, scaled, 1/(1-p); one draw per channel on request.</summary>
    public static Tensor DropoutNoise(Tensor like, double p, bool channels, bool scaled)
    {
        Tensor noise = channels ? empty([.. like.shape.Select(static (size, axis) => axis < 2 ? size : 1)], like.dtype, like.device) : empty_like(like);
        noise.bernoulli_(1 - p).DisposeAliasOf(noise);
        if (scaled)
        {
            using Scalar keep = 1 - p;
            noise.div_(keep).DisposeAliasOf(noise);
        }

        return noise;
    }
}
