namespace ModelGen.Kernels;

/// <summary>A piece of the numbers that results are computed from: some whole lines, or a part of one.</summary>
internal struct DepthSlice
{
    /// <summary>First line.</summary>
    public nint FirstLine;

    /// <summary>Number of lines.</summary>
    public nint Lines;

    /// <summary>First number of each line.</summary>
    public nint From;

    /// <summary>Numbers of each line.</summary>
    public nint Run;

    /// <summary>Numbers in all.</summary>
    public readonly nint Depth => Lines * Run;

    /// <summary>Into how many pieces a depth is cut.</summary>
    /// <param name="lines">Number of lines.</param>
    /// <param name="line">Numbers of a line.</param>
    /// <param name="largest">Largest piece.</param>
    public static nint Count(nint lines, nint line, nint largest) => line > largest ? lines * Pieces(line, largest) : Math.Max(1, Pieces(lines, largest / Math.Max(line, 1)));

    /// <summary>One piece; all are about equal.</summary>
    /// <param name="lines">Number of lines.</param>
    /// <param name="line">Numbers of a line.</param>
    /// <param name="largest">Largest piece.</param>
    /// <param name="index">Number of the piece.</param>
    public static DepthSlice Get(nint lines, nint line, nint largest, nint index)
    {
        nint count = Count(lines, line, largest);
        if (line > largest)
        {
            nint parts = Pieces(line, largest);
            (nint row, nint part) = Math.DivRem(index, parts);

            // Pieces begin at whole cache lines.
            nint from = line * part / parts / 16 * 16;
            nint to = part + 1 == parts ? line : line * (part + 1) / parts / 16 * 16;
            return new DepthSlice { FirstLine = row, Lines = 1, From = from, Run = to - from };
        }

        nint first = lines * index / count;
        return new DepthSlice { FirstLine = first, Lines = (lines * (index + 1) / count) - first, From = 0, Run = line };
    }

    private static nint Pieces(nint size, nint largest) => (size + largest - 1) / largest;
}
