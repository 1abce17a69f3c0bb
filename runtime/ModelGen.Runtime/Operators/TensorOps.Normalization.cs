using static TorchSharp.torch;
using static TorchSharp.torch.nn;
using Scalar = TorchSharp.Scalar;

namespace ModelGen;

/// <content>Normalisations.</content>
public static unsafe partial class TensorOps
{
    /// <summary>Batch normalisation by batch statistics; moves the running ones as PyTorch does (variance with Bessel's correction).</summary>
    public static (Tensor Y, Tensor Mean, Tensor ReciprocalDeviation) BatchNormTrain(
        Tensor x, Tensor? weight, Tensor? bias, Tensor runningMean, Tensor runningVariance, Tensor? batches, double momentum, double eps)
    {
        Tensor y = functional.batch_norm(x, runningMean, runningVariance, weight, bias, training: true, momentum, eps);
        if (batches is not null)
        {
            using Scalar one = 1;
            batches.add_(one).DisposeAliasOf(batches);
        }

        long[] axes = ChannelAxes(x);
        Tensor mean = x.mean(axes);
        using Tensor variance = x.var(axes, unbiased: false);
        using Tensor shifted = Add(variance, eps);
        return (y, mean, shifted.rsqrt());
    }

    /// <summary>Batch normalisation by statistics that are known already.</summary>
    public static Tensor BatchNormApply(Tensor x, Tensor? weight, Tensor? bias, Tensor mean, Tensor reciprocalDeviation)
    {
        long[] channel = [.. x.shape.Select(static (size, axis) => axis == 1 ? size : 1)];
        using Tensor centre = mean.reshape(channel);
        using Tensor factor = weight is null ? reciprocalDeviation.reshape(channel) : (reciprocalDeviation * weight).reshape(channel);
        Tensor y = x - centre;
        y.mul_(factor).DisposeAliasOf(y);
        if (bias is not null)
        {
            using Tensor shift = bias.reshape(channel);
            y.add_(shift).DisposeAliasOf(y);
        }

        return y;
    }

    /// <summary>Gradients of batch normalisation: of the input, the weight and the bias (Ioffe and Szegedy, arXiv:1502.03167, section 3).</summary>
    public static (Tensor X, Tensor Weight, Tensor Bias) BatchNormBackward(Tensor gradient, Tensor x, Tensor? weight, Tensor mean, Tensor reciprocalDeviation)
    {
        long[] axes = ChannelAxes(x);
        long[] channel = [.. x.shape.Select(static (size, axis) => axis == 1 ? size : 1)];
        using Tensor centre = mean.reshape(channel);
        using Tensor scale = reciprocalDeviation.reshape(channel);
        using Tensor centred = x - centre;
        using Tensor normal = centred * scale;
        Tensor biasGradient = gradient.sum(axes);
        using Tensor product = gradient * normal;
        Tensor weightGradient = product.sum(axes);
        double count = (double)x.numel() / x.shape[1];
        return (Combine(gradient, normal, biasGradient, weightGradient, weight, scale, channel, count), weightGradient, biasGradient);
    }

    /// <summary>Gradient of the softmax from its result.</summary>
    public static Tensor SoftmaxBackward(Tensor gradient, Tensor y, long axis)
    {
        using Tensor product = gradient * y;
        using Tensor weighted = product.sum(axis, keepdim: true);
        using Tensor difference = gradient - weighted;
        return y * difference;
    }

    /// <summary>Gradient of the logarithm of the softmax from its result.</summary>
    public static Tensor LogSoftmaxBackward(Tensor gradient, Tensor y, long axis)
    {
        using Tensor total = gradient.sum(axis, keepdim: true);
        using Tensor probabilities = y.exp();
        using Tensor share = probabilities * total;
        return gradient - share;
    }

    /// <summary>Gradients of layer normalisation: of the input, the weight and the bias (Ba et al., arXiv:1607.06450).</summary>
    public static (Tensor X, Tensor Weight, Tensor Bias) LayerNormBackward(Tensor gradient, Tensor x, Tensor weight, double eps)
    {
        int leading = (int)(x.ndim - weight.ndim);
        long[] inner = [.. Enumerable.Range(leading, (int)weight.ndim).Select(static axis => (long)axis)];
        long[] outer = [.. Enumerable.Range(0, leading).Select(static axis => (long)axis)];
        using Tensor mean = x.mean(inner, keepdim: true);
        using Tensor variance = x.var(inner, unbiased: false, keepdim: true);
        using Tensor shifted = Add(variance, eps);
        using Tensor scale = shifted.rsqrt();
        using Tensor centred = x - mean;
        using Tensor normal = centred * scale;
        using Tensor product = gradient * normal;
        Tensor weightGradient = leading == 0 ? product.clone() : product.sum(outer);
        Tensor biasGradient = leading == 0 ? gradient.clone() : gradient.sum(outer);

        // dx = scale * (w g - mean(w g) - normal * mean(w g normal)) over the normalised dimensions.
        using Tensor weighted = gradient * weight;
        using Tensor average = weighted.mean(inner, keepdim: true);
        using Tensor along = weighted * normal;
        using Tensor slope = along.mean(inner, keepdim: true);
        using Tensor drift = normal * slope;
        using Tensor first = weighted - average;
        using Tensor second = first - drift;
        return (second * scale, weightGradient, biasGradient);
    }

    // dx = weight * scale * (g - mean(g) - normal * mean(g normal)).
    private static Tensor Combine(Tensor gradient, Tensor normal, Tensor sum, Tensor weightedSum, Tensor? weight, Tensor scale, long[] channel, double count)
    {
        using Tensor sumShaped = sum.reshape(channel);
        using Tensor average = Divide(sumShaped, count);
        using Tensor slopeShaped = weightedSum.reshape(channel);
        using Tensor slope = Divide(slopeShaped, count);
        using Tensor drift = normal * slope;
        using Tensor first = gradient - average;
        using Tensor second = first - drift;
        if (weight is null)
        {
            return second * scale;
        }

        using Tensor weightShaped = weight.reshape(channel);
        using Tensor factor = weightShaped * scale;
        return second * factor;
    }

    private static long[] ChannelAxes(Tensor x) => [.. Enumerable.Range(0, (int)x.ndim).Where(static axis => axis != 1).Select(static axis => (long)axis)];
}
