using System.Collections.Immutable;
using System.Globalization;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using ModelGen.Compiler.Advice;
using ModelGen.Generator.Diagnostics;

namespace ModelGen.Generator.Tests.Advice;

/// <summary>The rules about models: what they report, at which expression, and where they are silent.</summary>
public sealed class ModelRuleTests
{
    private const string Classifier = "[Train(Loss.CrossEntropy, Optimizer.SGD)]";

    public static TheoryData<string, string, string[]> Reported => new()
    {
        { "MG6001", Net("[Linear(3)] private partial Tensor Fc(Tensor x);", "return [|softmax(Fc(x), 1)|];", Classifier), ["contains softmax itself", "return the scores"] },
        { "MG6001", Net("[Linear(3)] private partial Tensor Fc(Tensor x);", "var y = Fc(x); return [|relu(y)|];", Classifier), ["negative"] },
        { "MG6001", Net("[Linear(1)] private partial Tensor Fc(Tensor x);", "return [|torch.sigmoid(Fc(x))|];", "[Train(Loss.BCEWithLogits, Optimizer.SGD)]"), ["squeezes"] },
        { "MG6001", Torch("private readonly Linear fc = Linear(8, 3);", "return training ? [|softmax(fc.forward(x), 1)|] : fc.forward(x);", Classifier), ["contains softmax itself"] },

        { "MG6002", Image("[Conv2d(8, 3)] private partial Tensor Conv(Tensor x); [BatchNorm2d] private partial Tensor Norm(Tensor x);", "return Norm([|Conv(x)|]);"), ["'conv'", "'norm'", "8 parameters"] },
        { "MG6002", Net("[Linear(24)] private partial Tensor Fc(Tensor x); [BatchNorm1d] private partial Tensor Norm(Tensor x);", "var y = [|Fc(x)|]; return relu(Norm(y));"), ["24 parameters"] },
        { "MG6002", Torch("private readonly Linear fc = Linear(8, 4); private readonly BatchNorm1d bn = BatchNorm1d(4);", "return bn.forward([|fc.forward(x)|]);"), ["'fc'", "'bn'"] },

        { "MG6003", Net("[Linear(33)] private partial Tensor A(Tensor x); [Linear(3)] private partial Tensor B(Tensor x);", "return B(relu([|A(x)|]));"), ["33 output channels", "3 vectors", "48 channels", "32 clearly less"] },
        { "MG6003", Image("[Conv2d(17, 3)] private partial Tensor A(Tensor x); [Conv2d(16, 3)] private partial Tensor B(Tensor x);", "return B(relu([|A(x)|]));"), ["47 %"] },
        { "MG6003", Torch("private readonly Linear a = Linear(8, 20); private readonly Linear b = Linear(20, 2);", "return b.forward(tanh([|a.forward(x)|]));"), ["'a'", "20 output channels"] },

        { "MG6004", Image("[Conv2d(64, 3)] private partial Tensor A(Tensor x); [Conv2d(64, 3)] private partial Tensor B(Tensor x);", "return [|B(A(x))|];"), ["groups: 64", "7.9 times less", "4672 weights instead of 36864"] },
        { "MG6004", Image("[Conv2d(32, 1)] private partial Tensor A(Tensor x); [Conv2d(96, 5)] private partial Tensor B(Tensor x);", "return [|B(A(x))|];"), ["groups: 32"] },
        { "MG6004", Image("[Conv2d(32, 1)] private partial Tensor A(Tensor x); [Conv2d(32, 3, Stride = 2)] private partial Tensor B(Tensor x);", "return [|B(A(x))|];"), ["94 % of the model"] },

        { "MG6005", Net("[Linear(16)] private partial Tensor A(Tensor x); [Linear(3)] private partial Tensor B(Tensor x);", "return B([|gelu(A(x))|]);", "[Quantize(QuantizationMode.Static)]"), ["gelu has no integer kernel"] },
        { "MG6005", Net("[Linear(16)] private partial Tensor A(Tensor x); [LayerNorm] private partial Tensor Norm(Tensor x); [Linear(3)] private partial Tensor B(Tensor x);", "return B([|Norm(A(x))|]);", "[Quantize(QuantizationMode.Static)]"), ["layer_norm"] },
        { "MG6005", Net("[Linear(16)] private partial Tensor A(Tensor x); [Linear(3)] private partial Tensor B(Tensor x);", "return B([|torch.tanh(A(x))|]);", "[Quantize(QuantizationMode.Static)]"), ["tanh"] },

        { "MG6006", Net("[Linear(3)] private partial Tensor A(Tensor x); [Linear(3)] private partial Tensor B(Tensor x);", "var y = [|A(x)|]; return B(x);"), ["'a'", "never learn"] },
        { "MG6006", Net("[Linear(3)] private partial Tensor A(Tensor x); [Linear(3)] private partial Tensor B(Tensor x);", "var y = relu([|A(x)|]); y = B(x); return y;"), ["'a'"] },
        { "MG6006", Torch("private readonly Linear a = Linear(8, 3); private readonly Linear b = Linear(8, 3);", "[|a.forward(x)|]; return b.forward(x);"), ["'a'"] },

        { "MG6007", Net("[Linear(16)] private partial Tensor A(Tensor x); [Linear(3)] private partial Tensor B(Tensor x);", "return [|B(A(x))|];"), ["8 to 16", "16 to 3", "from 8 to 3"] },
        { "MG6007", Net("[Linear(8)] private partial Tensor A(Tensor x); [Linear(32)] private partial Tensor B(Tensor x);", "return [|B(A(x))|];"), ["8 to 8"] },
        { "MG6007", Torch("private readonly Linear a = Linear(8, 8); private readonly Linear b = Linear(8, 4);", "return [|b.forward(a.forward(x))|];"), ["'a'", "'b'"] },

        { "MG6008", Net("[Linear(3)] private partial Tensor A(Tensor x); [Dropout(0.5)] private partial Tensor Drop(Tensor x);", "return [|Drop(A(x))|];", Classifier), ["before Loss.CrossEntropy"] },
        { "MG6008", Net("[Linear(3)] private partial Tensor A(Tensor x); [Dropout(0.5)] private partial Tensor Drop(Tensor x);", "var y = A(x); return [|Drop(y)|];", "[Train(Loss.MSE, Optimizer.SGD)]"), ["before Loss.MSE"] },
        { "MG6008", Torch("private readonly Linear a = Linear(8, 8); private readonly Dropout drop = Dropout(0.1);", "return [|drop.forward(a.forward(x))|];", Classifier), ["before the last layer"] },

        { "MG6009", Net("[BatchNorm1d] private partial Tensor Norm(Tensor x); [Linear(3)] private partial Tensor A(Tensor x);", "return A([|Norm(x)|]);", "[Train(Loss.MSE, Optimizer.SGD, BatchSize = 1)]"), ["[N, 8]", "LayerNorm"] },
        { "MG6009", Image("[AdaptiveAvgPool2d(1)] private partial Tensor Pool(Tensor x); [BatchNorm2d] private partial Tensor Norm(Tensor x); [Conv2d(4, 1)] private partial Tensor A(Tensor x);", "return A([|Norm(Pool(x))|]);", "[Train(Loss.MSE, Optimizer.SGD, BatchSize = 1)]"), ["[N, 3, 1, 1]"] },
        { "MG6009", Torch("private readonly BatchNorm1d bn = BatchNorm1d(8);", "return tanh([|bn.forward(x)|]);", "[Train(Loss.MSE, Optimizer.SGD, BatchSize = 1)]"), ["'bn'"] },

        { "MG6010", Net("[Linear(1)] private partial Tensor A(Tensor x);", "return [|A(x)|];", Classifier), ["[N, 1]", "BCEWithLogits"] },
        { "MG6010", Net("[Linear(1)] private partial Tensor A(Tensor x);", "return [|A(x) * 2|];", Classifier), ["one class"] },
        { "MG6010", Torch("private readonly Linear a = Linear(8, 1);", "return [|a.forward(x)|];", Classifier), ["one class"] },

        { "MG6011", Net("", "return [|relu(relu(x))|];"), ["comes from relu"] },
        { "MG6011", Net("", "var y = torch.sigmoid(x); return [|relu(y)|];"), ["comes from sigmoid"] },
        { "MG6011", Image("[MaxPool2d(2)] private partial Tensor Pool(Tensor x);", "return [|relu(Pool(relu(x)))|];"), ["comes from relu"] },

        { "MG6012", Torch("private readonly ConvTranspose1d up = ConvTranspose1d(1, 4, 3, stride: 2);", "return [|up.forward(x.unsqueeze(1))|];"), ["kernel of 3", "stride of 2", "(4)"] },
        { "MG6012", Torch("private readonly ConvTranspose1d up = ConvTranspose1d(1, 4, 5, stride: 3);", "return [|up.forward(x.unsqueeze(1))|];"), ["(6)"] },
        { "MG6012", Torch("private readonly ConvTranspose2d up = ConvTranspose2d(1, 4, 3, stride: 2, padding: 1);", "return [|up.forward(x.view(-1, 1, 2, 4))|];"), ["kernel of 3"] },
    };

