using System.ComponentModel;

namespace ModelGen.Kernels;

/// <summary>One of the convolutions of a chain (<see cref="Convolution{V}.Chain{TFirst, TSecond}"/>), made by <see cref="ConvolutionStage"/>.</summary>
/// <typeparam name="TEpilogue">What happens to its finished tiles.</typeparam>
[EditorBrowsable(EditorBrowsableState.Never)]
public readonly struct ConvolutionStage<TEpilogue>
    where TEpilogue : unmanaged, ITileEpilogue
{
    internal ConvolutionStage(in ConvolutionShape shape, Floats weight, PackedWeights packed, TEpilogue epilogue) => (Shape, Weight, Packed, Epilogue) = (shape, weight, packed, epilogue);

    /// <summary>Sizes.</summary>
    internal ConvolutionShape Shape { get; }

    /// <summary>Weights as they are; null where they are packed.</summary>
    internal Floats Weight { get; }

    /// <summary>Packed weights.</summary>
    internal PackedWeights Packed { get; }

    /// <summary>What happens to finished tiles.</summary>
    internal TEpilogue Epilogue { get; }
}

/// <summary>Makes the stages of chains.</summary>
[EditorBrowsable(EditorBrowsableState.Never)]
public static class ConvolutionStage
{
    /// <summary>A convolution of which every group has one output: a depthwise one.</summary>
    /// <param name="shape">Sizes, for all images.</param>
    /// <param name="weight">Weights [kernel height][kernel width][1][outputs].</param>
    /// <param name="epilogue">What happens to finished tiles of the matrix [N * OH * OW][outputs].</param>
    public static ConvolutionStage<TEpilogue> Of<TEpilogue>(in ConvolutionShape shape, Floats weight, TEpilogue epilogue)
        where TEpilogue : unmanaged, ITileEpilogue => new(shape, weight, default, epilogue);

    /// <summary>Any other convolution.</summary>
    /// <param name="shape">Sizes, for all images.</param>
    /// <param name="weight">Filled by <see cref="Convolution{V}.PackWeights"/>.</param>
    /// <param name="epilogue">What happens to finished tiles of the matrix [N * OH * OW][outputs].</param>
    public static ConvolutionStage<TEpilogue> Of<TEpilogue>(in ConvolutionShape shape, PackedWeights weight, TEpilogue epilogue)
        where TEpilogue : unmanaged, ITileEpilogue => new(shape, default, weight, epilogue);
}
