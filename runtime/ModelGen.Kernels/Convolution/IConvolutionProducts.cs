namespace ModelGen.Kernels;

/// <summary>How a convolution multiplies: in floats or in bfloat16. What is measured of its results beside is written once over it; the JIT compiles it for each.</summary>
internal interface IConvolutionProducts
{
    /// <summary>Computes a convolution and applies an epilogue to each finished tile.</summary>
    /// <param name="shape">Sizes.</param>
    /// <param name="input">Images [N][H][W][inputs].</param>
    /// <param name="weight">Weights [kernel height][kernel width][inputs / groups][outputs].</param>
    /// <param name="output">Results [N][OH][OW][outputs].</param>
    /// <param name="epilogue">What happens to finished tiles of the matrix [N * OH * OW][outputs].</param>
    void Forward<TEpilogue>(in ConvolutionShape shape, Floats input, Floats weight, Floats output, TEpilogue epilogue)
        where TEpilogue : unmanaged, ITileEpilogue;

    /// <summary>Computes the gradient of the input and applies an epilogue to each finished tile.</summary>
    /// <param name="shape">Sizes of the convolution.</param>
    /// <param name="gradOutput">Gradients of the results [N][OH][OW][outputs].</param>
    /// <param name="weight">Weights [kernel height][kernel width][inputs / groups][outputs].</param>
    /// <param name="gradInput">Receives the gradients of the images [N][H][W][inputs].</param>
    /// <param name="epilogue">What happens to finished tiles of the matrix [N * H * W][inputs].</param>
    void GradientInput<TEpilogue>(in ConvolutionShape shape, Floats gradOutput, Floats weight, Floats gradInput, TEpilogue epilogue)
        where TEpilogue : unmanaged, ITileEpilogue;
}
