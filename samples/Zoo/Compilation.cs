using System.Diagnostics;
using System.Reflection;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using ModelGen.Generator;

namespace ModelGen.Samples.Zoo;

/// <summary>Runs the generator on a model's source, as the compiler does in a build.</summary>
internal static class Compilation
{
    private const string Usings =
        "global using System; global using System.Collections.Generic; global using System.Linq; global using ModelGen; global using TorchSharp; global using TorchSharp.Modules; "
        + "global using static TorchSharp.torch; global using static TorchSharp.torch.nn;";

    private static readonly MetadataReference[] References =
    [
        .. ((string)AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES")!).Split(Path.PathSeparator).Where(static path => path.Length > 0)
            .Select(static path => (MetadataReference)MetadataReference.CreateFromFile(path)),
    ];

    /// <summary>Evaluation and code generation of one model, in milliseconds: the best of three runs after one to warm up.</summary>
    public static double Milliseconds(ZooModel zoo)
    {
        double best = double.MaxValue;
        for (int run = 0; run < 4; run++)
        {
            CSharpCompilation compilation = CSharpCompilation.Create(
                "Zoo",
                [CSharpSyntaxTree.ParseText(Usings), CSharpSyntaxTree.ParseText(Source(zoo))],
                References,
                new CSharpCompilationOptions(OutputKind.DynamicallyLinkedLibrary, nullableContextOptions: NullableContextOptions.Enable));
            var watch = Stopwatch.StartNew();
            GeneratorDriverRunResult result = CSharpGeneratorDriver.Create(new ModelGenerator()).RunGenerators(compilation).GetRunResult();
            if (result.Diagnostics.Length > 0 || result.GeneratedTrees.Length < 4)
            {
                throw new InvalidOperationException($"{zoo.Name} does not compile: {string.Join("; ", result.Diagnostics)}");
            }

            best = run == 0 ? best : Math.Min(best, watch.Elapsed.TotalMilliseconds);
        }

        return best;
    }

    /// <summary>The model's file with [Model] on that model alone.</summary>
    private static string Source(ZooModel zoo)
    {
        using Stream stream = Assembly.GetExecutingAssembly().GetManifestResourceStream(zoo.File)!;
        using var reader = new StreamReader(stream);
        SyntaxNode root = CSharpSyntaxTree.ParseText(reader.ReadToEnd()).GetRoot();
        IEnumerable<ClassDeclarationSyntax> others = root.DescendantNodes().OfType<ClassDeclarationSyntax>().Where(type => type.AttributeLists.Count > 0 && type.Identifier.Text != zoo.Name);
        return root.ReplaceNodes(others, static (_, type) => type.WithAttributeLists(default)).ToFullString();
    }
}
