using System.Runtime.InteropServices;

namespace ModelGen.Kernels;

/// <summary>
/// What the machine code of a tile reads: it gets one address, so that the calling conventions differ in one register alone. Distances are in bytes. The code
/// changes some fields while it runs and keeps registers that belong to its caller at the end.
/// </summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct TileArguments
{
    /// <summary>Pair of the first row.</summary>
    public float* First;

    /// <summary>Distance of rows.</summary>
    public nint Row;

    /// <summary>Distance of pairs of a row.</summary>
    public nint Step;

    /// <summary>Bytes that a row moves on in a line: its pairs times their distance.</summary>
    public nint Run;

    /// <summary>Number of lines, at least 1.</summary>
    public nint Lines;

    /// <summary>Distance of lines.</summary>
    public nint LineStep;

    /// <summary>Lines until the distance is another one.</summary>
    public nint Left;

    /// <summary>Lines from then on until it happens again.</summary>
    public nint Group;

    /// <summary>What is added to the distance then.</summary>
    public nint GroupStep;

    /// <summary>Panel of columns.</summary>
    public float* Columns;

    /// <summary>Result.</summary>
    public float* Result;

    /// <summary>Distance of its rows.</summary>
    public nint ResultRow;

    /// <summary>Zero: the result is overwritten.</summary>
    public nint Add;

    /// <summary>Where the line ends; set by the code.</summary>
    public nint End;

    /// <summary>Room for ten registers of 16 bytes, which Windows wants unchanged.</summary>
    public fixed long Saved[20];
}
