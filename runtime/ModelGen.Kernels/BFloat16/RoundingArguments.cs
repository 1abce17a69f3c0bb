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

    /// <summary>Distance of panels.</summary>
    public nint Panel;

    /// <summary>How often the loop runs, at least once; the code counts it down.</summary>
    public nint Count;

    /// <summary>Places of 32 words that interleave two lines.</summary>
    public ushort* Places;
}