    public static TheoryData<string, string> Silent => new()
    {
        { "MG6001", Net("[Linear(3)] private partial Tensor Fc(Tensor x);", "return Fc(x);", Classifier) },
        { "MG6001", Net("[Linear(3)] private partial Tensor Fc(Tensor x);", "return softmax(Fc(x), 1);") },
        { "MG6001", Net("[Linear(3)] private partial Tensor Fc(Tensor x);", "return relu(Fc(x));", "[Train(Loss.MSE, Optimizer.SGD)]") },
        { "MG6001", Net("[Linear(3)] private partial Tensor Fc(Tensor x);", "return log_softmax(Fc(x), 1);", Classifier) },
        { "MG6001", Torch("private readonly Linear fc = Linear(8, 3);", "return training ? fc.forward(x) : softmax(fc.forward(x), 1);", Classifier) },

        { "MG6002", Image("[Conv2d(8, 3, Bias = false)] private partial Tensor Conv(Tensor x); [BatchNorm2d] private partial Tensor Norm(Tensor x);", "return Norm(Conv(x));") },
        { "MG6002", Image("[Conv2d(8, 3)] private partial Tensor Conv(Tensor x); [BatchNorm2d] private partial Tensor Norm(Tensor x);", "return Norm(relu(Conv(x)));") },
        { "MG6002", Image("[Conv2d(8, 3)] private partial Tensor Conv(Tensor x); [BatchNorm2d] private partial Tensor Norm(Tensor x);", "var y = Conv(x); return Norm(y) + y;") },
        { "MG6002", Torch("private readonly Sequential body = Sequential(Linear(8, 4), BatchNorm1d(4));", "return body.forward(x);") },

        { "MG6003", Net("[Linear(32)] private partial Tensor A(Tensor x); [Linear(33)] private partial Tensor B(Tensor x);", "return B(relu(A(x)));") },
        { "MG6003", Net("[Linear(10)] private partial Tensor A(Tensor x); [Linear(3)] private partial Tensor B(Tensor x);", "return B(relu(A(x)));") },
        { "MG6003", Net("[Linear(60)] private partial Tensor A(Tensor x); [Linear(3)] private partial Tensor B(Tensor x);", "return B(relu(A(x)));") },

        { "MG6004", Image("[Conv2d(64, 3)] private partial Tensor A(Tensor x);", "return A(x);") },
        { "MG6004", Image("[Conv2d(64, 1)] private partial Tensor A(Tensor x); [Conv2d(64, 1)] private partial Tensor B(Tensor x);", "return B(A(x));") },
        { "MG6004", Image("[Conv2d(64, 1)] private partial Tensor A(Tensor x); [Conv2d(64, 3, Groups = 64)] private partial Tensor B(Tensor x);", "return B(A(x));") },

        { "MG6005", Net("[Linear(16)] private partial Tensor A(Tensor x); [Linear(3)] private partial Tensor B(Tensor x);", "return B(gelu(A(x)));") },
        { "MG6005", Net("[Linear(16)] private partial Tensor A(Tensor x); [Linear(3)] private partial Tensor B(Tensor x);", "return B(relu(A(x)));", "[Quantize(QuantizationMode.Static)]") },
        { "MG6005", Net("[Linear(16)] private partial Tensor A(Tensor x);", "return gelu(A(x));", "[Quantize(QuantizationMode.Static)]") },

        { "MG6006", Net("[Linear(3)] private partial Tensor A(Tensor x); [Linear(3)] private partial Tensor B(Tensor x);", "var y = A(x); return B(x) + y;") },
        { "MG6006", Net("[Linear(3)] private partial Tensor A(Tensor x);", "var y = A(x); var z = A(x); return z;") },
        { "MG6006", Net("[Linear(3)] private partial Tensor A(Tensor x);", "var unused = relu(x); return A(x);") },
        { "MG6006", Net("[BatchNorm1d] private partial Tensor Norm(Tensor x); [Linear(3)] private partial Tensor A(Tensor x);", "Norm(x); return A(x);") },

        { "MG6007", Net("[Linear(2)] private partial Tensor A(Tensor x); [Linear(32)] private partial Tensor B(Tensor x);", "return B(A(x));") },
        { "MG6007", Net("[Linear(16)] private partial Tensor A(Tensor x); [Linear(3)] private partial Tensor B(Tensor x);", "return B(relu(A(x)));") },
        { "MG6007", Net("[Linear(16)] private partial Tensor A(Tensor x); [Linear(3)] private partial Tensor B(Tensor x);", "var y = A(x); return B(y) + y.sum();") },

        { "MG6008", Net("[Linear(3)] private partial Tensor A(Tensor x); [Dropout(0.5)] private partial Tensor Drop(Tensor x);", "return A(Drop(x));", Classifier) },
        { "MG6008", Net("[Linear(3)] private partial Tensor A(Tensor x); [Dropout(0.5)] private partial Tensor Drop(Tensor x);", "return Drop(A(x));") },
        { "MG6008", Net("[Linear(3)] private partial Tensor A(Tensor x); [Dropout(0)] private partial Tensor Drop(Tensor x);", "return Drop(A(x));", Classifier) },

        { "MG6009", Net("[BatchNorm1d] private partial Tensor Norm(Tensor x);", "return Norm(x);", "[Train(Loss.MSE, Optimizer.SGD, BatchSize = 2)]") },
        { "MG6009", Image("[BatchNorm2d] private partial Tensor Norm(Tensor x);", "return Norm(x);", "[Train(Loss.MSE, Optimizer.SGD, BatchSize = 1)]") },
        { "MG6009", Net("[LayerNorm] private partial Tensor Norm(Tensor x);", "return Norm(x);", "[Train(Loss.MSE, Optimizer.SGD, BatchSize = 1)]") },

        { "MG6010", Net("[Linear(2)] private partial Tensor A(Tensor x);", "return A(x);", Classifier) },
        { "MG6010", Net("[Linear(1)] private partial Tensor A(Tensor x);", "return A(x);", "[Train(Loss.BCEWithLogits, Optimizer.SGD)]") },
        { "MG6010", Net("[Linear(1)] private partial Tensor A(Tensor x);", "return A(x);") },

        { "MG6011", Net("", "return relu(torch.tanh(x));") },
        { "MG6011", Net("", "return relu(relu(x) - 1);") },
        { "MG6011", Net("", "return torch.sigmoid(relu(x));") },

        { "MG6012", Torch("private readonly ConvTranspose1d up = ConvTranspose1d(1, 4, 4, stride: 2);", "return up.forward(x.unsqueeze(1));") },
        { "MG6012", Torch("private readonly ConvTranspose1d up = ConvTranspose1d(1, 4, 3);", "return up.forward(x.unsqueeze(1));") },
        { "MG6012", Torch("private readonly Conv1d conv = Conv1d(1, 4, 3, stride: 2);", "return conv.forward(x.unsqueeze(1));") },
    };

