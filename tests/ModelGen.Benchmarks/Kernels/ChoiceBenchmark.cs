using System.Diagnostics;
using System.Globalization;
using System.Text;
using System.Text.Json;
using ModelGen.Kernels;

namespace ModelGen.Benchmarks;

/// <summary>
/// Measures where kernels choose between two ways of computing the same: 3 x 3 convolutions by minimal filtering or by a direct sum, with vectors of each width, in a process of its own with the
/// wider ones switched off. The costs that the choice is made by are fitted to the times by least squares, each difference being taken as a share of the longer time, so that shapes where both are alike count; with <c>--write</c> they become the table that kernels read.
/// </summary>
internal static class ChoiceBenchmark
{
    private const int Rounds = 9;

    private static readonly (int Bits, string? Setting)[] Widths = [(512, null), (256, "DOTNET_EnableAVX512"), (128, "DOTNET_EnableAVX2")];

    private static readonly (int Batch, int Size, int In, int Out)[] Shapes =
    [
        (32, 32, 64, 64), (32, 16, 128, 128), (32, 8, 256, 256), (32, 4, 512, 512), (1, 56, 64, 64), (1, 28, 128, 128), (1, 14, 256, 256), (1, 7, 512, 512), (4, 64, 32, 32), (4, 32, 128, 64),
        (32, 32, 16, 16), (64, 24, 32, 64), (8, 56, 16, 32), (8, 16, 32, 128), (4, 8, 64, 64), (1, 16, 64, 128),
    ];

    public static int Run(bool write, string? measure)
    {
        if (measure is not null)
        {
            File.WriteAllText(measure, JsonSerializer.Serialize(Memory.ByWidth(Times<V512>, Times<V256>, Times<V128>)()));
            return 0;
        }

        var table = new SortedDictionary<int, FilteringCosts>();
        foreach ((int bits, string? setting) in Widths.Where(static width => width.Bits <= Hardware.VectorBits))
        {
            List<Row> rows = InOwnProcess(setting);
            if (rows[0].Bits != bits)
            {
                Console.Error.WriteLine($"{setting}=0 leaves vectors of {rows[0].Bits} bits, not of {bits}.");
                return 1;
            }

            table[bits] = Fit(rows);
            Print(rows, table[bits]);
        }

        if (!write)
        {
            return 0;
        }

        if (table.Count < Widths.Length)
        {
            Console.Error.WriteLine($"This machine has no vectors of {Widths[0].Bits} bits: the table was not written.");
            return 1;
        }

        const string Path = "runtime/ModelGen.Kernels/Convolution/FilteringCosts.Table.cs";
        File.WriteAllText(Path, Source(table));
        Console.WriteLine($"wrote {Path}");
        return 0;
    }

    private static List<Row> InOwnProcess(string? setting)
    {
        string file = System.IO.Path.GetTempFileName();
        try
        {
            var start = new ProcessStartInfo("dotnet", [typeof(ChoiceBenchmark).Assembly.Location, "choices", "--measure", file]);
            if (setting is not null)
            {
                start.Environment[setting] = "0";
            }

            using Process process = Process.Start(start)!;
            process.WaitForExit();
            return process.ExitCode == 0 ? JsonSerializer.Deserialize<List<Row>>(File.ReadAllText(file))! : throw new InvalidOperationException($"The measuring process ended with {process.ExitCode}.");
        }
        finally
        {
            File.Delete(file);
        }
    }

    private static List<Row> Times<V>()
        where V : unmanaged, IVector<V>
    {
        NativeLibraries.EnsureLoaded();
        NativeLibraries.ShareThreads();
        return [.. Shapes.Select(static shape => Time<V>(shape.Batch, shape.Size, shape.In, shape.Out))];
    }

