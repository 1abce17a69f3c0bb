using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace ModelGen.Kernels;

/// <summary>Rounds numbers to bfloat16 and writes them as pairs, in the order in which the innermost loops read them. An odd depth ends with a zero.</summary>
internal static unsafe class PairPanel
{
    /// <summary>Numbers of a line that are turned at a time.</summary>
    private const int Piece = 256;

    /// <summary>Distance of lines meanwhile: an odd number of cache lines.</summary>
    private const int PieceRow = (Piece / 2) + 16;

    /// <summary>Rounds a line. Half vectors are written: up to seven pairs past the end are overwritten.</summary>
    /// <param name="source">Numbers.</param>
    /// <param name="count">How many.</param>
    /// <param name="target">Receives pairs.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Line(float* source, nint count, float* target)
    {
        nint whole = count / 32;
        if (whole > 0)
        {
            BFloat16Machine.RoundLine(source, target, whole);
        }

        for (nint k = whole * 32; k < count; k += V512.Count)
        {
            V512.LoadFirst(source + k, (int)Math.Min(V512.Count, count - k)).StoreBFloat16((ushort*)target + k);
        }
    }

    /// <summary>
    /// Pairs of lines become lines of pairs: <c>target[k * step + i]</c> holds numbers 2k and 2k + 1 of column i. Whole vectors are read and written: columns past the
    /// end hold what is there, and up to a vector past the end is overwritten.
    /// </summary>
    /// <param name="source">First number.</param>
    /// <param name="line">Distance of lines.</param>
    /// <param name="columns">Numbers of a line.</param>
    /// <param name="depth">Number of lines.</param>
    /// <param name="target">Receives pairs.</param>
    /// <param name="step">Distance of lines of pairs.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Interleave(float* source, nint line, nint columns, nint depth, float* target, nint step)
    {
        nint vectors = (columns + V512.Count - 1) / V512.Count;
        nint k = 0;
        for (; k + 1 < depth && columns > 0; k += 2, source += 2 * line, target += step)
        {
            BFloat16Machine.Join(source, line, target, vectors);
        }

        for (nint i = 0; k < depth && i < columns; i += V512.Count)
        {
            Pair(V512.Load(source + i), V512.Zero).Store(target + i);
        }
    }

    /// <summary>As <see cref="Interleave"/>, into panels of 12 columns.</summary>
    /// <param name="source">First number.</param>
    /// <param name="line">Distance of lines.</param>
    /// <param name="panels">Number of panels, at most four.</param>
    /// <param name="depth">Number of lines.</param>
    /// <param name="target">Receives pairs.</param>
    /// <param name="distance">Distance of panels.</param>
    public static void InterleaveRows(float* source, nint line, nint panels, nint depth, float* target, nint distance)
    {
        nint pairs = depth / 2;
        bool four = panels == BFloat16Code.SideBySide;
        for (nint i = 0; pairs > 0 && i < panels; i += four ? panels : 1)
        {
            BFloat16Machine.RoundRows(source + (i * BFloat16Code.MostRows), line, pairs, target + (i * distance), distance, four);
        }

        for (nint i = 0; pairs * 2 < depth && i < panels; i++)
        {
            Interleave(source + (pairs * 2 * line) + (i * BFloat16Code.MostRows), line, BFloat16Code.MostRows, 1, target + (i * distance) + (pairs * BFloat16Code.MostRows), 0);
        }
    }

