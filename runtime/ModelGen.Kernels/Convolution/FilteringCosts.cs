namespace ModelGen.Kernels;

/// <summary>
/// What minimal filtering of 3 x 3 convolutions saves and costs, next to a direct sum, in nanoseconds for each pair of an input and an output channel. The numbers for each width of vectors are
/// measured and written by <c>dotnet run -c Release --project tests/ModelGen.Benchmarks -- choices --write</c>.
/// </summary>
/// <param name="Saved">What a pixel's products take less than those of a direct sum of floats.</param>
/// <param name="SavedOverPairs">As <paramref name="Saved"/>, next to a direct sum of pairs of bfloat16 numbers.</param>
/// <param name="Transforms">Transforms of a pixel, to be divided by the channels that share them.</param>
/// <param name="Weights">Transforms of the weights, whatever the number of pixels.</param>
/// <param name="TransformedWeights">Reading weights that are transformed already, beyond reading packed ones.</param>
/// <param name="Product">A multiplication: 9 for a pixel of a direct sum, 16 for a tile of 2 x 2 outputs.</param>
/// <param name="SmallTransforms">Transforms of such a tile, to be divided by the channels that share them.</param>
/// <param name="SmallWeights">Reading weights that are transformed for these tiles, beyond reading packed ones.</param>
internal readonly partial record struct FilteringCosts(
    double Saved, double SavedOverPairs, double Transforms, double Weights, double TransformedWeights, double Product, double SmallTransforms, double SmallWeights)
{
    /// <summary>Whether tiles of 2 x 2 outputs, with weights that are transformed already, are faster than a direct sum with packed weights.</summary>
    /// <param name="inputs">Channels of the input.</param>
    /// <param name="outputs">Channels of the output.</param>
    /// <param name="pixels">Pixels of the output.</param>
    /// <param name="tiles">Tiles over them, those that stick out too.</param>
    public bool SmallTilesPay(nint inputs, nint outputs, nint pixels, nint tiles) =>
        Product * ((9 * pixels) - (16 * tiles)) > (((SmallTransforms / inputs) + (SmallTransforms / outputs)) * tiles) + SmallWeights;

    /// <summary>Whether minimal filtering by tiles of 4 x 4 outputs is faster than a direct sum, whose weights are packed where the others are transformed.</summary>
    /// <param name="inputs">Channels of the input.</param>
    /// <param name="outputs">Channels of the output.</param>
    /// <param name="pixels">Pixels of the output, or of the input where these are fewer.</param>
    /// <param name="overPairs">Whether the direct sum is one of pairs of bfloat16 numbers.</param>
    /// <param name="transformed">Whether the weights are transformed already.</param>
    public bool Pays(nint inputs, nint outputs, nint pixels, bool overPairs, bool transformed) =>
        ((overPairs ? SavedOverPairs : Saved) - (Transforms / inputs) - (Transforms / outputs)) * pixels > (transformed ? TransformedWeights : Weights);
}