    private static unsafe Row Time<V>(int batch, int size, int inputs, int outputs)
        where V : unmanaged, IVector<V>
    {
        var shape = new ConvolutionShape(batch, size, size, inputs, outputs, 3, 3) { PadTop = 1, PadBottom = 1, PadLeft = 1, PadRight = 1 };
        using var x = new NativeMemoryBlock(shape.InputPixels * inputs * sizeof(float));
        using var w = new NativeMemoryBlock(shape.Depth * outputs * sizeof(float));
        using var y = new NativeMemoryBlock(shape.OutputPixels * outputs * sizeof(float));
        nint panelOutputs = (outputs + 31) / 32 * 32;
        using var panels = new NativeMemoryBlock(shape.Depth * panelOutputs * sizeof(float));
        using var transformed = new NativeMemoryBlock(36L * inputs * panelOutputs * sizeof(float));
        using var small = new NativeMemoryBlock(16L * inputs * panelOutputs * sizeof(float));
        Fill(x);
        Fill(w);
        Convolution<V>.PackWeights(shape.Depth, outputs, 1, w.Floats(), panels.Floats());
        Convolution<V>.TransformWeights(inputs, outputs, 4, w.Floats(), transformed.Floats());
        Convolution<V>.TransformWeights(inputs, outputs, 2, w.Floats(), small.Floats());
        bool pairs = Hardware.MultipliesBFloat16;
        Action[] ways =
        [
            () => Convolution<V>.Direct<FloatFormat<V>, NoEpilogue>(shape, x.Floats(), default, w.Floats(), y.Floats(), default),
            () => MinimalFiltering<V, FilterFour<V>>.Forward(shape, x.Floats(), w.Floats(), null, y.Floats(), default(NoEpilogue)),
            () => Convolution<V>.Forward(shape, x.Floats(), new PackedWeights(panels.Floats()), y.Floats()),
            () => MinimalFiltering<V, FilterFour<V>>.Forward(shape, x.Floats(), w.Floats(), transformed.Floats(), y.Floats(), default(NoEpilogue)),
            () => MinimalFiltering<V, FilterTwo<V>>.Forward(shape, x.Floats(), w.Floats(), small.Floats(), y.Floats(), default(NoEpilogue)),
            () => Convolution<V512>.Direct<PairFormat, NoEpilogue>(shape, x.Floats(), default, w.Floats(), y.Floats(), default),
        ];
        double[] times = KernelBenchmark.InTurns(ways[..(pairs ? 6 : 5)], Rounds);
        return new Row(Hardware.VectorBits, batch, size, inputs, outputs, times[0], times[1], times[2], times[3], times[4], pairs ? times[5] : null);
    }

    private static unsafe void Fill(NativeMemoryBlock block)
    {
        var random = new Random(1);
        foreach (ref float value in new Span<float>((float*)block.Address, (int)(block.Bytes / sizeof(float))))
        {
            value = random.NextSingle() - 0.5f;
        }
    }

    /// <summary>Least squares: each pair of times says how much faster filtering is, which is linear in the costs.</summary>
    private static FilteringCosts Fit(List<Row> rows)
    {
        double[,] large = new double[5, 6];
        double[,] small = new double[3, 4];
        foreach (Row row in rows)
        {
            double shared = (1.0 / row.In) + (1.0 / row.Out);
            Add(large, row, row.Direct, row.Filtered, [row.Pixels, 0, -row.Pixels * shared, -1, 0]);
            Add(large, row, row.Packed, row.Transformed, [row.Pixels, 0, -row.Pixels * shared, 0, -1]);
            Add(small, row, row.Packed, row.Small, [(9 * row.Pixels) - (16 * row.SmallTiles), -row.SmallTiles * shared, -1]);
            if (row.Pairs is { } pairs)
            {
                Add(large, row, pairs, row.Filtered, [0, row.Pixels, -row.Pixels * shared, -1, 0]);
            }
        }

        bool hasPairs = rows[0].Pairs is not null;
        if (!hasPairs)
        {
            large[1, 1] = 1;
        }

        // Work that takes no time that can be seen may come out below nothing.
        double[] costs = Solve(large);
        double[] tiles = [.. Solve(small).Select(static cost => Math.Max(0, cost))];
        return new FilteringCosts(costs[0], hasPairs ? costs[1] : costs[0], Math.Max(0, costs[2]), Math.Max(0, costs[3]), Math.Max(0, costs[4]), tiles[0], tiles[1], tiles[2]);
    }

