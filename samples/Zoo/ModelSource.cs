using System.Reflection;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace ModelGen.Samples.Zoo;

/// <summary>The source of one model of the zoo as a project of its own.</summary>
internal static class ModelSource
{
    private const string Usings =
        "global using System; global using System.Collections.Generic; global using System.Linq; global using ModelGen; global using TorchSharp; global using TorchSharp.Modules; "
        + "global using static TorchSharp.torch; global using static TorchSharp.torch.nn;";

    private static readonly MetadataReference[] References =
    [
        .. ((string)AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES")!).Split(Path.PathSeparator).Where(static path => path.Length > 0)
            .Select(static path => (MetadataReference)MetadataReference.CreateFromFile(path)),
    ];

    /// <summary>A new compilation, in which nothing has been bound yet.</summary>
    /// <param name="name">Class name.</param>
    /// <param name="file">File in Models/.</param>
    public static CSharpCompilation Compile(string name, string file) => CSharpCompilation.Create(
        "Zoo",
        [CSharpSyntaxTree.ParseText(Usings), CSharpSyntaxTree.ParseText(Text(name, file))],
        References,
        new CSharpCompilationOptions(OutputKind.DynamicallyLinkedLibrary, nullableContextOptions: NullableContextOptions.Enable));

    /// <summary>The model's file with [Model] on that model alone.</summary>
    private static string Text(string name, string file)
    {
        using Stream stream = Assembly.GetExecutingAssembly().GetManifestResourceStream(file)!;
        using var reader = new StreamReader(stream);
        SyntaxNode root = CSharpSyntaxTree.ParseText(reader.ReadToEnd()).GetRoot();
        IEnumerable<ClassDeclarationSyntax> others = root.DescendantNodes().OfType<ClassDeclarationSyntax>().Where(type => type.AttributeLists.Count > 0 && type.Identifier.Text != name);
        return root.ReplaceNodes(others, static (_, type) => type.WithAttributeLists(default)).ToFullString();
    }
}
