namespace ModelGen.Kernels;

/// <summary>
/// What minimal filtering of 3 x 3 convolutions saves and costs, next to a direct sum, in nanoseconds for each pair of an input and an output channel. The numbers for each width of vectors are
/// measured and written by <c>dotnet run -c Release --project tests/ModelGen.Benchmarks -- choices --write</c>.
/// </summary>
/// <param name="Saved">What a pixel's products take less than those of a direct sum of floats.</param>
/// <param name="SavedOverPairs">As <paramref name="Saved"/>, next to a direct sum of pairs of bfloat16 numbers.</param>
/// <param name="Transforms">Transforms of a pixel, to be divided by the channels that share them.</param>
/// <param name="Weights">Transforms of the weights, whatever the number of pixels.</param>
/// <param name="TransformedWeights">Reading weights that are transformed already.</param>
internal readonly partial record struct FilteringCosts(double Saved, double SavedOverPairs, double Transforms, double Weights, double TransformedWeights)
{
    /// <summary>Whether minimal filtering is faster.</summary>
    /// <param name="inputs">Channels of the input.</param>
    /// <param name="outputs">Channels of the output.</param>
    /// <param name="pixels">Pixels of the output, or of the input where these are fewer.</param>
    /// <param name="overPairs">Whether the direct sum is one of pairs of bfloat16 numbers.</param>
    /// <param name="transformed">Whether the weights are transformed already.</param>
    public bool Pays(nint inputs, nint outputs, nint pixels, bool overPairs, bool transformed) =>
        ((overPairs ? SavedOverPairs : Saved) - (Transforms / inputs) - (Transforms / outputs)) * pixels > (transformed ? TransformedWeights : Weights);
}
