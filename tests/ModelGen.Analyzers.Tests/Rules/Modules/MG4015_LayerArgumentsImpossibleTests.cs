using Rule = ModelGen.Analyzers.Tests.RuleVerifier<
    ModelGen.Analyzers.Rules.Modules.MG4015_LayerArgumentsImpossible,
    Microsoft.CodeAnalysis.Testing.EmptyCodeFixProvider>;

namespace ModelGen.Analyzers.Tests.Rules.Modules;

public sealed class MG4015_LayerArgumentsImpossibleTests
{
    [Fact]
    public Task Reports_HeadsThatDoNotDivide() => Rule.Verify("class C { void M() { var a = [|MultiheadAttention(100, 8)|]; var b = [|TransformerEncoderLayer(nhead: 7)|]; } }");

    [Fact]
    public Task Reports_GroupsThatDoNotDivide() => Rule.Verify("class C { const long N = 10; void M() { var a = [|GroupNorm(3, N)|]; var b = [|Conv2d(10, 12, 3, groups: 3)|]; var c = [|Conv1d(12, 10, 3, groups: 3)|]; } }");

    [Fact]
    public Task Reports_DropoutInPercent() => Rule.Verify("class C { void M() { var a = [|Dropout(50)|]; var b = [|Dropout2d(-0.1)|]; } }");

    [Fact]
    public Task Ignores_ArgumentsThatWork() => Rule.Verify("class C { void M() { var a = MultiheadAttention(96, 8); var b = GroupNorm(5, 10); var c = Conv2d(32, 64, 3, groups: 32); var d = Dropout(0.5); var e = Dropout(); var f = TransformerEncoderLayer(); } }");

    [Fact]
    public Task Ignores_Variables() => Rule.Verify("class C { void M(long heads, double p) { var a = MultiheadAttention(100, heads); var b = Dropout(p); var c = GroupNorm(heads, 10); } }");

    [Fact]
    public Task Ignores_OtherClasses() => Rule.Verify("static class Other { static object Dropout(double p) => p; static object M() => Dropout(50); }");
}
