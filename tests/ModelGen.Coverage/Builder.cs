using System.Collections.Immutable;
using System.Reflection;
using System.Runtime.Loader;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using ModelGen.Generator;

namespace ModelGen.Coverage;

/// <summary>Compiles a case's sources, as they are and as a model.</summary>
internal sealed class Builder
{
    private const string Usings = """
        global using System;
        global using System.IO;
        global using System.Linq;
        global using System.Collections.Generic;
        global using System.Net.Http;
        global using System.Threading;
        global using System.Threading.Tasks;

        """;

    private static readonly ImmutableArray<MetadataReference> References =
    [
        .. ((string)AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES")!).Split(Path.PathSeparator)
            .Where(static path => path.Length > 0 && Path.GetFileName(path) is not ("ModelGen.Coverage.dll" or "ModelGen.Compiler.dll" or "ModelGen.Generator.dll"))
            .Select(static path => (MetadataReference)MetadataReference.CreateFromFile(path)),
    ];

    private static readonly CSharpParseOptions ParseOptions = new(LanguageVersion.Latest);

    private readonly CaseFile file;
    private readonly CSharpCompilation original;

    public Builder(string folder, CaseFile file)
    {
        this.file = file;
        IEnumerable<string> paths = new[] { folder }.Concat(file.Sources.Select(other => Path.GetFullPath(Path.Combine(folder, other))))
            .SelectMany(static place => File.Exists(place) ? [place] : Directory.EnumerateFiles(place, "*.cs", SearchOption.AllDirectories)).Order(StringComparer.Ordinal);
        original = CSharpCompilation.Create(
            "Case",
            [CSharpSyntaxTree.ParseText(Usings + file.Prelude, ParseOptions, path: "Prelude.cs"), .. paths.Select(path => CSharpSyntaxTree.ParseText(File.ReadAllText(path), ParseOptions, path: Path.GetRelativePath(folder, path)))],
            References,
            new CSharpCompilationOptions(OutputKind.DynamicallyLinkedLibrary, nullableContextOptions: NullableContextOptions.Enable, allowUnsafe: true));
    }

    public ClassDeclarationSyntax? Class => Rewriter.Find(original, file.Class);

    /// <summary>C# errors of the sources as they are, with the case's extra members.</summary>
    public CSharpCompilation Plain() => Class is ClassDeclarationSyntax node ? original.ReplaceSyntaxTree(node.SyntaxTree, Rewriter.Extend(node, file)) : original;

    /// <summary>The sources as a model, with the generator's files.</summary>
    public (Compilation Output, ImmutableArray<Diagnostic> Diagnostics) Model(MethodDeclarationSyntax forward, bool train)
    {
        ClassDeclarationSyntax node = Class!;
        CSharpCompilation marked = original.WithAssemblyName("Model").ReplaceSyntaxTree(node.SyntaxTree, Rewriter.Mark(node, forward, file, train));
        CSharpGeneratorDriver.Create([new ModelGenerator().AsSourceGenerator()], parseOptions: ParseOptions)
            .RunGeneratorsAndUpdateCompilation(marked, out Compilation output, out ImmutableArray<Diagnostic> diagnostics);
        return (output, diagnostics);
    }

    /// <summary>Emits and loads an assembly.</summary>
    public static (Assembly? Assembly, IReadOnlyList<Finding> Errors) Load(Compilation compilation)
    {
        using var stream = new MemoryStream();
        ImmutableArray<Diagnostic> diagnostics = compilation.Emit(stream).Diagnostics;
        Finding[] errors = [.. diagnostics.Where(static diagnostic => diagnostic.Severity == DiagnosticSeverity.Error).Select(Describe)];
        if (errors.Length > 0)
        {
            return (null, errors);
        }

        stream.Position = 0;
        return (AssemblyLoadContext.Default.LoadFromStream(stream), []);
    }

    public static Finding Describe(Diagnostic diagnostic)
    {
        FileLinePositionSpan span = diagnostic.Location.GetLineSpan();
        string where = span.Path is { Length: > 0 } ? $"{span.Path}:{Number(span.StartLinePosition.Line + 1)}:{Number(span.StartLinePosition.Character + 1)}" : "";
        return new Finding(diagnostic.Id, where, diagnostic.GetMessage(System.Globalization.CultureInfo.InvariantCulture));
    }

    private static string Number(int value) => value.ToString(System.Globalization.CultureInfo.InvariantCulture);
}
