using System.Collections.Immutable;
using System.Diagnostics;
using System.Globalization;
using System.Reflection;
using System.Text.Json;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.Diagnostics;
using Microsoft.CodeAnalysis.Text;
using ModelGen.Analyzers;

namespace ModelGen.Benchmarks;

/// <summary>
/// What the rules cost when a project of 100,000 lines that uses TorchSharp is compiled. In turns, the shortest of nine times, as what else runs on a machine only adds to them (medians of three
/// gave 9 to 20 % for one state of the rules): the compile itself (parsing, binding, emitting), which is what everything is
/// compared with; the same without emitting, then with an analyzer that asks for the members with code and does nothing in them (what any analyzer makes the compiler do, those of the SDK
/// included), then with that analyzer and the rules that are on by default, and at last with all rules.
/// </summary>
internal static class AnalyzerBenchmark
{
    private const int Lines = 100_000;
    private const int WarmUps = 2;
    private const int Runs = 9;
    private const double LimitOfAll = 0.15;
    private const double LimitOfOne = 0.02;

    /// <param name="only"><c>mixed</c> or <c>dense</c> to measure one of the two projects; null for both.</param>
    /// <param name="json">Where to write the results too; null for nowhere.</param>
    public static int Run(string? only, string? json)
    {
        if (only is not (null or "mixed" or "dense"))
        {
            throw new ArgumentException($"There is no project '{only}'; 'mixed' and 'dense' are there.", nameof(only));
        }

        ImmutableArray<DiagnosticAnalyzer> rules = LoadRules();
        var results = new List<Result>();
        if (only is not "dense")
        {
            results.Add(Measure("half of the files use TorchSharp", dense: false, rules, WarmUps));
        }

        if (only is not "mixed")
        {
            results.Add(Measure("all files use TorchSharp", dense: true, rules, results.Count > 0 ? 0 : WarmUps)); // After the first project the code is warm.
        }

        if (json is not null)
        {
            File.WriteAllText(json, JsonSerializer.Serialize(results, new JsonSerializerOptions { WriteIndented = true, PropertyNamingPolicy = JsonNamingPolicy.CamelCase }));
        }

        return results.TrueForAll(static result => result.Share < LimitOfAll && result.Rules.All(static rule => rule.Share < LimitOfOne)) ? 0 : 1;
    }

    private static Result Measure(string project, bool dense, ImmutableArray<DiagnosticAnalyzer> rules, int warmUps)
    {
        SourceText[] sources = [.. TorchProject.Generate(Lines, dense).Select(static text => SourceText.From(text))];
        DiagnosticAnalyzer shared = new SharedWork();
        var emitted = new List<double>();
        var bound = new List<double>();
        var driven = new List<double>();
        var byDefault = new List<double>();
        var full = new List<double>();
        var times = rules.Add(shared).ToDictionary(static rule => rule, static _ => new List<double>());
        DiagnosticAnalyzer[] usual = [.. rules.Where(static rule => rule.SupportedDiagnostics[0].IsEnabledByDefault)];
        int reports = 0;
        for (int round = -warmUps; round < Runs; round++)
        {
            double compile = Time(sources, static compilation => Emit(compilation));
            double bind = Time(sources, static compilation => compilation.GetDiagnostics());
            double withIdle = Time(sources, static compilation => Analyze(compilation, [new IdleAnalyzer()]));
            double withUsual = Time(sources, compilation => Analyze(compilation, [new IdleAnalyzer(), shared, .. usual]));
            AnalysisResult? result = null;
            double withRules = Time(sources, compilation => result = Analyze(compilation, [new IdleAnalyzer(), shared, .. rules]));
            if (round < 0)
            {
                continue;
            }

            emitted.Add(compile);
            bound.Add(bind);
            driven.Add(withIdle);
            byDefault.Add(withUsual);
            full.Add(withRules);
            reports = result!.GetAllDiagnostics().Length;
            foreach ((DiagnosticAnalyzer rule, List<double> measured) in times)
            {
                measured.Add(result.AnalyzerTelemetryInfo[rule].ExecutionTime.TotalMilliseconds);
            }
        }

        double whole = emitted.Min();
        Row[] rows = [.. rules.Select(rule => new Row(rule.SupportedDiagnostics[0].Id, Median(times[rule]), Median(times[rule]) / whole)).OrderByDescending(static row => row.Milliseconds)];
        var measurement = new Result(
            project,
            sources.Sum(static source => source.Lines.Count),
            sources.Length,
            reports,
            whole,
            driven.Min() - bound.Min(),
            usual.Length,
            (byDefault.Min() - driven.Min()) / whole,
            (full.Min() - driven.Min()) / whole,
            (full.Min() - bound.Min()) / whole,
            new Row("shared", Median(times[shared]), Median(times[shared]) / whole),
            rows);
        Print(measurement);
        return measurement;
    }

