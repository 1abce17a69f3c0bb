using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.X86;

namespace ModelGen.Kernels;

/// <summary>The machine code of <see cref="BFloat16Code"/>, where this machine can run it.</summary>
internal static unsafe class BFloat16Machine
{
    private const int RoundLineAt = 2 * BFloat16Code.MostRows;
    private const int RoundColumnsAt = RoundLineAt + 1;
    private const int RoundRowsAt = RoundColumnsAt + 2;
    private const int JoinAt = RoundRowsAt + 2;

    /// <summary>Addresses of the functions, in memory that stays where it is; null: there are none.</summary>
    private static readonly nint* Functions = Create();

    /// <summary>Word i of the first line, word i of the second, and so on.</summary>
    private static readonly ushort* Places = Interleaving();

    /// <summary>Whether products run on vdpbf16ps.</summary>
    public static readonly bool IsSupported = Functions is not null && IsExact();

    /// <summary>A tile.</summary>
    /// <param name="arguments">Its operands; changed.</param>
    /// <param name="rows">Rows, 1 to 12.</param>
    /// <param name="vectors">Vectors of columns, 1 or 2.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Tile(ref TileArguments arguments, nint rows, int vectors)
    {
        var tile = (delegate* unmanaged[SuppressGCTransition]<void*, void>)Functions[(2 * (rows - 1)) + (vectors - 1)];
        tile(Unsafe.AsPointer(ref arguments));
    }

    /// <summary>Rounds numbers of a line.</summary>
    /// <param name="source">Numbers.</param>
    /// <param name="target">Receives pairs.</param>
    /// <param name="count">How many times 32, at least one.</param>
    public static void RoundLine(float* source, float* target, nint count) => Round(RoundLineAt, source, 0, target, 16 * count, 0);

    /// <summary>Rounds pairs of lines into panels of 32 columns.</summary>
    /// <param name="source">First number.</param>
    /// <param name="line">Distance of lines, in numbers.</param>
    /// <param name="pairs">Pairs of lines, at least one.</param>
    /// <param name="target">Panels.</param>
    /// <param name="panel">Distance of panels, in pairs of numbers.</param>
    /// <param name="four">Four panels side by side, or one.</param>
    public static void RoundColumns(float* source, nint line, nint pairs, float* target, nint panel, bool four) => Round(RoundColumnsAt + (four ? 1 : 0), source, line, target, 32 * pairs, panel);

    /// <summary>As <see cref="RoundColumns"/>, panels of 12; four more columns are read and, after the last line, written.</summary>
    /// <param name="source">First number.</param>
    /// <param name="line">Distance of lines, in numbers.</param>
    /// <param name="pairs">Pairs of lines, at least one.</param>
    /// <param name="target">Panels.</param>
    /// <param name="panel">Distance of panels, in pairs of numbers.</param>
    /// <param name="four">Four panels side by side, or one.</param>
    public static void RoundRows(float* source, nint line, nint pairs, float* target, nint panel, bool four) =>
        Round(RoundRowsAt + (four ? 1 : 0), source, line, target, BFloat16Code.MostRows * pairs, panel);

    /// <summary>Rounds two lines into one of pairs.</summary>
    /// <param name="source">First line.</param>
    /// <param name="line">Distance of the second, in numbers.</param>
    /// <param name="target">Receives pairs.</param>
    /// <param name="count">How many times 16, at least one.</param>
    public static void Join(float* source, nint line, float* target, nint count) => Round(JoinAt, source, line, target, 16 * count, 0);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Round(int function, float* source, nint line, float* target, nint pairs, nint panel)
    {
        var arguments = new RoundingArguments { Source = source, Line = line * sizeof(float), Target = target, End = target + pairs, Panel = panel * sizeof(float), Places = Places };
        ((delegate* unmanaged[SuppressGCTransition]<void*, void>)Functions[function])(&arguments);
    }

    private static nint* Create()
    {
        // Bit 5 says AVX512_BF16. What .NET reports of the other sets includes whether the system keeps their registers.
        if (!Avx512F.IsSupported || !Avx512F.VL.IsSupported || !Avx512BW.IsSupported || (X86Base.CpuId(7, 1).Eax & 32) == 0)
        {
            return null;
        }

        var code = new Assembler();
        bool windows = OperatingSystem.IsWindows();
        var starts = new List<int>();
        for (int rows = 1; rows <= BFloat16Code.MostRows; rows++)
        {
            for (int vectors = 1; vectors <= 2; vectors++)
            {
                Begin();
                BFloat16Code.Tile(code, windows, rows, vectors);
            }
        }

        Begin();
        BFloat16Code.RoundLine(code, windows);
        foreach (int panels in (ReadOnlySpan<int>)[1, BFloat16Code.SideBySide])
        {
            Begin();
            BFloat16Code.RoundColumns(code, windows, panels);
        }

        foreach (int panels in (ReadOnlySpan<int>)[1, BFloat16Code.SideBySide])
        {
            Begin();
            BFloat16Code.RoundRows(code, windows, panels);
        }

        Begin();
        BFloat16Code.Join(code, windows);
        byte* memory;
        try
        {
            memory = ExecutableMemory.Place(code.ToArray());
        }
        catch (Exception exception) when (exception is DllNotFoundException or EntryPointNotFoundException)
        {
            return null;
        }

        if (memory is null)
        {
            return null;
        }

        var functions = (nint*)NativeMemory.Alloc((nuint)starts.Count, (nuint)sizeof(nint));
        for (int i = 0; i < starts.Count; i++)
        {
            functions[i] = (nint)memory + starts[i];
        }

        return functions;

        void Begin()
        {
            code.Align();
            starts.Add(code.Position);
        }
    }

