namespace ModelGen.Kernels;

/// <summary>A place in a grid of results.</summary>
internal struct GridPlace
{
    /// <summary>Image.</summary>
    public nint Image;

    /// <summary>Row.</summary>
    public nint Y;

    /// <summary>Column.</summary>
    public nint X;
}