    /// <summary>As <see cref="Interleave"/>, into a panel of one or two vectors, zero past the columns.</summary>
    /// <param name="source">First number.</param>
    /// <param name="line">Distance of lines.</param>
    /// <param name="columns">Numbers of a line, at most the width.</param>
    /// <param name="depth">Number of lines.</param>
    /// <param name="target">Panel.</param>
    /// <param name="width">Its width.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void InterleavePanel(float* source, nint line, nint columns, nint depth, float* target, nint width)
    {
        nint k = 0;
        if (columns == 32 && depth >= 2)
        {
            BFloat16Machine.RoundColumns(source, line, depth / 2, target, 0, four: false);
            k = depth / 2 * 2;
            source += k * line;
            target += k / 2 * width;
        }

        for (; k < depth; k += 2, source += 2 * line, target += width)
        {
            for (nint i = 0; i < width; i += V512.Count)
            {
                int lanes = (int)Math.Clamp(columns - i, 0, V512.Count);
                V512 next = k + 1 < depth ? V512.LoadFirst(source + line + i, lanes) : V512.Zero;
                Pair(V512.LoadFirst(source + i, lanes), next).Store(target + i);
            }
        }
    }

    /// <summary>Lines along the depth become columns: <c>target[k * width + i]</c> holds numbers 2k and 2k + 1 of line i, zero past the lines.</summary>
    /// <param name="source">First number.</param>
    /// <param name="line">Distance of lines.</param>
    /// <param name="lines">Number of lines, at most the width.</param>
    /// <param name="depth">Length of a line.</param>
    /// <param name="target">Panel.</param>
    /// <param name="width">Width of the panel.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Transpose(float* source, nint line, nint lines, nint depth, float* target, nint width)
    {
        float* turned = stackalloc float[(16 * PieceRow) + 16];
        float* last = stackalloc float[16 * 16];
        for (nint column = 0; column < width; column += 16)
        {
            for (nint from = 0; from < depth; from += Piece)
            {
                nint count = Math.Min(Piece, depth - from);
                nint places = (count + 1) / 2;
                for (nint i = 0; i < 16; i++)
                {
                    if (column + i < lines)
                    {
                        Line(source + ((column + i) * line) + from, count, turned + (i * PieceRow));
                    }
                    else
                    {
                        new Span<float>(turned + (i * PieceRow), (int)places).Clear();
                    }
                }

                float* place = target + (from / 2 * width) + column;
                nint k = 0;
                for (; k + 16 <= places; k += 16)
                {
                    V512.Transpose(turned + k, PieceRow, place + (k * width), width);
                }

                if (k < places)
                {
                    V512.Transpose(turned + k, PieceRow, last, 16);
                    for (nint i = 0; k + i < places; i++)
                    {
                        V512.Load(last + (i * 16)).Store(place + ((k + i) * width));
                    }
                }
            }
        }
    }

    /// <summary>Any strides: <c>target[k * width + i]</c> holds numbers 2k and 2k + 1 of column i, zero past the columns.</summary>
    public static void Gather(float* source, nint row, nint column, nint columns, nint depth, float* target, nint width)
    {
        var pairs = (uint*)target;
        for (nint k = 0; k < depth; k += 2, pairs += width)
        {
            for (nint i = 0; i < width; i++)
            {
                float* place = source + (i * column) + (k * row);
                uint first = i < columns ? Bits(*place) : 0;
                uint second = i < columns && k + 1 < depth ? Bits(place[row]) : 0;
                pairs[i] = (first >> 16) | second;
            }
        }
    }

    /// <summary>A rounded number in the upper half.</summary>
    private static uint Bits(float value)
    {
        uint bits = BitConverter.SingleToUInt32Bits(value);
        return (float.IsNaN(value) ? bits | 0x400000 : bits + 0x7FFF + ((bits >> 16) & 1)) & 0xFFFF0000;
    }

    /// <summary>The upper halves of two vectors, the first below the second.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static V512 Pair(V512 first, V512 second)
    {
        Vector512<uint> lower = Unsafe.BitCast<V512, Vector512<uint>>(V512.RoundToBFloat16(first));
        Vector512<uint> upper = Unsafe.BitCast<V512, Vector512<uint>>(V512.RoundToBFloat16(second));
        return Unsafe.BitCast<Vector512<uint>, V512>(Vector512.ShiftRightLogical(lower, 16) | upper);
    }
}
