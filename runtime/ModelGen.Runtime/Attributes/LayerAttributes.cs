namespace ModelGen;

/// <summary>
/// A layer of a model: put on a private partial method that takes and returns tensors, and call the method in <c>Forward</c>.
/// </summary>
/// <remarks>
/// Sizes are given as an <see cref="int"/>, as an <see cref="int"/> array with one entry per spatial dimension, or as a string that holds
/// an arithmetic expression over the constructor parameters of a block (<c>nameof(channels)</c> or <c>"channels * 4"</c>).
/// Input sizes are never written: they are inferred during the build.
/// </remarks>
[AttributeUsage(AttributeTargets.Method | AttributeTargets.Property, Inherited = false)]
public abstract class LayerAttribute : Attribute
{
    /// <summary>State-dict name of the layer; default: the member's name in camelCase (<c>Conv1</c> becomes <c>conv1</c>).</summary>
    public string? Name { get; set; }
}

/// <summary>A convolution over one (<c>[N, C, L]</c>) or two (<c>[N, C, H, W]</c>) spatial dimensions.</summary>
/// <param name="outChannels">Channels of the output.</param>
/// <param name="kernelSize">Kernel size, one for all spatial dimensions or an array.</param>
public abstract class ConvolutionAttribute(object outChannels, object kernelSize) : LayerAttribute
{
    /// <summary>Channels of the output.</summary>
    public object OutChannels { get; } = outChannels;

    /// <summary>Kernel size, one for all spatial dimensions or an array.</summary>
    public object KernelSize { get; } = kernelSize;

    /// <summary>Stride; default 1.</summary>
    public object Stride { get; set; } = 1;

    /// <summary>Zero padding on both sides, or <c>"same"</c> for an output of the input's size (stride 1, odd kernel); default 0.</summary>
    public object Padding { get; set; } = 0;

    /// <summary>Spacing of kernel elements; default 1.</summary>
    public object Dilation { get; set; } = 1;

    /// <summary>Number of channel groups; input and output channels must be multiples of it; default 1.</summary>
    public object Groups { get; set; } = 1;

    /// <summary>Adds a learned bias per output channel; default true.</summary>
    public bool Bias { get; set; } = true;
}

/// <summary>1-D convolution: <c>[N, C, L] -> [N, outChannels, L']</c>.</summary>
/// <param name="outChannels">Channels of the output.</param>
/// <param name="kernelSize">Kernel length.</param>
public sealed class Conv1dAttribute(object outChannels, object kernelSize) : ConvolutionAttribute(outChannels, kernelSize);

/// <summary>2-D convolution: <c>[N, C, H, W] -> [N, outChannels, H', W']</c>.</summary>
/// <param name="outChannels">Channels of the output.</param>
/// <param name="kernelSize">Kernel size, one for both dimensions or an array of two.</param>
public sealed class Conv2dAttribute(object outChannels, object kernelSize) : ConvolutionAttribute(outChannels, kernelSize);

/// <summary>Fully connected layer over the last dimension: <c>[..., in] -> [..., outFeatures]</c>.</summary>
/// <param name="outFeatures">Size of the output's last dimension.</param>
public sealed class LinearAttribute(object outFeatures) : LayerAttribute
{
    /// <summary>Size of the output's last dimension.</summary>
    public object OutFeatures { get; } = outFeatures;

    /// <summary>Adds a learned bias; default true.</summary>
    public bool Bias { get; set; } = true;
}

/// <summary>Batch normalisation over all dimensions but the channels (Ioffe and Szegedy, arXiv:1502.03167).</summary>
public abstract class BatchNormAttribute : LayerAttribute
{
    /// <summary>Added to the variance; default 1e-5.</summary>
    public double Epsilon { get; set; } = 1e-5;

    /// <summary>Share of the new batch in the running statistics; default 0.1.</summary>
    public double Momentum { get; set; } = 0.1;
}

/// <summary>Batch normalisation of <c>[N, C]</c> or <c>[N, C, L]</c>.</summary>
public sealed class BatchNorm1dAttribute : BatchNormAttribute;

/// <summary>Batch normalisation of <c>[N, C, H, W]</c>.</summary>
public sealed class BatchNorm2dAttribute : BatchNormAttribute;

/// <summary>Normalises the last dimensions of each sample (Ba et al., arXiv:1607.06450) and applies a learned scale and shift.</summary>
public sealed class LayerNormAttribute : LayerAttribute
{
    /// <summary>How many trailing dimensions are normalised together; default 1.</summary>
    public int Dimensions { get; set; } = 1;

