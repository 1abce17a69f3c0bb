using System.Collections.Immutable;
using System.Text.RegularExpressions;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;

namespace ModelGen.Generator.Tests;

/// <summary>
/// The C# examples of README.md and docs compile, with the generator. A block that is no file by itself names what is around it in a comment on the line before:
/// <c>&lt;!-- example: net --&gt;</c> puts it into <c>Documents/net.cs</c>, in place of the line <c>// example</c>.
/// </summary>
public sealed partial class DocumentExampleTests
{
    private const string Usings = """
        using System;
        using System.Collections.Generic;
        using System.Threading;
        using System.Threading.Tasks;
        using ModelGen;
        using ModelGen.Data;
        using ModelGen.Monitoring;
        using ModelGen.Onnx;
        using ModelGen.Schedulers;
        using TorchSharp;
        using TorchSharp.Modules;
        using static TorchSharp.torch;
        using static TorchSharp.torch.nn;
        using static TorchSharp.torch.nn.functional;
        using Dataset = ModelGen.Data.Dataset;
        using DataLoader = ModelGen.Data.DataLoader;
        using TensorDataset = ModelGen.Data.TensorDataset;

        """;

    private static readonly string Root = FindRoot();

    // One compilation for all: each block has a namespace of its own.
    private static readonly Lazy<ILookup<string, string>> Errors = new(Compile);

    public static TheoryData<string> Examples => [.. Blocks().Select(static block => block.Place)];

    [Theory]
    [MemberData(nameof(Examples))]
    public void Example_Compiles(string place) => Assert.Empty(Errors.Value[place]);

    /// <summary>An example that does not compile is noticed, and so is one whose surroundings do not exist.</summary>
    [Fact]
    public void BadExamples_AreNoticed()
    {
        Assert.NotEmpty(Compile([new Block("bad.md:1", "net", "model.ExportOnx(\"net.onnx\");")])["bad.md:1"]);
        Assert.Contains("no file", Assert.Throws<FileNotFoundException>(() => Compile([new Block("bad.md:1", "nowhere", "")])).Message, StringComparison.Ordinal);
        Assert.Equal(["a.md:2 ", "a.md:6 net"], BlocksOf("a.md", "text\n```csharp\nclass A;\n```\n<!-- example: net -->\n```csharp\nvar x = 1;\n```\n```json\n{}\n```\n").Select(static block => $"{block.Place} {block.Around}"));
    }

    private static ILookup<string, string> Compile() => Compile(Blocks());

    private static ILookup<string, string> Compile(IReadOnlyList<Block> blocks)
    {
        CSharpCompilation compilation = GeneratorRun.Compile().AddSyntaxTrees(blocks.Select((block, index) => CSharpSyntaxTree.ParseText(Source(block, index), GeneratorRun.ParseOptions, path: block.Place)));
        GeneratorRun.Driver().RunGeneratorsAndUpdateCompilation(compilation, out Compilation output, out ImmutableArray<Diagnostic> diagnostics);
        return output.GetDiagnostics().Concat(diagnostics).Where(static diagnostic => diagnostic.Severity == DiagnosticSeverity.Error)
            .Distinct().ToLookup(static diagnostic => diagnostic.Location.GetLineSpan().Path, static diagnostic => diagnostic.ToString(), StringComparer.Ordinal);
    }

    /// <summary>The block as a file: its usings first, then what is around it.</summary>
    private static string Source(Block block, int index)
    {
        string[] lines = block.Code.Split('\n');
        string code = string.Join('\n', lines.Where(static line => !Using().IsMatch(line)));
        string around = block.Around.Length == 0 ? code : Around(block).Replace("// example", code, StringComparison.Ordinal);
        IEnumerable<string> usings = lines.Where(line => Using().IsMatch(line) && !Usings.Split('\n').Contains(line.Trim()));
        return $"{Usings}{string.Join('\n', usings)}\nnamespace Example{index};\n{around}";
    }

    private static string Around(Block block)
    {
        string file = Path.Combine(Root, "tests", "ModelGen.Generator.Tests", "Documents", block.Around + ".cs");
        return File.Exists(file) ? File.ReadAllText(file) : throw new FileNotFoundException($"{block.Place} names '{block.Around}', and there is no file {file}.");
    }

    private static IReadOnlyList<Block> Blocks() =>
    [
        .. Directory.GetFiles(Path.Combine(Root, "docs"), "*.md").Order(StringComparer.Ordinal).Prepend(Path.Combine(Root, "README.md"))
            .SelectMany(static file => BlocksOf(Path.GetRelativePath(Root, file), File.ReadAllText(file))),
    ];

    private static IEnumerable<Block> BlocksOf(string file, string text)
    {
        string[] lines = text.ReplaceLineEndings("\n").Split('\n');
        for (int i = 0; i < lines.Length; i++)
        {
            if (lines[i].TrimEnd() != "```csharp")
            {
                continue;
            }

            int end = Array.IndexOf(lines, "```", i);
            yield return new Block($"{file}:{i + 1}", i > 0 && Marker().Match(lines[i - 1]) is { Success: true } marker ? marker.Groups[1].Value : "", string.Join('\n', lines[(i + 1)..end]));
            i = end;
        }
    }

    private static string FindRoot()
    {
        DirectoryInfo? folder = new(AppContext.BaseDirectory);
        while (folder is not null && !File.Exists(Path.Combine(folder.FullName, "ModelGen.sln")))
        {
            folder = folder.Parent;
        }

        return folder?.FullName ?? throw new DirectoryNotFoundException("There is no ModelGen.sln above the tests.");
    }

    [GeneratedRegex(@"^<!-- example: ([a-z-]+) -->\s*$")]
    private static partial Regex Marker();

    [GeneratedRegex(@"^using (static )?[\w.]+;\s*$")]
    private static partial Regex Using();

    /// <summary>A block of a document.</summary>
    /// <param name="Place">File and line.</param>
    /// <param name="Around">Name of what is around it, empty for a file by itself.</param>
    /// <param name="Code">Its lines.</param>
    private sealed record Block(string Place, string Around, string Code);
}
