namespace ModelGen.Kernels;

/// <summary>
/// Winograd's minimal filtering of tiles with kernels of 3 x 3 (A. Lavin, S. Gray, "Fast algorithms for convolutional neural networks", arXiv:1509.09308): the three matrices, applied to
/// vectors. Two applications, along rows and along columns, make a transform of a tile.
/// </summary>
/// <typeparam name="V">Register.</typeparam>
internal unsafe interface ITileFilter<V>
    where V : unmanaged, IVector<V>
{
    /// <summary>Outputs of a tile along each side.</summary>
    static abstract nint Side { get; }

    /// <summary>G: <see cref="Side"/> + 2 numbers from three.</summary>
    static abstract void Kernel(V a, V b, V c, float* target, nint step);

    /// <summary>Bᵀ, from numbers that are anywhere: those of one column of a tile, whose pixels lie in rows.</summary>
    static abstract void Column(float** pixels, nint channel, float* target, nint step);

    /// <summary>Bᵀ, from numbers that are side by side.</summary>
    static abstract void Row(float* line, float* target, nint step);

    /// <summary>Aᵀ: <see cref="Side"/> numbers from two more.</summary>
    static abstract void Output(float* source, nint step, float* target, nint targetStep);
}
