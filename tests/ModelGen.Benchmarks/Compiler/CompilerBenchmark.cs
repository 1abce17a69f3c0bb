using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using ModelGen.Generator;
using ModelGen.Samples.Zoo;
using Compilation = Microsoft.CodeAnalysis.Compilation;

namespace ModelGen.Benchmarks;

/// <summary>
/// Time of the generator for the models of the zoo: evaluation of the class and generation of all its code, and an edit in another file. Warm: every model has run several times before.
/// Medians of repeated runs, each on a compilation in which nothing has been bound yet.
/// </summary>
internal static class CompilerBenchmark
{
    private const int Runs = 9;
    private const int WarmUps = 4;

    private static readonly (string Name, string File)[] Models =
    [
        ("Mlp", "Mlp.cs"), ("LeNet5", "LeNet5.cs"), ("AlexNet", "AlexNet.cs"), ("Vgg16Bn", "Vgg.cs"), ("ResNet18", "ResNet.cs"), ("ResNet50", "ResNet.cs"), ("MobileNetV2", "MobileNetV2.cs"),
        ("EfficientNetB0", "EfficientNetB0.cs"), ("GoogLeNet", "GoogLeNet.cs"), ("UNet", "UNet.cs"), ("LstmClassifier", "TextModels.cs"), ("Translator", "Translator.cs"), ("Bert", "Bert.cs"),
        ("Gpt2", "Gpt2.cs"), ("VisionTransformer", "VisionTransformer.cs"), ("Llama", "Llama.cs"),
    ];

    public static int Run(string? only, string? json)
    {
        (string Name, string File)[] models = [.. Models.Where(model => only is null || model.Name.Equals(only, StringComparison.OrdinalIgnoreCase))];
        if (models.Length == 0)
        {
            Console.Error.WriteLine($"There is no model '{only}'. There are: {string.Join(", ", Models.Select(static model => model.Name))}.");
            return 2;
        }

        // As in a compiler server or an editor, the JIT has settled: every method has run often enough to be compiled a last time.
        for (int round = 0; round < WarmUps; round++)
        {
            Array.ForEach(Models, static model => Measure(model.Name, model.File));
        }

        Console.WriteLine($"{"model",-18} {"evaluate ms",11} {"compile ms",10} {"both ms",8} {"MB",6}   {"edit: ms",8} {"MB",6} {"files",5}   {"code KB",7}");
        var rows = new List<Row>();
        foreach ((string name, string file) in models)
        {
            Row[] runs = [.. Enumerable.Range(0, Runs).Select(_ => Measure(name, file))];
            double Median(Func<Row, double> value) => runs.Select(value).Order().ElementAt(Runs / 2);
            var row = new Row(name, Median(static run => run.EvaluateMs), Median(static run => run.CompileMs), Median(static run => run.TotalMs), Median(static run => run.Megabytes), Median(static run => run.EditMs), Median(static run => run.EditMegabytes), runs.Max(static run => run.EditFiles), runs[0].Kilobytes);
            rows.Add(row);
            Console.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"{row.Name,-18} {row.EvaluateMs,11:N1} {row.CompileMs,10:N1} {row.TotalMs,8:N1} {row.Megabytes,6:N1}   {row.EditMs,8:N1} {row.EditMegabytes,6:N1} {row.EditFiles,5}   {row.Kilobytes,7:N0}"));
        }

        if (json is not null)
        {
            File.WriteAllText(json, JsonSerializer.Serialize(
                rows.Select(static row => new { model = row.Name, evaluateMs = row.EvaluateMs, compileMs = row.CompileMs, totalMs = row.TotalMs, megabytes = row.Megabytes, editMs = row.EditMs, editMegabytes = row.EditMegabytes, editFiles = row.EditFiles }),
                new JsonSerializerOptions { WriteIndented = true }));
        }

        return rows.TrueForAll(static row => row.EditFiles == 0) ? 0 : 1;
    }

    /// <summary>A first run and one after an edit in another file.</summary>
    private static Row Measure(string name, string file)
    {
        CSharpCompilation compilation = ModelSource.Compile(name, file);
        GeneratorDriver driver = CSharpGeneratorDriver.Create([new ModelGenerator().AsSourceGenerator()], driverOptions: new GeneratorDriverOptions(IncrementalGeneratorOutputKind.None, trackIncrementalGeneratorSteps: true));
        (driver, double total, double megabytes) = Timed(driver, compilation);
        GeneratorRunResult first = driver.GetRunResult().Results.Single();
        if (first.Diagnostics.Length > 0 || first.GeneratedSources.Length < 4)
        {
            throw new InvalidOperationException($"{name} does not compile: {string.Join("; ", first.Diagnostics)}");
        }

        Compilation edited = compilation.AddSyntaxTrees(CSharpSyntaxTree.ParseText("public class Unrelated { public int Value => 1; }"));
        (driver, double edit, double editMegabytes) = Timed(driver, edited);
        GeneratorRunResult second = driver.GetRunResult().Results.Single();
        int emitted = second.TrackedOutputSteps.SelectMany(static pair => pair.Value).SelectMany(static run => run.Outputs).Count(static output => output.Reason is IncrementalStepRunReason.New or IncrementalStepRunReason.Modified);
        return new Row(name, Elapsed(first, "Parse"), Elapsed(first, "Compile"), total, megabytes, edit, editMegabytes, emitted, first.GeneratedSources.Sum(static source => source.SourceText.Length) / 1024.0);
    }

    private static (GeneratorDriver Driver, double Milliseconds, double Megabytes) Timed(GeneratorDriver driver, Compilation compilation)
    {
        GC.Collect();
        long before = GC.GetTotalAllocatedBytes(precise: true);
        var watch = Stopwatch.StartNew();
        driver = driver.RunGenerators(compilation);
        double milliseconds = watch.Elapsed.TotalMilliseconds;
        return (driver, milliseconds, (GC.GetTotalAllocatedBytes(precise: true) - before) / 1e6);
    }

    private static double Elapsed(GeneratorRunResult result, string step) => result.TrackedSteps[step].Sum(static run => run.ElapsedTime.TotalMilliseconds);

    private sealed record Row(string Name, double EvaluateMs, double CompileMs, double TotalMs, double Megabytes, double EditMs, double EditMegabytes, int EditFiles, double Kilobytes);
}
