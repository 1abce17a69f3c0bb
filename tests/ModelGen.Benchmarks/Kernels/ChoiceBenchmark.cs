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
    private const int Unknowns = 5;

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
        using var transformed = new NativeMemoryBlock(36L * inputs * ((outputs + 31) / 32 * 32) * sizeof(float));
        Fill(x);
        Fill(w);
        MinimalFiltering<V, FilterFour<V>>.Transform(inputs, outputs, w.Floats(), transformed.Floats());
        bool pairs = Hardware.MultipliesBFloat16;
        Action[] ways =
        [
            () => Convolution<V>.Direct<FloatFormat<V>, NoEpilogue>(shape, x.Floats(), default, w.Floats(), y.Floats(), default),
            () => MinimalFiltering<V, FilterFour<V>>.Forward(shape, x.Floats(), w.Floats(), null, y.Floats(), default(NoEpilogue)),
            () => MinimalFiltering<V, FilterFour<V>>.Forward(shape, x.Floats(), w.Floats(), transformed.Floats(), y.Floats(), default(NoEpilogue)),
            () => Convolution<V512>.Direct<PairFormat, NoEpilogue>(shape, x.Floats(), default, w.Floats(), y.Floats(), default),
        ];
        double[] times = KernelBenchmark.InTurns(ways[..(pairs ? 4 : 3)], Rounds);
        return new Row(Hardware.VectorBits, batch, size, inputs, outputs, times[0], times[1], times[2], pairs ? times[3] : null);
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
        double[,] normal = new double[Unknowns, Unknowns + 1];
        foreach (Row row in rows)
        {
            Add(normal, row, row.Direct, row.Filtered, 0, 3);
            Add(normal, row, row.Direct, row.Transformed, 0, 4);
            if (row.Pairs is { } pairs)
            {
                Add(normal, row, pairs, row.Filtered, 1, 3);
            }
        }

        bool hasPairs = rows[0].Pairs is not null;
        if (!hasPairs)
        {
            normal[1, 1] = 1;
        }

        double[] costs = Solve(normal);
        // Work that takes no time that can be seen may come out below nothing.
        return new FilteringCosts(costs[0], hasPairs ? costs[1] : costs[0], Math.Max(0, costs[2]), Math.Max(0, costs[3]), Math.Max(0, costs[4]));
    }

    private static void Add(double[,] normal, Row row, double direct, double filtered, int saved, int weights)
    {
        double longer = Math.Max(direct, filtered);
        double scale = (double)row.In * row.Out / 1e6 / longer;
        double[] factors = new double[Unknowns + 1];
        factors[saved] = row.Pixels * scale;
        factors[2] = -row.Pixels * ((1.0 / row.In) + (1.0 / row.Out)) * scale;
        factors[weights] = -scale;
        factors[Unknowns] = (direct - filtered) / longer;
        for (int i = 0; i < Unknowns; i++)
        {
            for (int j = 0; j <= Unknowns; j++)
            {
                normal[i, j] += factors[i] * factors[j];
            }
        }
    }

    private static double[] Solve(double[,] normal)
    {
        for (int pivot = 0; pivot < Unknowns; pivot++)
        {
            for (int row = 0; row < Unknowns; row++)
            {
                double factor = row == pivot ? 0 : normal[row, pivot] / normal[pivot, pivot];
                for (int column = pivot; column <= Unknowns; column++)
                {
                    normal[row, column] -= factor * normal[pivot, column];
                }
            }
        }

        return [.. Enumerable.Range(0, Unknowns).Select(row => normal[row, Unknowns] / normal[row, row])];
    }

    private static void Print(List<Row> rows, FilteringCosts costs)
    {
        Console.WriteLine($"{rows[0].Bits}-bit vectors: {Text(costs)}");
        Console.WriteLine($"{"3 x 3 convolution",-24} {"direct ms",10} {"filtered",10} {"prepared",10} {"pairs",10}   chosen (what the choice loses)");
        foreach (Row row in rows)
        {
            Console.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"{$"{row.Batch} x {row.Size} x {row.Size}, {row.In}-{row.Out}",-24} {row.Direct,10:N3} {row.Filtered,10:N3} {row.Transformed,10:N3} {row.Pairs,10:N3}   {Choice(row.Direct, row.Filtered, false, false)}, prepared {Choice(row.Direct, row.Transformed, false, true)}{(row.Pairs is { } pairs ? $", over pairs {Choice(pairs, row.Filtered, true, false)}" : "")}"));

            string Choice(double direct, double filtered, bool overPairs, bool transformed)
            {
                bool pays = costs.Pays(row.In, row.Out, row.Pixels, overPairs, transformed);
                double loss = ((pays ? filtered : direct) / Math.Min(direct, filtered)) - 1;
                return (pays ? "filtered" : "direct") + (loss > 0 ? string.Create(CultureInfo.InvariantCulture, $" ({loss:P0})") : "");
            }
        }
    }

    private static string Text(FilteringCosts costs) => string.Join(", ", new[] { costs.Saved, costs.SavedOverPairs, costs.Transforms, costs.Weights, costs.TransformedWeights }.Select(static cost => cost.ToString("G3", CultureInfo.InvariantCulture)));

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
    private sealed record Row(int Bits, int Batch, int Size, int In, int Out, double Direct, double Filtered, double Transformed, double? Pairs)
    {
        public int Pixels => Batch * Size * Size;
    }
}
