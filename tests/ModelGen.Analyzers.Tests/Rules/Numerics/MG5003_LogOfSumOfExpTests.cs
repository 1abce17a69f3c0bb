using Rule = ModelGen.Analyzers.Tests.RuleVerifier<
    ModelGen.Analyzers.Rules.Numerics.MG5003_LogOfSumOfExp,
    ModelGen.CodeFixes.Rules.Numerics.MG5003_LogOfSumOfExpFix>;

namespace ModelGen.Analyzers.Tests.Rules.Numerics;

public sealed class MG5003_LogOfSumOfExpTests
{
    [Fact]
    public Task Reports_OneDimension() => Rule.Verify("class C { Tensor M(Tensor x) => [|torch.log(torch.exp(x).sum(1))|]; }");

    [Fact]
    public Task Reports_ADimensionInAList() => Rule.Verify("class C { Tensor M(Tensor x) => [|x.exp().sum([1L], true).log()|]; }");

    [Fact]
    public Task Reports_TheFunctionSum() => Rule.Verify("class C { Tensor M(Tensor x, long d) => [|torch.sum(x.exp(), d).log()|]; }");

    [Fact]
    public Task Ignores_SumsOfEverythingAndOfSeveralDimensions() => Rule.Verify("""
        class C
        {
            Tensor A(Tensor x) => x.exp().sum().log();
            Tensor B(Tensor x) => x.exp().sum(new long[] { 1, 2 }).log();
        }
        """);

    [Fact]
    public Task Ignores_OtherReductions() => Rule.Verify("class C { Tensor A(Tensor x) => x.exp().mean(new long[] { 1 }).log(); Tensor B(Tensor x) => x.sum(1).log(); }");

    [Fact]
    public Task Ignores_PartsInVariables() => Rule.Verify("class C { Tensor M(Tensor x) { var e = x.exp(); var s = e.sum(1); return e / s + s.log(); } }");

    [Fact]
    public Task Fixes_ByLogsumexp() => Rule.VerifyFix(
        "class C { Tensor M(Tensor x) => [|torch.log(torch.exp(x - 1).sum(1))|]; }",
        "class C { Tensor M(Tensor x) => (x - 1).logsumexp(1); }");

    [Fact]
    public Task FixesAll_WithKeptDimensions() => Rule.VerifyFix(
        "class C { Tensor A(Tensor x) => [|x.exp().sum([1L], true).log()|]; Tensor B(Tensor x) => [|x.exp().sum(-1L, keepdim: true).log()|]; }",
        "class C { Tensor A(Tensor x) => x.logsumexp(1L, keepdim: true); Tensor B(Tensor x) => x.logsumexp(-1L, keepdim: true); }");
}