    private static ushort* Interleaving()
    {
        var places = (ushort*)NativeMemory.AlignedAlloc(32 * sizeof(ushort), 64);
        for (int i = 0; i < 16; i++)
        {
            places[2 * i] = (ushort)i;
            places[(2 * i) + 1] = (ushort)(16 + i);
        }

        return places;
    }

    /// <summary>Every function once, on small whole numbers: sums must be exact, and halves must go to even.</summary>
    private static bool IsExact()
    {
        // Rows [12][8 pairs], columns [8 pairs][32], from numbers whose products and sums are exact in every order.
        const int Depth = 16;
        float* numbers = stackalloc float[(12 * Depth) + (Depth * 128)];
        float* rows = stackalloc float[12 * 16];
        float* columns = stackalloc float[4 * Depth / 2 * 32];
        float* result = stackalloc float[12 * 32];
        float* lines = numbers + (12 * Depth);
        for (int i = 0; i < (12 * Depth) + (Depth * 128); i++)
        {
            numbers[i] = (i * 37 % 61) - 30;
        }

        for (int i = 0; i < 6; i++)
        {
            RoundLine(numbers + (2 * i * Depth), rows + (i * 16), 1);
        }

        for (int four = 0; four < 2; four++)
        {
            RoundColumns(lines, 128, Depth / 2, columns, Depth / 2 * 32, four == 1);
            for (int panel = 0; panel < (four == 1 ? 4 : 1); panel++)
            {
                // All tiles once; then one a panel shows that its columns are right.
                if (!TilesAreExact(numbers, rows, lines + (32 * panel), columns + (panel * Depth / 2 * 32), result, four == 1 ? BFloat16Code.MostRows : 1))
                {
                    return false;
                }
            }
        }

        return RowsAreExact(lines, columns) && HalvesGoToEven(numbers, rows);
    }

    /// <summary>Panels of rows and joined lines must hold what panels of columns hold.</summary>
    private static bool RowsAreExact(float* lines, float* columns)
    {
        const int Pairs = 8;
        const int Distance = (12 * Pairs) + 16;
        float* rows = stackalloc float[4 * Distance];
        float* joined = stackalloc float[32];
        for (int four = 0; four < 2; four++)
        {
            RoundRows(lines, 128, Pairs, rows, Distance, four == 1);
            for (int i = 0; i < (four == 1 ? 48 : 12); i++)
            {
                for (int k = 0; k < Pairs; k++)
                {
                    if (Bits(rows[(i / 12 * Distance) + (12 * k) + (i % 12)]) != Bits(columns[(((i / 32 * Pairs) + k) * 32) + (i % 32)]))
                    {
                        return false;
                    }
                }
            }
        }

        Join(lines, 128, joined, 2);
        return new Span<uint>(joined, 32).SequenceEqual(new Span<uint>(columns, 32));
    }

    private static uint Bits(float value) => BitConverter.SingleToUInt32Bits(value);

    private static bool HalvesGoToEven(float* numbers, float* rows)
    {
        // Halfway between two neighbours, of which the first then the second is even.
        numbers[0] = 1 + (1f / 256);
        numbers[1] = 1 + (3f / 256);
        RoundLine(numbers, rows, 1);
        return ((ushort*)rows)[0] == 0x3F80 && ((ushort*)rows)[1] == 0x3F82;
    }

    /// <summary>Tiles of a number of rows and more; optimised at once, as it runs too few times to be optimised later.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static bool TilesAreExact(float* left, float* rows, float* right, float* columns, float* result, int fewest)
    {
        const int Depth = 16;
        for (int vectors = 1; vectors <= 2; vectors++)
        {
            for (int count = fewest; count <= BFloat16Code.MostRows; count++)
            {
                for (int add = 0; add < 2; add++)
                {
                    new Span<float>(result, 12 * 32).Fill(5);

                    // A tile of one vector reads its panel without gaps: here the left and the right half of the same columns, each time half of the depth.
                    var arguments = new TileArguments
                    {
                        First = rows, Row = Depth / 2 * 4, Step = 4, Run = Depth / 4 * 4, Lines = vectors, LineStep = Depth / 4 * 4, Columns = columns, Result = result, ResultRow = 128, Add = add,
                    };
                    Tile(ref arguments, count, vectors);
                    for (int i = 0; i < 12 * 32; i++)
                    {
                        float expected = 5;
                        if (i / 32 < count && i % 32 < 16 * vectors)
                        {
                            expected = add * 5;
                            for (int k = 0; k < Depth * vectors / 2; k++)
                            {
                                (int line, int half) = vectors == 2 ? (k, 0) : (((k / 2) / 2 * 2) + (k % 2), (k / 2) % 2);
                                expected += left[(i / 32 * Depth) + k] * right[(line * 128) + (16 * half) + (i % 32)];
                            }
                        }

                        if (result[i] != expected)
                        {
                            return false;
                        }
                    }
                }
            }
        }

        return true;
    }
}
