using System.ComponentModel;

namespace ModelGen.Kernels;

/// <summary>Convolutions of images with channels last, and their gradients, whose operands are rounded to bfloat16; products are exact and sums are floats.</summary>
/// <typeparam name="V">Register.</typeparam>
/// <remarks>
/// Numbers are rounded and multiplied as in <see cref="GemmBFloat16{V}"/>. Where <see cref="Convolution{V}"/> is expected to be faster its results are taken, which are more exact:
/// minimal filtering in floats where it saves more multiplications than pairs do, groups, and images of one channel, which has no other to pair with. Minimal filtering with
/// products of bfloat16 numbers would be up to 1.7 times as fast again, but its errors are nine times those of a direct sum of rounded operands (2e-2 of the result's size).
/// </remarks>
[EditorBrowsable(EditorBrowsableState.Never)]
public static unsafe class ConvolutionBFloat16<V>
    where V : unmanaged, IVector<V>
{
    /// <summary>Computes a convolution.</summary>
    /// <param name="shape">Sizes.</param>
    /// <param name="input">Images [N][H][W][inputs].</param>
    /// <param name="weight">Weights [kernel height][kernel width][inputs / groups][outputs].</param>
    /// <param name="output">Results [N][OH][OW][outputs].</param>
    public static void Forward(in ConvolutionShape shape, Floats input, Floats weight, Floats output) => Forward(shape, input, weight, output, default(NoEpilogue));

    /// <summary>Computes a convolution and applies an epilogue to each finished tile.</summary>
    /// <param name="shape">Sizes.</param>
    /// <param name="input">Images [N][H][W][inputs].</param>
    /// <param name="weight">Weights [kernel height][kernel width][inputs / groups][outputs].</param>
    /// <param name="output">Results [N][OH][OW][outputs].</param>
    /// <param name="epilogue">What happens to finished tiles of the matrix [N * OH * OW][outputs].</param>
    public static void Forward<TEpilogue>(in ConvolutionShape shape, Floats input, Floats weight, Floats output, TEpilogue epilogue)
        where TEpilogue : unmanaged, ITileEpilogue
    {
        if (!Pays(shape, shape.InputChannels))
        {
            Convolution<V>.Forward(shape, input, weight, output, epilogue);
        }
        else if (HasPairs)
        {
            Convolution<V512>.Direct<PairFormat, TEpilogue>(shape, input, default, weight, output, epilogue);
        }
        else
        {
            Convolution<V>.Direct<RoundedFormat<V>, TEpilogue>(shape, input, default, weight, output, epilogue);
        }
    }

    /// <summary>Gradient of the input of a convolution; also a transposed convolution (<see cref="ConvolutionShape.Transposed"/>).</summary>
    /// <param name="shape">Sizes of the convolution.</param>
    /// <param name="gradOutput">Gradients of the results [N][OH][OW][outputs].</param>
    /// <param name="weight">Weights [kernel height][kernel width][inputs / groups][outputs].</param>
    /// <param name="gradInput">Gradients of the images [N][H][W][inputs].</param>
    /// <param name="add">Whether to add to what is there.</param>
    public static void GradientInput(in ConvolutionShape shape, Floats gradOutput, Floats weight, Floats gradInput, bool add) =>
        GradientInput(shape, gradOutput, weight, gradInput, add, default(NoEpilogue));

    /// <summary>Gradient of the input of a convolution, with an epilogue: a transposed convolution with bias, say.</summary>
    /// <param name="shape">Sizes of the convolution.</param>
    /// <param name="gradOutput">Gradients of the results [N][OH][OW][outputs].</param>
    /// <param name="weight">Weights [kernel height][kernel width][inputs / groups][outputs].</param>
    /// <param name="gradInput">Gradients of the images [N][H][W][inputs].</param>
    /// <param name="add">Whether to add to what is there.</param>
    /// <param name="epilogue">What happens to finished tiles of the matrix [N * H * W][inputs].</param>
    public static void GradientInput<TEpilogue>(in ConvolutionShape shape, Floats gradOutput, Floats weight, Floats gradInput, bool add, TEpilogue epilogue)
        where TEpilogue : unmanaged, ITileEpilogue
    {
        if (!Pays(shape, shape.OutputChannels))
        {
            Convolution<V>.GradientInput(shape, gradOutput, weight, gradInput, add, epilogue);
        }
        else if (HasPairs)
        {
            Convolution<V512>.DirectGradientInput<PairFormat, TEpilogue>(shape, gradOutput, weight, gradInput, add, epilogue);
        }
        else
        {
            Convolution<V>.DirectGradientInput<RoundedFormat<V>, TEpilogue>(shape, gradOutput, weight, gradInput, add, epilogue);
        }
    }

    /// <summary>Gradient of the weights of a convolution.</summary>
    /// <param name="shape">Sizes of the convolution.</param>
    /// <param name="input">Images [N][H][W][inputs], as they were given to forward.</param>
    /// <param name="gradOutput">Gradients of the results [N][OH][OW][outputs].</param>
    /// <param name="gradWeight">Gradients of the weights [kernel height][kernel width][inputs / groups][outputs].</param>
    /// <param name="add">Whether to add to what is there.</param>
    public static void GradientWeight(in ConvolutionShape shape, Floats input, Floats gradOutput, Floats gradWeight, bool add) =>
        GradientWeight(shape, input, gradOutput, gradWeight, default, add);

    /// <summary>Gradients of weights and bias of a convolution; that of the bias is a sum of numbers that are not rounded.</summary>
    /// <param name="shape">Sizes of the convolution.</param>
    /// <param name="input">Images [N][H][W][inputs], as they were given to forward.</param>
    /// <param name="gradOutput">Gradients of the results [N][OH][OW][outputs].</param>
    /// <param name="gradWeight">Gradients of the weights [kernel height][kernel width][inputs / groups][outputs].</param>
    /// <param name="gradBias">Gradients of the bias [outputs], or the default: none.</param>
    /// <param name="add">Whether to add to what is there.</param>
    public static void GradientWeight(in ConvolutionShape shape, Floats input, Floats gradOutput, Floats gradWeight, Floats gradBias, bool add)
    {
        // Pixels are paired here.
        if (!Pays(shape, 2))
        {
            Convolution<V>.GradientWeight(shape, input, gradOutput, gradWeight, gradBias, add);
        }
        else if (HasPairs)
        {
            Convolution<V512>.DirectGradientWeight<PairFormat>(shape, input, default, gradOutput, gradWeight, gradBias, add);
        }
        else
        {
            Convolution<V>.DirectGradientWeight<RoundedFormat<V>>(shape, input, default, gradOutput, gradWeight, gradBias, add);
        }
    }

    /// <summary>Computes a convolution and measures the results.</summary>
    /// <param name="shape">Sizes.</param>
    /// <param name="input">Images [N][H][W][inputs].</param>
    /// <param name="weight">Weights [kernel height][kernel width][inputs / groups][outputs].</param>
    /// <param name="output">Results [N][OH][OW][outputs].</param>
    /// <param name="statistics">Receives the means of the output channels, and behind them (the channels rounded up to 16 further) the variances.</param>
    public static void ForwardAndMeasure(in ConvolutionShape shape, Floats input, Floats weight, Floats output, Floats statistics) =>
        Convolution<V>.ForwardAndMeasure(default(Products), shape, input, weight, output, statistics);

    /// <summary>Gradient of normalised images, and the sums that the gradient of their normalisation needs.</summary>
    /// <param name="shape">Sizes of the convolution.</param>
    /// <param name="gradOutput">Gradients of the results [N][OH][OW][outputs].</param>
    /// <param name="weight">Weights [kernel height][kernel width][inputs / groups][outputs].</param>
    /// <param name="gradInput">Gradients of the images after the normalisation [N][H][W][inputs].</param>
    /// <param name="input">Images before the normalisation [N][H][W][inputs].</param>
    /// <param name="normal">The normalisation.</param>
    /// <param name="slopes">Receives sums as <c>BatchNorm.Slopes</c> does.</param>
    public static void GradientInputAndSlopes(in ConvolutionShape shape, Floats gradOutput, Floats weight, Floats gradInput, Floats input, BatchNormal normal, Floats slopes) =>
        Convolution<V>.GradientInputAndSlopes(default(Products), shape, gradOutput, weight, gradInput, input, normal, slopes);

    private static bool HasPairs => typeof(V) == typeof(V512) && BFloat16Machine.IsSupported;

    /// <summary>Whether a convolution is faster this way than in floats.</summary>
    /// <param name="shape">The convolution.</param>
    /// <param name="paired">Numbers that are paired.</param>
    private static bool Pays(in ConvolutionShape shape, nint paired) =>
        shape.Groups == 1 && paired > 1 && !(HasPairs ? Winograd<V>.PaysOverPairs(shape) : Winograd<V>.Pays(shape));

    /// <summary>The products of this class.</summary>
    private readonly struct Products : IConvolutionProducts
    {
        public void Forward<TEpilogue>(in ConvolutionShape shape, Floats input, Floats weight, Floats output, TEpilogue epilogue)
            where TEpilogue : unmanaged, ITileEpilogue => ConvolutionBFloat16<V>.Forward(shape, input, weight, output, epilogue);

        public void GradientInput<TEpilogue>(in ConvolutionShape shape, Floats gradOutput, Floats weight, Floats gradInput, TEpilogue epilogue)
            where TEpilogue : unmanaged, ITileEpilogue => ConvolutionBFloat16<V>.GradientInput(shape, gradOutput, weight, gradInput, add: false, epilogue);
    }
}