    public static TheoryData<string> Ids => [.. ModelRules.All.Select(static rule => rule.Id)];

    [Theory]
    [MemberData(nameof(Reported))]
    public void Rule_ReportsAtTheExpression(string id, string marked, string[] expected)
    {
        int start = marked.IndexOf("[|", StringComparison.Ordinal);
        string source = marked.Replace("[|", "").Replace("|]", "");
        string expression = source[start..(marked.IndexOf("|]", StringComparison.Ordinal) - 2)];

        Diagnostic diagnostic = Assert.Single(Advice(source), found => found.Id == id);

        Assert.Equal(expression, diagnostic.Location.SourceTree!.ToString().Substring(diagnostic.Location.SourceSpan.Start, diagnostic.Location.SourceSpan.Length));
        Assert.Equal(start + GeneratorRun.Usings.Length, diagnostic.Location.SourceSpan.Start);
        Assert.All(expected, text => Assert.Contains(text, diagnostic.GetMessage(CultureInfo.InvariantCulture), StringComparison.Ordinal));
    }

    [Theory]
    [MemberData(nameof(Silent))]
    public void Rule_IsSilent(string id, string source) => Assert.DoesNotContain(Advice(source), found => found.Id == id);

    [Fact]
    public void BlockUsedTwice_IsReportedOnce()
    {
        const string Source = """
            [Model] public partial class Block { [Linear(8)] private partial Tensor A(Tensor x); public Tensor Forward(Tensor x) => relu(relu(A(x))); }
            [Model] public partial class Net { private readonly Block a = new(); private readonly Block b = new(); public Tensor Forward([Shape("N", 8)] Tensor x) => b.Forward(a.Forward(x)); }
            """;

        Assert.Single(Advice(Source), static found => found.Id == "MG6011");
    }

