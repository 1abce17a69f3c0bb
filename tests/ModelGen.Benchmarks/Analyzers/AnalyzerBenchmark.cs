using System.Collections.Immutable;
using System.Diagnostics;
using System.Globalization;
using System.Reflection;
using System.Text.Json;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.Diagnostics;
using Microsoft.CodeAnalysis.Text;

namespace ModelGen.Benchmarks;

/// <summary>
/// What the rules cost when a TorchSharp project of 100,000 lines is compiled: parsing, binding and emitting without analyzers, with one that asks for every operation and does nothing (what any
/// analyzer makes the compiler do, the ones of the SDK included), and with all rules, the ones that are off by default included. The three take turns; medians.
/// </summary>
internal static class AnalyzerBenchmark
{
    private const int Lines = 100_000;
    private const int Runs = 3;
    private const double LimitOfAll = 0.15;
    private const double LimitOfOne = 0.02;

    public static int Run(string? json)
    {
        SourceText[] sources = [.. TorchProject.Generate(Lines).Select(static text => SourceText.From(text))];
        ImmutableArray<DiagnosticAnalyzer> rules = LoadRules();
        ImmutableArray<DiagnosticAnalyzer> idle = [new IdleAnalyzer()];
        var plain = new List<double>();
        var driven = new List<double>();
        var full = new List<double>();
        var times = rules.ToDictionary(static rule => rule, static _ => new List<double>());
        int reports = 0;
        for (int round = 0; round <= Runs; round++)
        {
            double withoutRules = Compile(sources, []).Milliseconds;
            double withDriver = Compile(sources, idle).Milliseconds;
            (double withRules, AnalysisResult? result) = Compile(sources, rules);
            if (round == 0)
            {
                // The first round only warms up.
                continue;
            }

            plain.Add(withoutRules);
            driven.Add(withDriver);
            full.Add(withRules);
            reports = result!.GetAllDiagnostics().Length;
            foreach (DiagnosticAnalyzer rule in rules)
            {
                times[rule].Add(result.AnalyzerTelemetryInfo[rule].ExecutionTime.TotalMilliseconds);
            }
        }

        double compile = Median(plain);
        double share = Median([.. full.Zip(driven, static (a, b) => a - b)]) / compile;
        double shareWithDriver = Median([.. full.Zip(plain, static (a, b) => a - b)]) / compile;
        Row[] rows = [.. rules.Select(rule => new Row(rule.SupportedDiagnostics[0].Id, Median(times[rule]), Median(times[rule]) / compile)).OrderByDescending(static row => row.Milliseconds)];
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"{sources.Sum(static source => source.Lines.Count):N0} lines in {sources.Length} files, {rules.Length} rules, {reports} reports\n" +
            $"compile {compile:N0} ms, with an idle analyzer {Median(driven):N0} ms, with all rules {Median(full):N0} ms\n" +
            $"the rules cost {share:P1} of the compile time over an idle analyzer (limit {LimitOfAll:P0}), {shareWithDriver:P1} over none; times in the rules add up to {rows.Sum(static row => row.Share):P1} on all cores\n\nslowest rules       ms  of compile time (limit {LimitOfOne:P0})"));
        foreach (Row row in rows.Take(15))
        {
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{row.Rule,-14} {row.Milliseconds,7:N1}  {row.Share:P2}"));
        }

        if (json is not null)
        {
            File.WriteAllText(json, JsonSerializer.Serialize(
                new { lines = sources.Sum(static source => source.Lines.Count), reports, compileMs = compile, idleAnalyzerMs = Median(driven), allRulesMs = Median(full), share, shareWithDriver, rules = rows },
                new JsonSerializerOptions { WriteIndented = true, PropertyNamingPolicy = JsonNamingPolicy.CamelCase }));
        }

        return share < LimitOfAll && rows[0].Share < LimitOfOne ? 0 : 1;
    }

    private static (double Milliseconds, AnalysisResult? Result) Compile(SourceText[] sources, ImmutableArray<DiagnosticAnalyzer> analyzers)
    {
        GC.Collect();
        var watch = Stopwatch.StartNew();
        Compilation compilation = CSharpCompilation.Create(
            "Project",
            sources.AsParallel().AsOrdered().Select(static (source, number) => CSharpSyntaxTree.ParseText(source, path: $"Part{number}.cs")),
            References,
            new CSharpCompilationOptions(OutputKind.DynamicallyLinkedLibrary, optimizationLevel: OptimizationLevel.Release, nullableContextOptions: NullableContextOptions.Enable)
                .WithSpecificDiagnosticOptions(analyzers.SelectMany(static rule => rule.SupportedDiagnostics).Where(static rule => !rule.IsEnabledByDefault).Select(static rule => KeyValuePair.Create(rule.Id, ReportDiagnostic.Info))));
        AnalysisResult? result = null;
        if (!analyzers.IsEmpty)
        {
            var options = new CompilationWithAnalyzersOptions(new AnalyzerOptions([]), onAnalyzerException: static (problem, _, _) => throw problem, concurrentAnalysis: true, logAnalyzerExecutionTime: true);
            CompilationWithAnalyzers analysis = compilation.WithAnalyzers(analyzers, options);
            result = analysis.GetAnalysisResultAsync(CancellationToken.None).GetAwaiter().GetResult();
            compilation = analysis.Compilation;
        }

        using var image = new MemoryStream();
        Microsoft.CodeAnalysis.Emit.EmitResult emitted = compilation.Emit(image);
        watch.Stop();
        return emitted.Success
            ? (watch.Elapsed.TotalMilliseconds, result)
            : throw new InvalidOperationException($"The project does not compile: {string.Join("; ", emitted.Diagnostics.Where(static problem => problem.Severity == DiagnosticSeverity.Error).Take(3))}");
    }

    private static IReadOnlyList<MetadataReference> References { get; } =
        [.. ((string)AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES")!).Split(Path.PathSeparator).Select(static path => MetadataReference.CreateFromFile(path))];

    private static ImmutableArray<DiagnosticAnalyzer> LoadRules() =>
        new AnalyzerFileReference(Path.Combine(AppContext.BaseDirectory, "ModelGen.Analyzers.dll"), new Loader()).GetAnalyzers(LanguageNames.CSharp);

    private static double Median(List<double> values) => values.Order().ElementAt(values.Count / 2);

    private sealed record Row(string Rule, double Milliseconds, double Share);

    private sealed class Loader : IAnalyzerAssemblyLoader
    {
        public void AddDependencyLocation(string fullPath)
        {
        }

        public Assembly LoadFromPath(string fullPath) => Assembly.LoadFrom(fullPath);
    }

    /// <summary>Asks for the operations that the rules ask for, and looks at none.</summary>
#pragma warning disable RS1001, RS1036, RS2008 // It is handed to the driver here, and not discovered in an assembly.
    private sealed class IdleAnalyzer : DiagnosticAnalyzer
    {
        private static readonly DiagnosticDescriptor s_none = new("IDLE", "Idle", "Idle", "Idle", DiagnosticSeverity.Hidden, isEnabledByDefault: true);

        public override ImmutableArray<DiagnosticDescriptor> SupportedDiagnostics { get; } = [s_none];

        public override void Initialize(AnalysisContext context)
        {
            context.EnableConcurrentExecution();
            context.ConfigureGeneratedCodeAnalysis(GeneratedCodeAnalysisFlags.None);
            context.RegisterOperationAction(static _ => { }, OperationKind.Invocation, OperationKind.Loop, OperationKind.Conversion, OperationKind.Return);
        }
    }
#pragma warning restore RS1001, RS1036, RS2008
}
