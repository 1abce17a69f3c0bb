namespace ModelGen.Kernels;

/// <summary>
/// Where the numbers of some pixels are: number k of line i of pixel p is at <c>First[p * Step + i * LineStep + k]</c>.
/// </summary>
internal unsafe struct PixelPanel
{
    /// <summary>First number of the first pixel.</summary>
    public float* First;

    /// <summary>Distance of pixels.</summary>
    public nint Step;

    /// <summary>Number of lines.</summary>
    public nint Lines;

    /// <summary>Distance of lines.</summary>
    public nint LineStep;

    /// <summary>Numbers of a line.</summary>
    public nint Run;
}