    [Fact]
    public void RulesThatAreOff_AreSilentUnlessAskedFor()
    {
        string source = Net("[Linear(33)] private partial Tensor A(Tensor x); [Linear(3)] private partial Tensor B(Tensor x);", "return B(relu(A(x)));");

        Assert.DoesNotContain(GeneratorRun.Run(source).Diagnostics, static found => found.Id == "MG6003");
    }

    [Theory]
    [MemberData(nameof(Ids))]
    public void Rule_IsComplete(string id)
    {
        DiagnosticDescriptor rule = Descriptors.Of(ModelRules.All.Single(rule => rule.Id == id));
        string root = Root();
        string page = File.ReadAllText(Path.Combine(root, "analyzers", "rules", id + ".md"));
        string releases = File.ReadAllText(Path.Combine(root, "generator", "ModelGen.Generator", "AnalyzerReleases.Unshipped.md"));

        Assert.True(Reported.Count(row => (string)row[0] == id) >= 3 && Silent.Count(row => (string)row[0] == id) >= 3);
        Assert.StartsWith($"# {id}: {rule.Title}\n", page, StringComparison.Ordinal);
        Assert.Contains($"| ModelGen.Model | {rule.DefaultSeverity}{(rule.IsEnabledByDefault ? "" : ", off by default")} | No", page, StringComparison.Ordinal);
        Assert.All(["## Bad", "## Good", "## Why", "## Limits", "## How to suppress", "## Configuration"], section => Assert.Contains($"\n{section}\n", page, StringComparison.Ordinal));
        Assert.Contains($"{id} | ModelGen.Model | {(rule.IsEnabledByDefault ? rule.DefaultSeverity.ToString() : "Disabled")} | {rule.Title}", releases, StringComparison.Ordinal);
        Assert.EndsWith($"analyzers/rules/{id}.md", rule.HelpLinkUri, StringComparison.Ordinal);
    }

