using System.Runtime.InteropServices;

namespace ModelGen.Kernels;

/// <summary>What the machine code that rounds numbers reads. Distances are in bytes.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct RoundingArguments
{
    /// <summary>Numbers.</summary>
    public float* Source;

    /// <summary>Distance of lines.</summary>
    public nint Line;

    /// <summary>Receives pairs.</summary>
    public float* Target;

    /// <summary>Where the target ends; it is not empty.</summary>
    public float* End;

    /// <summary>Distance of panels.</summary>
    public nint Panel;

    /// <summary>Places of 32 words that interleave two lines.</summary>
    public ushort* Places;
}
