using Rule = ModelGen.Analyzers.Tests.RuleVerifier<
    ModelGen.Analyzers.Rules.Numerics.MG5018_DeprecatedFunction,
    ModelGen.CodeFixes.Rules.Numerics.MG5018_DeprecatedFunctionFix>;

namespace ModelGen.Analyzers.Tests.Rules.Numerics;

public sealed class MG5018_DeprecatedFunctionTests
{
    [Fact]
    public Task Reports_Ger() => Rule.Verify("class C { Tensor M(Tensor a, Tensor b) => [|torch.ger(a, b)|]; }");

    [Fact]
    public Task Reports_Norm() => Rule.Verify("class C { Tensor M(Tensor a) => [|torch.norm(a)|]; }");

    [Fact]
    public Task Reports_ChainMatmulAndUpsample() => Rule.Verify("class C { Tensor M(Tensor a, Tensor b) => [|torch.chain_matmul(a, b)|] + [|functional.upsample(a, new long[] { 2, 2 })|]; }");

    [Fact]
    public Task Ignores_Successors() => Rule.Verify("class C { Tensor M(Tensor a, Tensor b) => torch.outer(a, b) + torch.linalg.vector_norm(a) + functional.interpolate(a, new long[] { 2 }); }");

    [Fact]
    public Task Ignores_MethodsOfTheSameName() => Rule.Verify("class C { Tensor M(Tensor a) => a.norm() + norm(a); static Tensor norm(Tensor a) => a; }");

    [Fact]
    public Task Ignores_OtherFunctions() => Rule.Verify("class C { Tensor M(Tensor a, Tensor b) => torch.matmul(a, b) + torch.dot(a, b); }");

    [Fact]
    public Task Fixes_ByTheSuccessor() => Rule.VerifyFix(
        "class C { Tensor M(Tensor a, Tensor b) => [|torch.ger(a, b)|]; }",
        "class C { Tensor M(Tensor a, Tensor b) => torch.outer(a, b); }");

    [Fact]
    public Task FixesAll_DropIns() => Rule.VerifyFix(
        "class C { Tensor A(Tensor a, Tensor b) => [|torch.ger(a, b)|]; Tensor B(Tensor a, Tensor b) => [|ger(a, b)|] * 2; }",
        "class C { Tensor A(Tensor a, Tensor b) => torch.outer(a, b); Tensor B(Tensor a, Tensor b) => torch.outer(a, b) * 2; }");

    [Fact]
    public Task OffersNoFix_WhereArgumentsDiffer() => Rule.VerifyNoFix("class C { Tensor M(Tensor a) => [|torch.norm(a)|]; }");
}
