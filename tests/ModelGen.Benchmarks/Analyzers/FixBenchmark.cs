using System.Collections.Immutable;
using System.Diagnostics;
using System.Globalization;
using System.Reflection;
using System.Text.Json;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using ModelGen.Analyzers.Tests;

namespace ModelGen.Benchmarks;

/// <summary>
/// What the fixes of the rules gain in time and memory. The programs are those of <c>tests/ModelGen.Analyzers.Tests/Corpus/Faults</c>: one with many faults, and small ones with a single fault.
/// Each is run as it stands and as the fixes leave it, in processes of their own, in turns. Memory is measured in further runs, in which glibc gives each larger block back as soon as it is freed:
/// by default its heap grows from scattered small blocks, and says little about what a program holds.
/// </summary>
internal static class FixBenchmark
{
    private const int Steps = 200;
    private const int WarmUp = 40;
    private const int Rounds = 3;

    public static int Run(string? only, string? json, string? measure)
    {
        if (measure is not null)
        {
            File.WriteAllText(json!, JsonSerializer.Serialize(Measure(measure)));
            return 0;
        }

        string[] programs = [.. Directory.GetFiles(Path.Combine(AppContext.BaseDirectory, "Faults"), "*.cs").Order(StringComparer.Ordinal)];
        string[] chosen = [.. programs.Where(program => only is null || Path.GetFileNameWithoutExtension(program).Equals(only, StringComparison.OrdinalIgnoreCase))];
        if (chosen.Length == 0)
        {
            Console.Error.WriteLine($"There is no program '{only}'. There are: {string.Join(", ", programs.Select(Path.GetFileNameWithoutExtension))}.");
            return 2;
        }

        Console.WriteLine($"{Steps} steps, the first {WarmUp} of them not counted; times are medians of {Rounds} runs of each, in turns; as written -> as the fixes leave it");
        Console.WriteLine($"{"program",-20} {"step ms",-24} {"managed KiB a step",-20} {"peak MiB",-18} {"growth KiB a step",-20} rules");
        var rows = new List<Row>();
        DirectoryInfo folder = Directory.CreateTempSubdirectory("fixes");
        try
        {
            foreach (string program in chosen)
            {
                Row row = Compare(program, folder.FullName);
                rows.Add(row);
                Console.WriteLine(string.Create(
                    CultureInfo.InvariantCulture,
                    $"{row.Program,-20} {$"{row.Written.StepMs:N2} -> {row.Mended.StepMs:N2} ({row.TimeRatio:N2})",-24} {Pair(row, static cost => cost.ManagedKiB, "N1"),-20} {Pair(row, static cost => cost.PeakMiB, "N0"),-18} {Pair(row, static cost => cost.GrowthKiB, "N0"),-20} {string.Join(' ', row.Rules)}"));
            }
        }
        finally
        {
            folder.Delete(recursive: true);
        }

        if (json is not null)
        {
            File.WriteAllText(json, JsonSerializer.Serialize(rows, new JsonSerializerOptions { WriteIndented = true, PropertyNamingPolicy = JsonNamingPolicy.CamelCase }));
        }

        return 0;
    }

    private static string Pair(Row row, Func<Cost, double> value, string format) =>
        $"{value(row.Written).ToString(format, CultureInfo.InvariantCulture)} -> {value(row.Mended).ToString(format, CultureInfo.InvariantCulture)}";

    private static Row Compare(string program, string folder)
    {
        string written = File.ReadAllText(program);
        MendedProgram mended = ProgramMender.MendAsync(written, References).GetAwaiter().GetResult();
        if (mended.Applied.Count == 0)
        {
            throw new InvalidOperationException($"Nothing was fixed in {program}.");
        }

        string name = Path.GetFileNameWithoutExtension(program);
        string[] assemblies = [Compile(written, Path.Combine(folder, name + ".Written.dll")), Compile(mended.Text, Path.Combine(folder, name + ".Mended.dll"))];
        var costs = new List<Cost>[] { [], [] };
        for (int round = 0; round < Rounds; round++)
        {
            for (int side = 0; side < 2; side++)
            {
                costs[side].Add(InOwnProcess(assemblies[side], forMemory: false));
            }
        }

        Cost[] sides = [.. assemblies.Zip(costs, static (assembly, timed) =>
        {
            Cost memory = InOwnProcess(assembly, forMemory: true);
            return new Cost(Median(timed.Select(static cost => cost.StepMs)), Median(timed.Select(static cost => cost.ManagedKiB)), memory.PeakMiB, memory.GrowthKiB);
        })];
        return new Row(name, [.. mended.Applied.Distinct().Order(StringComparer.Ordinal)], sides[0], sides[1], sides[1].StepMs / sides[0].StepMs);
    }

