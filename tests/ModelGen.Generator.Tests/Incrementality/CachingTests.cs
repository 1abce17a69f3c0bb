using System.Collections;
using System.Reflection;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using ModelGen.Compiler.Codegen;
using ModelGen.Compiler.Models;

namespace ModelGen.Generator.Tests.Incrementality;

/// <summary>What re-runs after an edit.</summary>
public sealed class CachingTests
{
    [Fact]
    public void UnrelatedFile_ReRunsNothingPastTheSpec()
    {
        Reasons reasons = After(static compilation => compilation.AddSyntaxTrees(Parse("public class Unrelated { public int Value => 1; }", "Unrelated.cs")));
        AssertNothingEmitted(reasons);
    }

    [Theory]
    [InlineData("var x = relu(Conv1(image));", "// a comment\n\n                var x = relu(Conv1(image)); // another")]
    [InlineData("namespace Samples;", "namespace Samples;\n\npublic class Above { }")]
    public void CommentsAndPlaces_EmitNothing(string before, string after)
    {
        AssertNothingEmitted(After(compilation => Edited(compilation, before, after)));
    }

    [Fact]
    public void ChangedSize_EmitsAgain()
    {
        Reasons reasons = After(static compilation => Edited(compilation, "[Linear(128)]", "[Linear(256)]"));
        Assert.Equal(IncrementalStepRunReason.Modified, reasons.Model);
        Assert.Equal(IncrementalStepRunReason.Modified, reasons.Compile);
        Assert.Contains(IncrementalStepRunReason.Modified, reasons.Outputs);
    }

    [Fact]
    public void SecondModel_LeavesTheFirstAlone()
    {
        Reasons reasons = After(static compilation => compilation.AddSyntaxTrees(Parse(GeneratorRun.Usings + Sources.TextNet, "Second.cs")));
        Assert.Equal([IncrementalStepRunReason.Cached, IncrementalStepRunReason.New], reasons.AllModels);
        Assert.Equal([IncrementalStepRunReason.Cached, IncrementalStepRunReason.New], reasons.AllCompiles);
    }

    [Fact]
    public void Specs_AreEqualByContent()
    {
        ModelSpec first = Spec(Sources.ResidualNet);
        ModelSpec second = Spec("// moved\n" + Sources.ResidualNet);
        Assert.Equal(first, second);
        Assert.Equal(first.GetHashCode(), second.GetHashCode());
        Assert.NotEqual(first, Spec(Sources.ResidualNet.Replace("new(8)", "new(12)").Replace("Conv2d(8, 3", "Conv2d(12, 3")));
    }

    [Theory]
    [InlineData(Sources.DigitNet)]
    [InlineData(Sources.ResidualNet)]
    [InlineData(Sources.TextNet)]
    public void SpecsAndCompiledModels_HoldNoSymbols(string source)
    {
        ModelSpec spec = Spec(source);
        AssertFree(spec, [], "spec");
        AssertFree(ModelCompiler.Compile(spec), [], "compiled");
    }

    [Theory]
    [InlineData("(layer.forward", "( // a comment\n\n                layer.forward")]
    [InlineData("[Model]", "public static class Above { public static int Unrelated => 2; }\n\n[Model]")]
    public void TorchModule_EmitsNothingAfterAnEditElsewhere(string before, string after)
    {
        AssertNothingEmitted(After(static compilation => compilation.AddSyntaxTrees(Parse("public class Unrelated { public int Value => 1; }", "Unrelated.cs")), TorchNet));
        AssertNothingEmitted(After(compilation => Edited(compilation, before, after), TorchNet));
    }

    [Fact]
    public void TorchModule_IsCompiledAgain_WhenAHelperOrASettingInAnotherFileChanges()
    {
        const string Helper = "public static class Helper { public static readonly int Width = 8; public static Tensor Relu(Tensor x) => x.relu(); }";
        foreach (string edited in new[] { Helper.Replace("x.relu()", "x.tanh()"), Helper.Replace("= 8", "= 16") })
        {
            CSharpCompilation compilation = GeneratorRun.Compile(TorchNet.Replace(Helper, ""), Helper);
            SyntaxTree tree = compilation.SyntaxTrees.Last();
            Reasons reasons = After(compilation, compilation.ReplaceSyntaxTree(tree, Parse(GeneratorRun.Usings + edited, tree.FilePath)));
            Assert.Equal(IncrementalStepRunReason.Modified, reasons.Compile);
            Assert.Contains(IncrementalStepRunReason.Modified, reasons.Outputs);
        }
    }