    [Fact]
    public void Readme_ListsTheRules()
    {
        string expected = string.Concat(Descriptors.Advice.Select(static rule => $"| [{rule.Id}]({rule.Id}.md) | {rule.Title} | {rule.DefaultSeverity}{(rule.IsEnabledByDefault ? "" : ", off by default")} |\n"));

        Assert.Contains("|------|------------------------|----------|\n" + expected + "\n", File.ReadAllText(Path.Combine(Root(), "analyzers", "rules", "README.md")), StringComparison.Ordinal);
    }

    private static ImmutableArray<Diagnostic> Advice(string source)
    {
        CSharpCompilation compilation = GeneratorRun.Compile(source);
        compilation = compilation.WithOptions(compilation.Options.WithSpecificDiagnosticOptions(ModelRules.All.ToDictionary(static rule => rule.Id, static _ => ReportDiagnostic.Warn)));
        GeneratorRun.Driver().RunGeneratorsAndUpdateCompilation(compilation, out _, out ImmutableArray<Diagnostic> diagnostics);
        Assert.DoesNotContain(diagnostics, static found => found.Severity == DiagnosticSeverity.Error);
        return diagnostics;
    }

    private static string Net(string members, string body, string attributes = "") =>
        $"[Model] {attributes} public partial class Net {{ {members} public Tensor Forward([Shape(\"N\", 8)] Tensor x) {{ {body} }} }}";

    private static string Image(string members, string body, string attributes = "") =>
        $"[Model] {attributes} public partial class Net {{ {members} public Tensor Forward([Shape(\"N\", 3, 16, 16)] Tensor x) {{ {body} }} }}";

    private static string Torch(string members, string body, string attributes = "") =>
        $"[Model] {attributes} public partial class Net : Module<Tensor, Tensor> {{ {members} public Net() : base(\"net\") {{ RegisterComponents(); }} public override Tensor forward([Shape(\"N\", 8)] Tensor x) {{ {body} }} }}";

    private static string Root()
    {
        string? folder = AppContext.BaseDirectory;
        while (folder is not null && !File.Exists(Path.Combine(folder, "ModelGen.sln")))
        {
            folder = Path.GetDirectoryName(folder);
        }

        return folder ?? throw new InvalidOperationException("The tests run outside of the repository.");
    }
}