    private static string Compile(string source, string path)
    {
        Microsoft.CodeAnalysis.Emit.EmitResult emitted = CSharpCompilation.Create(
            Path.GetFileNameWithoutExtension(path),
            [CSharpSyntaxTree.ParseText(source)],
            References,
            new CSharpCompilationOptions(OutputKind.DynamicallyLinkedLibrary, optimizationLevel: OptimizationLevel.Release)).Emit(path);
        return emitted.Success ? path : throw new InvalidOperationException($"{Path.GetFileName(path)} does not compile: {string.Join("; ", emitted.Diagnostics.Where(static problem => problem.Severity == DiagnosticSeverity.Error).Take(3))}");
    }

    private static Cost InOwnProcess(string assembly, bool forMemory)
    {
        string file = assembly + ".json";
        var start = new ProcessStartInfo("dotnet", [typeof(FixBenchmark).Assembly.Location, "fixes", "--measure", assembly, "--json", file]) { RedirectStandardOutput = true };
        if (forMemory)
        {
            start.Environment["MALLOC_MMAP_THRESHOLD_"] = "65536";
        }

        using Process process = Process.Start(start)!;
        process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return process.ExitCode == 0 ? JsonSerializer.Deserialize<Cost>(File.ReadAllText(file))! : throw new InvalidOperationException($"The process that runs {Path.GetFileName(assembly)} ended with {process.ExitCode}.");
    }

    /// <summary>Runs a program in this process, which has done nothing else, and looks at the costs at each of its steps.</summary>
    private static Cost Measure(string assembly)
    {
        MethodInfo train = Assembly.LoadFrom(assembly).GetType("Program")!.GetMethod("Train", [typeof(int), typeof(Action)])!;
        manual_seed(1);
        using (NewDisposeScope())
        {
            ones(1).add(1); // Loads the native library.
        }

        StepMeter.ReleaseFreedMemory();
        StepMeter.ResetPeak();
        double resident = StepMeter.ResidentMiB();
        var times = new List<double>(Steps);
        long last = Stopwatch.GetTimestamp();
        long managed = 0;
        double residentWarm = 0;
        train.CreateDelegate<Action<int, Action>>()(Steps, () =>
        {
            times.Add(Stopwatch.GetElapsedTime(last).TotalMilliseconds);
            if (times.Count == WarmUp)
            {
                residentWarm = StepMeter.ResidentMiB();
                managed = GC.GetTotalAllocatedBytes();
            }
            else if (times.Count == Steps)
            {
                managed = GC.GetTotalAllocatedBytes() - managed;
                residentWarm = StepMeter.ResidentMiB() - residentWarm;
            }

            last = Stopwatch.GetTimestamp();
        });

        const double Counted = Steps - WarmUp;
        return times.Count == Steps
            ? new Cost(Median(times.Skip(WarmUp)), managed / 1024.0 / Counted, StepMeter.PeakMiB() - resident, residentWarm * 1024 / Counted)
            : throw new InvalidOperationException($"{Path.GetFileName(assembly)} made {times.Count} steps instead of {Steps}.");
    }

    private static double Median(IEnumerable<double> values)
    {
        double[] sorted = [.. values.Order()];
        return sorted[sorted.Length / 2];
    }

    private static ImmutableArray<MetadataReference> References { get; } =
        [.. ((string)AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES")!).Split(Path.PathSeparator).Select(static path => MetadataReference.CreateFromFile(path))];

    /// <param name="StepMs">Median time of a step.</param>
    /// <param name="ManagedKiB">Managed memory that is allocated in a step.</param>
    /// <param name="PeakMiB">Peak of the resident memory, above what the process had before the program began.</param>
    /// <param name="GrowthKiB">By how much the resident memory grows in a step.</param>
    private sealed record Cost(double StepMs, double ManagedKiB, double PeakMiB, double GrowthKiB);

    private sealed record Row(string Program, string[] Rules, Cost Written, Cost Mended, double TimeRatio);
}