    private static void Print(Result result)
    {
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"{result.Lines:N0} lines in {result.Files} files, {result.Project}; {result.Rules.Length} rules, {result.Reports} reports\n" +
            $"compile {result.CompileMs:N0} ms; an idle analyzer adds {result.IdleAnalyzerMs:N0} ms, all rules {result.Share * result.CompileMs:N0} ms more: {result.Share:P1} of the compile time (limit {LimitOfAll:P0}), {result.ShareWithIdleAnalyzer:P1} with the idle analyzer's\n" +
            $"the {result.DefaultRules} rules that are on by default {result.DefaultShare * result.CompileMs:N0} ms: {result.DefaultShare:P1}\n" +
            $"in the rules and what they share, on all cores: {result.Rules.Sum(static row => row.Share) + result.Shared.Share:P1}; the rest is the compiler's own, for calling them\n\n" +
            $"                    ms  of compile time (limit {LimitOfOne:P0})"));
        foreach (Row row in result.Rules.Take(10).Prepend(result.Shared))
        {
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{row.Rule,-14} {row.Milliseconds,7:N1}  {row.Share:P2}"));
        }

        Console.WriteLine();
    }

    private static double Time(SourceText[] sources, Action<Compilation> compile)
    {
        GC.Collect();
        var watch = Stopwatch.StartNew();
        compile(CSharpCompilation.Create(
            "Project",
            sources.AsParallel().AsOrdered().Select(static (source, number) => CSharpSyntaxTree.ParseText(source, path: $"Part{number}.cs")),
            References,
            new CSharpCompilationOptions(OutputKind.DynamicallyLinkedLibrary, optimizationLevel: OptimizationLevel.Release, nullableContextOptions: NullableContextOptions.Enable)));
        return watch.Elapsed.TotalMilliseconds;
    }

    private static void Emit(Compilation compilation)
    {
        using var image = new MemoryStream();
        Microsoft.CodeAnalysis.Emit.EmitResult emitted = compilation.Emit(image);
        if (!emitted.Success)
        {
            throw new InvalidOperationException($"The project does not compile: {string.Join("; ", emitted.Diagnostics.Where(static problem => problem.Severity == DiagnosticSeverity.Error).Take(3))}");
        }
    }

    private static AnalysisResult Analyze(Compilation compilation, ImmutableArray<DiagnosticAnalyzer> analyzers) =>
        compilation
            .WithOptions(compilation.Options.WithSpecificDiagnosticOptions(
                analyzers.SelectMany(static rule => rule.SupportedDiagnostics).Where(static rule => !rule.IsEnabledByDefault).Select(static rule => KeyValuePair.Create(rule.Id, ReportDiagnostic.Info))))
            .WithAnalyzers(analyzers, new CompilationWithAnalyzersOptions(new AnalyzerOptions([]), onAnalyzerException: static (problem, _, _) => throw problem, concurrentAnalysis: true, logAnalyzerExecutionTime: true))
            .GetAnalysisResultAsync(CancellationToken.None).GetAwaiter().GetResult();

    private static IReadOnlyList<MetadataReference> References { get; } =
        [.. ((string)AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES")!).Split(Path.PathSeparator).Select(static path => MetadataReference.CreateFromFile(path))];

    private static ImmutableArray<DiagnosticAnalyzer> LoadRules() =>
        new AnalyzerFileReference(Path.Combine(AppContext.BaseDirectory, "ModelGen.Analyzers.dll"), new Loader()).GetAnalyzers(LanguageNames.CSharp);

    private static double Median(List<double> values) => values.Order().ElementAt(values.Count / 2);

    private sealed record Row(string Rule, double Milliseconds, double Share);

    private sealed record Result(
        string Project, int Lines, int Files, int Reports, double CompileMs, double IdleAnalyzerMs, int DefaultRules, double DefaultShare, double Share, double ShareWithIdleAnalyzer, Row Shared, Row[] Rules);

    private sealed class Loader : IAnalyzerAssemblyLoader
    {
        public void AddDependencyLocation(string fullPath)
        {
        }

        public Assembly LoadFromPath(string fullPath) => Assembly.LoadFrom(fullPath);
    }

    /// <summary>Asks for what the rules ask for, and looks at none of it.</summary>
#pragma warning disable RS1001, RS1036, RS2008 // They are handed to the driver here, and not discovered in an assembly.
    private sealed class IdleAnalyzer : DiagnosticAnalyzer
    {
        private static readonly DiagnosticDescriptor s_none = new("IDLE", "Idle", "Idle", "Idle", DiagnosticSeverity.Hidden, isEnabledByDefault: true);

        public override ImmutableArray<DiagnosticDescriptor> SupportedDiagnostics { get; } = [s_none];

        public override void Initialize(AnalysisContext context)
        {
            context.EnableConcurrentExecution();
            context.ConfigureGeneratedCodeAnalysis(GeneratedCodeAnalysisFlags.None);
            context.RegisterOperationBlockAction(static _ => { });
        }
    }

    /// <summary>
    /// Runs before the rules and does what they share, which would else be on the bill of whichever rule comes first: resolving the TorchSharp symbols, and sorting the operations of each file. The members are bound by then, for the
    /// idle analyzer.
    /// </summary>
    private sealed class SharedWork : DiagnosticAnalyzer
    {
        private static readonly DiagnosticDescriptor s_none = new("SHARED", "Shared", "Shared", "Shared", DiagnosticSeverity.Hidden, isEnabledByDefault: true);

        public override ImmutableArray<DiagnosticDescriptor> SupportedDiagnostics { get; } = [s_none];

        public override void Initialize(AnalysisContext context)
        {
            context.EnableConcurrentExecution();
            context.ConfigureGeneratedCodeAnalysis(GeneratedCodeAnalysisFlags.None);
            context.RegisterCompilationStartAction(static start =>
            {
                TorchSharpContext torch = TorchSharpContext.TryCreate(start.Compilation) ?? throw new InvalidOperationException("The project does not reference TorchSharp.");
                start.RegisterSemanticModelAction(file => torch.CodeOf(file.SemanticModel, file.CancellationToken));
            });
        }
    }
#pragma warning restore RS1001, RS1036, RS2008
}
