namespace ModelGen.Kernels;

/// <summary>
/// Where the numbers of some pixels are: number k of line i of pixel p is at <c>First[p * Step + i * LineStep + i / Group * GroupStep + k]</c>.
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

    /// <summary>Lines after which the distance is another one, or 0: none.</summary>
    public nint Group;

    /// <summary>What is added to the distance then.</summary>
    public nint GroupStep;
}