    private const string TorchNet = """
        [Model]
        public partial class TorchNet : Module<Tensor, Tensor>
        {
            private readonly Linear layer = Linear(4, Helper.Width);

            public TorchNet()
                : base("net") => RegisterComponents();

            public override Tensor forward([Shape("N", 4)] Tensor x) =>
                Helper.Relu(layer.forward(x));
        }

        public static class Helper { public static readonly int Width = 8; public static Tensor Relu(Tensor x) => x.relu(); }
        """;

    private static void AssertNothingEmitted(Reasons reasons)
    {
        // Cached: nothing upstream changed. Unchanged: it was computed again and came out equal. Either way nothing after it runs.
        Assert.Contains(reasons.Model, new[] { IncrementalStepRunReason.Cached, IncrementalStepRunReason.Unchanged });
        Assert.Equal(IncrementalStepRunReason.Cached, reasons.Compile);

        // Diagnostics are reported again when they have moved.
        Assert.NotEmpty(reasons.Sources);
        Assert.All(reasons.Sources, static reason => Assert.Equal(IncrementalStepRunReason.Cached, reason));
    }

    private static SyntaxTree Parse(string text, string path) => CSharpSyntaxTree.ParseText(text, GeneratorRun.ParseOptions, path);

    private static Compilation Edited(CSharpCompilation compilation, string before, string after)
    {
        SyntaxTree tree = compilation.SyntaxTrees.Single();
        string text = tree.ToString();
        Assert.Contains(before, text);
        return compilation.ReplaceSyntaxTree(tree, Parse(text.Replace(before, after), tree.FilePath));
    }

    private static Reasons After(Func<CSharpCompilation, Compilation> edit, string source = Sources.DigitNet)
    {
        CSharpCompilation compilation = GeneratorRun.Compile(source);
        return After(compilation, edit(compilation));
    }

    private static Reasons After(CSharpCompilation before, Compilation after)
    {
        GeneratorDriver driver = GeneratorRun.Driver().RunGenerators(before).RunGenerators(after);
        GeneratorRunResult result = driver.GetRunResult().Results.Single();
        IncrementalStepRunReason[] Of(string step) => [.. result.TrackedSteps[step].SelectMany(static run => run.Outputs).Select(static output => output.Reason)];
        IncrementalGeneratorRunStep[] outputs = [.. result.TrackedOutputSteps.SelectMany(static pair => pair.Value)];
        IncrementalStepRunReason[] ReasonsOf(IEnumerable<IncrementalGeneratorRunStep> runs) => [.. runs.SelectMany(static run => run.Outputs).Select(static output => output.Reason)];
        return new Reasons(Of(TrackingNames.Model), Of(TrackingNames.Compile), ReasonsOf(outputs), ReasonsOf(outputs.Where(static run => run.Inputs.Any(static input => input.Source.Name == TrackingNames.Compile))));
    }

    private static ModelSpec Spec(string source)
    {
        GeneratorDriver driver = GeneratorRun.Driver().RunGenerators(GeneratorRun.Compile(source));
        return driver.GetRunResult().Results.Single().TrackedSteps[TrackingNames.Model].SelectMany(static run => run.Outputs).Select(static output => (ModelSpec)output.Value).First(static spec => spec.IsRoot);
    }

    /// <summary>Walks everything reachable and fails at anything that would keep a compilation alive.</summary>
    private static void AssertFree(object? value, HashSet<object> seen, string path)
    {
        if (value is null or string || value.GetType().IsPrimitive || value.GetType().IsEnum || !seen.Add(value))
        {
            return;
        }

        Assert.False(value is ISymbol or Compilation or SyntaxNode or SyntaxTree or Location or SemanticModel or AttributeData or Delegate, $"{path} holds {value.GetType()}");
        if (value is IEnumerable items)
        {
            foreach (object? item in items)
            {
                AssertFree(item, seen, path + "[]");
            }
        }

        for (Type? type = value.GetType(); type is not null && type != typeof(object); type = type.BaseType)
        {
            foreach (FieldInfo field in type.GetFields(BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.DeclaredOnly))
            {
                AssertFree(field.GetValue(value), seen, path + "." + field.Name);
            }
        }
    }

    private sealed record Reasons(IncrementalStepRunReason[] AllModels, IncrementalStepRunReason[] AllCompiles, IncrementalStepRunReason[] Outputs, IncrementalStepRunReason[] Sources)
    {
        public IncrementalStepRunReason Model => AllModels.Single();

        public IncrementalStepRunReason Compile => AllCompiles.Single();
    }
}