    private static void Add(double[,] normal, Row row, double direct, double filtered, ReadOnlySpan<double> factors)
    {
        double longer = Math.Max(direct, filtered);
        double scale = (double)row.In * row.Out / 1e6 / longer;
        int unknowns = factors.Length;
        for (int i = 0; i < unknowns; i++)
        {
            for (int j = 0; j < unknowns; j++)
            {
                normal[i, j] += factors[i] * scale * factors[j] * scale;
            }

            normal[i, unknowns] += factors[i] * scale * (direct - filtered) / longer;
        }
    }

    private static double[] Solve(double[,] normal)
    {
        int unknowns = normal.GetLength(0);
        for (int pivot = 0; pivot < unknowns; pivot++)
        {
            for (int row = 0; row < unknowns; row++)
            {
                double factor = row == pivot ? 0 : normal[row, pivot] / normal[pivot, pivot];
                for (int column = pivot; column <= unknowns; column++)
                {
                    normal[row, column] -= factor * normal[pivot, column];
                }
            }
        }

        return [.. Enumerable.Range(0, unknowns).Select(row => normal[row, unknowns] / normal[row, row])];
    }

    private static void Print(List<Row> rows, FilteringCosts costs)
    {
        Console.WriteLine($"{rows[0].Bits}-bit vectors: {Text(costs)}");
        Console.WriteLine($"{"3 x 3 convolution",-24} {"direct ms",10} {"filtered",10} {"packed",10} {"prepared",10} {"2 x 2",10} {"pairs",10}   chosen (what the choice loses)");
        foreach (Row row in rows)
        {
            Console.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"{$"{row.Batch} x {row.Size} x {row.Size}, {row.In}-{row.Out}",-24} {row.Direct,10:N3} {row.Filtered,10:N3} {row.Packed,10:N3} {row.Transformed,10:N3} {row.Small,10:N3} {row.Pairs,10:N3}   {Choice(row.Direct, row.Filtered, Pays(false, false))}, prepared {Choice(row.Packed, row.Transformed, Pays(false, true))}, 2 x 2 {Choice(row.Packed, row.Small, costs.SmallTilesPay(row.In, row.Out, row.Pixels, row.SmallTiles))}{(row.Pairs is { } pairs ? $", over pairs {Choice(pairs, row.Filtered, Pays(true, false))}" : "")}"));

            bool Pays(bool overPairs, bool transformed) => costs.Pays(row.In, row.Out, row.Pixels, overPairs, transformed);

            static string Choice(double direct, double filtered, bool pays)
            {
                double loss = ((pays ? filtered : direct) / Math.Min(direct, filtered)) - 1;
                return (pays ? "filtered" : "direct") + (loss > 0 ? string.Create(CultureInfo.InvariantCulture, $" ({loss:P0})") : "");
            }
        }
    }

    private static string Text(FilteringCosts costs) => string.Join(", ", new[] { costs.Saved, costs.SavedOverPairs, costs.Transforms, costs.Weights, costs.TransformedWeights, costs.Product, costs.SmallTransforms, costs.SmallWeights }.Select(static cost => cost.ToString("G3", CultureInfo.InvariantCulture)));

    private static string Source(SortedDictionary<int, FilteringCosts> table)
    {
        var text = new StringBuilder();
        text.Append(
            """
            namespace ModelGen.Kernels;

            /// <content>Written by <c>dotnet run -c Release --project tests/ModelGen.Benchmarks -- choices --write</c>.</content>
            internal readonly partial record struct FilteringCosts
            {
                /// <summary>The costs with vectors of a width.</summary>
                /// <param name="bits">512, 256 or 128.</param>
                public static FilteringCosts For(int bits) => bits switch
                {

            """);
        foreach ((int bits, FilteringCosts costs) in table.Reverse())
        {
            text.Append(CultureInfo.InvariantCulture, $"        {(bits == 128 ? "_" : bits)} => new({Text(costs)}),\n");
        }

        return text.Append("    };\n}\n").ToString();
    }

    /// <summary>Times in milliseconds; those of pairs where the processor multiplies them.</summary>
    private sealed record Row(int Bits, int Batch, int Size, int In, int Out, double Direct, double Filtered, double Packed, double Transformed, double Small, double? Pairs)
    {
        public int Pixels => Batch * Size * Size;

        public int SmallTiles => Batch * ((Size + 1) / 2) * ((Size + 1) / 2);
    }
}
