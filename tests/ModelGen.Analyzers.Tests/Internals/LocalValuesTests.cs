using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.Operations;

namespace ModelGen.Analyzers.Tests.Internals;

public sealed class LocalValuesTests
{
    [Theory]
    [InlineData("var a = x.log();", "x.log()")]
    [InlineData("var a = (Tensor)x.log();", "x.log()")]
    [InlineData("Tensor a = x, b = x.log(); a = b;", null)]
    [InlineData("Tensor a; a = x;", null)]
    [InlineData("var a = x; a += 1;", null)]
    [InlineData("Tensor a = null; a ??= x;", null)]
    [InlineData("var a = x; (a, _) = (x, x);", null)]
    [InlineData("var a = x; a[0] = x;", null)]
    [InlineData("var a = x; a.requires_grad = true;", null)]
    [InlineData("var a = x; Set(out a);", null)]
    [InlineData("var a = x; Change(ref a);", null)]
    [InlineData("var a = x; a.add_(1);", null)]
    [InlineData("var a = x; Action f = () => a = x;", null)]
    [InlineData("var a = x; a.add(1).mul_(2); Read(a); var b = a[0];", "x")]
    [InlineData("var a = x; var b = x; b = a;", "x")]
    public void InitialValue_IsKnownForLocalsThatNothingChanges(string statements, string? value)
    {
        SyntaxTree tree = CSharpSyntaxTree.ParseText($$"""
            using System;
            using TorchSharp;
            using static TorchSharp.torch;

            class C
            {
                void M(Tensor x) { {{statements}} }
                static void Set(out Tensor t) => t = null;
                static void Change(ref Tensor t) => t = null;
                static void Read(Tensor t) { }
            }
            """);
        CSharpCompilation compilation = CSharpCompilation.Create("Locals", [tree], References.All, new CSharpCompilationOptions(OutputKind.DynamicallyLinkedLibrary));
        Assert.Empty(compilation.GetDiagnostics().Where(diagnostic => diagnostic.Severity == DiagnosticSeverity.Error));
        var code = new FileCode(compilation.GetSemanticModel(tree), TorchSharpContext.TryCreate(compilation)!, CancellationToken.None);
        IOperation root = code.Members[0].Blocks[0].Root();
        ILocalSymbol local = root.Descendants().OfType<IVariableDeclaratorOperation>().Single(declarator => declarator.Symbol.Name == "a").Symbol;

        Assert.Equal(value, LocalValues.InitialValue(local, root)?.Unwrap().Syntax.ToString());
    }
}