    /// <summary>Added to the variance; default 1e-5.</summary>
    public double Epsilon { get; set; } = 1e-5;
}

/// <summary>Zeroes each element with the given probability while training and scales the rest by 1/(1-p).</summary>
/// <param name="probability">Probability of a zero, in [0, 1); default 0.5.</param>
public sealed class DropoutAttribute(double probability = 0.5) : LayerAttribute
{
    /// <summary>Probability of a zero, in [0, 1).</summary>
    public double Probability { get; } = probability;
}

/// <summary>A table of learned vectors: int64 indices <c>[...] -> [..., dimension]</c>.</summary>
/// <param name="count">Number of vectors; indices are in <c>[0, count)</c>.</param>
/// <param name="dimension">Length of a vector.</param>
public sealed class EmbeddingAttribute(object count, object dimension) : LayerAttribute
{
    /// <summary>Number of vectors.</summary>
    public object Count { get; } = count;

    /// <summary>Length of a vector.</summary>
    public object Dimension { get; } = dimension;
}

/// <summary>2-D max pooling of <c>[N, C, H, W]</c>.</summary>
/// <param name="kernelSize">Window size, one for both dimensions or an array of two.</param>
public sealed class MaxPool2dAttribute(object kernelSize) : LayerAttribute
{
    /// <summary>Window size, one for both dimensions or an array of two.</summary>
    public object KernelSize { get; } = kernelSize;

    /// <summary>Stride; default: the window size.</summary>
    public object? Stride { get; set; }

    /// <summary>Padding with minus infinity on both sides; default 0.</summary>
    public object Padding { get; set; } = 0;
}

/// <summary>2-D average pooling of <c>[N, C, H, W]</c>.</summary>
/// <param name="kernelSize">Window size, one for both dimensions or an array of two.</param>
public sealed class AvgPool2dAttribute(object kernelSize) : LayerAttribute
{
    /// <summary>Window size, one for both dimensions or an array of two.</summary>
    public object KernelSize { get; } = kernelSize;

    /// <summary>Stride; default: the window size.</summary>
    public object? Stride { get; set; }

    /// <summary>Zero padding on both sides, counted in the average; default 0.</summary>
    public object Padding { get; set; } = 0;
}

/// <summary>2-D average pooling to a given size: <c>[N, C, H, W] -> [N, C, h, w]</c>.</summary>
/// <param name="outputSize">Height and width of the output, one for both or an array of two.</param>
public sealed class AdaptiveAvgPool2dAttribute(object outputSize) : LayerAttribute
{
    /// <summary>Height and width of the output, one for both or an array of two.</summary>
    public object OutputSize { get; } = outputSize;
}

/// <summary>
/// Multi-head attention (Vaswani et al., arXiv:1706.03762) on batch-first sequences: a method with one tensor <c>[N, T, E]</c> (self-attention)
/// or three (query, key, value); the result has the query's shape.
/// </summary>
/// <param name="heads">Number of heads; the embedding size must be a multiple of it.</param>
public sealed class MultiheadAttentionAttribute(object heads) : LayerAttribute
{
    /// <summary>Number of heads.</summary>
    public object Heads { get; } = heads;

    /// <summary>Lets a position attend only to itself and earlier ones; default false.</summary>
    public bool Causal { get; set; }

    /// <summary>Dropout probability on the attention weights while training; default 0.</summary>
    public double Dropout { get; set; }

    /// <summary>Adds learned biases to the projections; default true.</summary>
    public bool Bias { get; set; } = true;
}

/// <summary>A learned tensor: put on a partial property or a parameterless partial method that returns a tensor.</summary>
/// <param name="shape">Sizes, each an <see cref="int"/> or a string expression over a block's constructor parameters.</param>
public sealed class ParameterAttribute(params object[] shape) : LayerAttribute
{
    /// <summary>Sizes, each an <see cref="int"/> or a string expression over a block's constructor parameters.</summary>
    public IReadOnlyList<object> Shape { get; } = shape;

    /// <summary>Initial values; default <see cref="ParameterInit.Zeros"/>.</summary>
    public ParameterInit Init { get; set; } = ParameterInit.Zeros;

    /// <summary>Standard deviation for <see cref="ParameterInit.Normal"/>; default 0.02.</summary>
    public double StandardDeviation { get; set; } = 0.02;
}

/// <summary>Initial values of a <see cref="ParameterAttribute"/>.</summary>
public enum ParameterInit
{
    /// <summary>All zeros.</summary>
    Zeros,

    /// <summary>All ones.</summary>
    Ones,

    /// <summary>Normal with mean 0.</summary>
    Normal,
}
