namespace ModelGen.Kernels;

/// <content>
/// Convolutions next to batch normalisations in training: those that read the operand of one and normalise what they read, those that count the statistics of what they write, and
/// gradients that add up what the gradient of a batch normalisation needs.
/// </content>
public static unsafe partial class Convolution<V>
{
    /// <summary>Computes a convolution of normalised images: depthwise ones, or those of 1 x 1 without stride and padding.</summary>
    /// <param name="shape">Sizes.</param>
    /// <param name="input">Images before the normalisation [N][H][W][inputs].</param>
    /// <param name="normal">The normalisation; the default: none, and then any convolution.</param>
    /// <param name="weight">Weights [kernel height][kernel width][inputs / groups][outputs].</param>
    /// <param name="output">Results [N][OH][OW][outputs].</param>
    /// <param name="epilogue">What happens to finished tiles of the matrix [N * OH * OW][outputs].</param>
    public static void Forward<TEpilogue>(in ConvolutionShape shape, Floats input, BatchNormal normal, Floats weight, Floats output, TEpilogue epilogue)
        where TEpilogue : unmanaged, ITileEpilogue
    {
        if (normal.IsIdentity)
        {
            Forward(shape, input, weight, output, epilogue);
        }
        else
        {
            Direct<FloatFormat<V>, TEpilogue>(shape, input, normal, weight, output, epilogue);
        }
    }

    /// <summary>As above, without an epilogue.</summary>
    public static void Forward(in ConvolutionShape shape, Floats input, BatchNormal normal, Floats weight, Floats output) => Forward(shape, input, normal, weight, output, default(NoEpilogue));

    /// <summary>As above, and measures the results.</summary>
    /// <param name="shape">Sizes.</param>
    /// <param name="input">Images before the normalisation [N][H][W][inputs].</param>
    /// <param name="normal">The normalisation; the default: none, and then any convolution.</param>
    /// <param name="weight">Weights [kernel height][kernel width][inputs / groups][outputs].</param>
    /// <param name="output">Results [N][OH][OW][outputs].</param>
    /// <param name="statistics">Receives the means of the output channels, and behind them (the channels rounded up to 16 further) the variances.</param>
    public static void ForwardAndMeasure(in ConvolutionShape shape, Floats input, BatchNormal normal, Floats weight, Floats output, Floats statistics) =>
        ForwardAndMeasure(new FloatProducts(normal), shape, input, weight, output, statistics);

    /// <summary>As above, of images as they are.</summary>
    public static void ForwardAndMeasure(in ConvolutionShape shape, Floats input, Floats weight, Floats output, Floats statistics) =>
        ForwardAndMeasure(shape, input, default, weight, output, statistics);

    /// <summary>Gradient of normalised images, and the sums that the gradient of their normalisation needs.</summary>
    /// <param name="shape">Sizes of the convolution.</param>
    /// <param name="gradOutput">Gradients of the results [N][OH][OW][outputs].</param>
    /// <param name="weight">Weights [kernel height][kernel width][inputs / groups][outputs].</param>
    /// <param name="gradInput">Gradients of the images after the normalisation [N][H][W][inputs].</param>
    /// <param name="input">Images before the normalisation [N][H][W][inputs].</param>
    /// <param name="normal">The normalisation.</param>
    /// <param name="slopes">Receives sums as <c>BatchNorm.Slopes</c> does.</param>
    public static void GradientInputAndSlopes(in ConvolutionShape shape, Floats gradOutput, Floats weight, Floats gradInput, Floats input, BatchNormal normal, Floats slopes) =>
        GradientInputAndSlopes(default(FloatProducts), shape, gradOutput, weight, gradInput, input, normal, slopes);

    /// <summary>Computes a convolution by the given products and measures the results.</summary>
    internal static void ForwardAndMeasure<TProducts>(TProducts products, in ConvolutionShape shape, Floats input, Floats weight, Floats output, Floats statistics)
        where TProducts : struct, IConvolutionProducts
    {
        Moments<V>.Epilogue moments = Moments<V>.Begin(shape.OutputChannels);
        products.Forward(shape, input, weight, output, moments);
        Moments<V>.End(moments, shape.OutputChannels, statistics);
    }

    /// <summary>Computes the gradient of normalised images by the given products, and the sums that the gradient of their normalisation needs.</summary>
    internal static void GradientInputAndSlopes<TProducts>(
        TProducts products, in ConvolutionShape shape, Floats gradOutput, Floats weight, Floats gradInput, Floats input, BatchNormal normal, Floats slopes)
        where TProducts : struct, IConvolutionProducts
    {
        if (shape.StrideX > 1)
        {
            // Pixels are finished one by one, not in rows.
            products.GradientInput(shape, gradOutput, weight, gradInput, default(NoEpilogue));
            BatchNorm<V>.Slopes(gradInput, input, shape.InputPixels, shape.InputChannels, normal, slopes);
            return;
        }

        Slopes<V>.Epilogue sums = Slopes<V>.Begin(input, shape.InputChannels, normal);
        products.GradientInput(shape, gradOutput, weight, gradInput, sums);
        Slopes<V>.End(sums, shape.InputChannels, slopes);
    }

    /// <summary>Products of floats, of images that are normalised while they are read.</summary>
    private readonly struct FloatProducts(BatchNormal normal) : IConvolutionProducts
    {
        public void Forward<TEpilogue>(in ConvolutionShape shape, Floats input, Floats weight, Floats output, TEpilogue epilogue)
            where TEpilogue : unmanaged, ITileEpilogue => Convolution<V>.Forward(shape, input, normal, weight, output, epilogue);

        public void GradientInput<TEpilogue>(in ConvolutionShape shape, Floats gradOutput, Floats weight, Floats gradInput, TEpilogue epilogue)
            where TEpilogue : unmanaged, ITileEpilogue => Convolution<V>.GradientInput(shape, gradOutput, weight, gradInput, add: false, epilogue);
    }
}
