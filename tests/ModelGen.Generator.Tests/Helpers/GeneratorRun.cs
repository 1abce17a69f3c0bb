using System.Collections.Immutable;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;

namespace ModelGen.Generator.Tests;

/// <summary>Runs the generator over sources in memory.</summary>
internal static class GeneratorRun
{
    private static readonly ImmutableArray<MetadataReference> References =
    [
        .. ((string)AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES")!).Split(Path.PathSeparator).Where(static path => path.Length > 0)
            .Select(static path => (MetadataReference)MetadataReference.CreateFromFile(path)),
    ];

    public static readonly CSharpParseOptions ParseOptions = new(LanguageVersion.Latest);

    public const string Usings = """
        using System;
        using System.Collections.Generic;
        using ModelGen;
        using TorchSharp;
        using static TorchSharp.torch;
        using static TorchSharp.torch.nn;
        using static TorchSharp.torch.nn.functional;
        using TorchSharp.Modules;

        """;

    public static CSharpCompilation Compile(params string[] sources) => CSharpCompilation.Create(
        "Models",
        sources.Select(static (source, index) => CSharpSyntaxTree.ParseText(Usings + source, ParseOptions, path: $"Source{index}.cs")),
        References,
        new CSharpCompilationOptions(OutputKind.DynamicallyLinkedLibrary, nullableContextOptions: NullableContextOptions.Enable, allowUnsafe: true));

    public static GeneratorDriver Driver() => CSharpGeneratorDriver.Create(
        [new ModelGenerator().AsSourceGenerator()],
        parseOptions: ParseOptions,
        driverOptions: new GeneratorDriverOptions(IncrementalGeneratorOutputKind.None, trackIncrementalGeneratorSteps: true));

    /// <summary>Generated files by hint name, the generator's diagnostics, and the errors of the whole compilation.</summary>
    public static (IReadOnlyDictionary<string, string> Files, ImmutableArray<Diagnostic> Diagnostics, ImmutableArray<Diagnostic> Errors) Run(params string[] sources)
    {
        GeneratorDriver driver = Driver().RunGeneratorsAndUpdateCompilation(Compile(sources), out Compilation output, out ImmutableArray<Diagnostic> diagnostics);
        var files = driver.GetRunResult().Results.Single().GeneratedSources.ToDictionary(static source => source.HintName, static source => source.SourceText.ToString());
        ImmutableArray<Diagnostic> errors = [.. output.GetDiagnostics().Where(static diagnostic => diagnostic.Severity == DiagnosticSeverity.Error)];
        return (files, diagnostics, errors);
    }
}
