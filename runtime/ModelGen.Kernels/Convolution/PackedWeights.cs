using System.ComponentModel;

namespace ModelGen.Kernels;

/// <summary>
/// Weights of a convolution as the panels that products read, [groups][panels][depth][outputs of a panel]: filled once by <see cref="Convolution{V}.PackWeights"/>, for inference, where
/// weights stay the same. Products that have few pixels wait for their weights, and memory is read fastest in one piece.
/// </summary>
/// <param name="panels">The panels.</param>
[EditorBrowsable(EditorBrowsableState.Never)]
public readonly struct PackedWeights(Floats panels)
{
    /// <summary>The panels.</summary>
    internal Floats Panels { get; } = panels;
}
