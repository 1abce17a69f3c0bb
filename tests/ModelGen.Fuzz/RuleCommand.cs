using System.Diagnostics;
using System.Globalization;
using System.Reflection;
using System.Runtime.CompilerServices;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CodeFixes;
using Microsoft.CodeAnalysis.Diagnostics;
using ModelGen.Analyzers.Tests.Corpus;

namespace ModelGen.Fuzz;

/// <summary>Runs all rules and fixes on damaged sources: the long form of the test in ModelGen.Analyzers.Tests.</summary>
internal static class RuleCommand
{
    private const int Shown = 10;

    /// <returns>0 when nothing was thrown, 1 when something was, 2 for an unknown option.</returns>
    public static async Task<int> RunAsync(string[] args)
    {
        int count = 5000, first = 0, show = -1;
        for (int i = 0; i < args.Length; i += 2)
        {
            int value = int.Parse(i + 1 < args.Length ? args[i + 1] : "", CultureInfo.InvariantCulture);
            switch (args[i])
            {
                case "--count":
                    count = value;
                    break;
                case "--seed":
                    first = value;
                    break;
                case "--show":
                    show = value;
                    break;
                default:
                    Console.Error.WriteLine($"unknown option {args[i]}; known are --count, --seed, --show SEED (writes that source to standard output)");
                    return 2;
            }
        }

        CodeFixProvider[] fixes = [.. Instances<CodeFixProvider>("ModelGen.CodeFixes")];
        var fuzz = new RuleFuzz(
            RuleFuzz.Sources(Path.Combine(Folder(), "..", "ModelGen.Analyzers.Tests", "Rules")),
            [.. Instances<DiagnosticAnalyzer>("ModelGen.Analyzers")],
            id => fixes.FirstOrDefault(fix => fix.FixableDiagnosticIds.Contains(id)),
            [.. References()]);
        if (show >= 0)
        {
            Console.Write(fuzz.Source(show));
            return 0;
        }

        var watch = Stopwatch.StartNew();
        long reports = 0, applied = 0;
        int failures = 0;
        for (int number = first; number < first + count; number++)
        {
            RuleTrial trial = await fuzz.RunAsync(number);
            reports += trial.Reports;
            applied += trial.Fixes;
            if (trial.Failure is not null && ++failures <= Shown)
            {
                Console.WriteLine($"source {number}: {trial.Failure}");
            }
        }

        Console.WriteLine($"{count} damaged sources from seed {first} in {watch.Elapsed.TotalSeconds:F0} s: {reports} reports, {applied} fixes applied, {failures} sources on which a rule or a fix threw");
        return failures == 0 ? 0 : 1;
    }

    private static IEnumerable<T> Instances<T>(string assembly) =>
        Assembly.Load(assembly).GetTypes().Where(type => !type.IsAbstract && typeof(T).IsAssignableFrom(type)).Select(type => (T)Activator.CreateInstance(type)!);

    private static IEnumerable<MetadataReference> References() =>
        ((string)AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES")!).Split(Path.PathSeparator)
            .Where(path => Path.GetDirectoryName(path) == Path.GetDirectoryName(typeof(object).Assembly.Location))
            .Append(typeof(TorchSharp.torch).Assembly.Location)
            .Select(path => (MetadataReference)MetadataReference.CreateFromFile(path));

    private static string Folder([CallerFilePath] string here = "") => Path.GetDirectoryName(here)!;
}
