using System.Diagnostics;
using System.Globalization;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace ModelGen.Generator.Tests;

/// <summary>Runs the generator over one text, however broken, and says what it did that it must not do.</summary>
/// <param name="Problem">What is wrong; null when all is well.</param>
/// <param name="Elapsed">How long the generator took.</param>
/// <param name="Surfaces">How many model classes had to have generated members.</param>
internal sealed record Trial(string? Problem, TimeSpan Elapsed, int Surfaces)
{
    private const string File = "Model.cs";

    /// <summary>The usings stand in a file of their own, so that a change of the model does not touch them, and references are read once.</summary>
    private static readonly CSharpCompilation Empty = GeneratorRun.Compile()
        .AddSyntaxTrees(CSharpSyntaxTree.ParseText(GeneratorRun.Usings.Replace("using ", "global using ") + "global using System.Linq;\n", GeneratorRun.ParseOptions, path: "Usings.cs"));

    private static readonly string[] GeneratedNames = ["Infer", "Summary", "CreateTrainer", "ExportOnnx", "ToOnnx", "ExportQuantizedOnnx", "OpenSession", "Session", "Verify"];

    public static CSharpCompilation Compile(string text) => Empty.AddSyntaxTrees(CSharpSyntaxTree.ParseText(text, GeneratorRun.ParseOptions, path: File));

    /// <summary>Judges one text on a machine that others use too: what takes long has to take long compared with sound code.</summary>
    public static Trial Fair(string text, TimeSpan limit)
    {
        Trial first = Of(text, limit);
        if (first.Elapsed <= limit)
        {
            return first;
        }

        TimeSpan usual = Of(ModuleSources.All[0].Value, limit).Elapsed;
        return Of(text, TimeSpan.FromTicks(Math.Max(limit.Ticks, usual.Ticks * 20)));
    }

    /// <summary>Judges one text; a generator that has not ended at the limit is cancelled.</summary>
    public static Trial Of(string text, TimeSpan limit)
    {
        CSharpCompilation compilation = Compile(text);
        GeneratorDriver driver = CSharpGeneratorDriver.Create([new ModelGenerator().AsSourceGenerator()], parseOptions: GeneratorRun.ParseOptions);
        using var cancellation = new CancellationTokenSource(limit * 5);
        var watch = Stopwatch.StartNew();
        try
        {
            driver = driver.RunGenerators(compilation, cancellation.Token);
        }
        catch (OperationCanceledException)
        {
            return new Trial("the generator does not end", watch.Elapsed, 0);
        }

        TimeSpan elapsed = watch.Elapsed;
        GeneratorRunResult result = driver.GetRunResult().Results.Single();
        if (result.Exception is { } exception)
        {
            return new Trial($"CS8785: {exception}", elapsed, 0);
        }

        if (result.Diagnostics.FirstOrDefault(static diagnostic => diagnostic.Id == "MG9001") is { } fault)
        {
            return new Trial(fault.ToString(), elapsed, 0);
        }

        // A whole class without any [Shape] is told so, and gets nothing.
        string[] models = [.. Models(compilation).Where(model => !result.Diagnostics.Any(diagnostic => diagnostic.Id == "MG0013" && diagnostic.GetMessage(CultureInfo.InvariantCulture).Contains($"'{model.Split('.')[^1]}'", StringComparison.Ordinal)))];
        HashSet<string> inferring = [.. result.GeneratedSources.SelectMany(static source => Inferring(source.SyntaxTree))];
        string? missing = models.FirstOrDefault(model => !inferring.Contains(model));
        return new Trial(missing is not null ? $"no member Infer was generated for '{missing}'" : elapsed > limit ? $"took {elapsed.TotalSeconds:F1} s" : null, elapsed, models.Length);
    }

    /// <summary>Classes that are recognisably TorchSharp models which can be compiled: partial, with the attribute, with a base class of TorchSharp or one that is being typed, without a member of a name that is generated.</summary>
    private static IEnumerable<string> Models(CSharpCompilation compilation)
    {
        SyntaxTree tree = compilation.SyntaxTrees.First(static tree => tree.FilePath == File);
        SemanticModel semantics = compilation.GetSemanticModel(tree);
        INamedTypeSymbol attribute = compilation.GetTypeByMetadataName("ModelGen.ModelAttribute")!;
        foreach (ClassDeclarationSyntax declaration in tree.GetRoot().DescendantNodes().OfType<ClassDeclarationSyntax>())
        {
            if (semantics.GetDeclaredSymbol(declaration) is { IsAbstract: false, IsStatic: false, Name.Length: > 0 } type
                && declaration.AttributeLists.Count > 0
                && !type.IsGenericType
                && type.GetAttributes().Any(data => SymbolEqualityComparer.Default.Equals(data.AttributeClass, attribute))
                && declaration.AncestorsAndSelf().OfType<TypeDeclarationSyntax>().All(static outer => outer.Modifiers.Any(SyntaxKind.PartialKeyword))
                && DerivesFromModule(type)
                && GeneratedNames.All(name => type.GetMembers(name).IsEmpty))
            {
                string name = type.ToDisplayString();
                if (!name.StartsWith('.') && !name.Contains("..", StringComparison.Ordinal))
                {
                    yield return name;
                }
            }
        }
    }

    private static bool DerivesFromModule(INamedTypeSymbol type)
    {
        for (INamedTypeSymbol? current = type.BaseType; current is not null; current = current.BaseType)
        {
            if (current.TypeKind == TypeKind.Error || current.ToDisplayString().StartsWith("TorchSharp.torch.nn.Module", StringComparison.Ordinal))
            {
                return true;
            }
        }

        return false;
    }

    private static IEnumerable<string> Inferring(SyntaxTree tree)
    {
        foreach (MethodDeclarationSyntax method in tree.GetRoot().DescendantNodes().OfType<MethodDeclarationSyntax>())
        {
            if (method.Identifier.ValueText == "Infer" && method.Parent is ClassDeclarationSyntax)
            {
                IEnumerable<string> names = method.Ancestors().Reverse().Select(static outer => outer switch
                {
                    BaseNamespaceDeclarationSyntax space => space.Name.ToString(),
                    TypeDeclarationSyntax declaration => declaration.Identifier.Text,
                    _ => "",
                });
                yield return string.Join(".", names.Where(static name => name.Length > 0));
            }
        }
    }
}
