using Rule = ModelGen.Analyzers.Tests.RuleVerifier<
    ModelGen.Analyzers.Rules.Modules.MG4018_ParameterOfNonLeaf,
    ModelGen.CodeFixes.Rules.Modules.MG4018_ParameterOfNonLeafFix>;

namespace ModelGen.Analyzers.Tests.Rules.Modules;

public sealed class MG4018_ParameterOfNonLeafTests
{
    [Fact]
    public Task Reports_AScaledTensor() => Rule.Verify("class C { Parameter M() => Parameter([|torch.randn(3, requires_grad: true) * 0.01|]); }");

    [Fact]
    public Task Reports_AConstructor() => Rule.Verify("class C { object M() => new Parameter([|torch.ones(3, requires_grad: true).unsqueeze(0)|]); }");

    [Fact]
    public Task Reports_AnotherParameter() => Rule.Verify("class C { Parameter M(Linear fc, Parameter p) => Parameter([|-p|] ); Parameter N(Linear fc) => Parameter([|fc.weight.t()|]); }");

    [Fact]
    public Task Ignores_Leaves() => Rule.Verify("class C { object M(Parameter p) => (Parameter(torch.randn(3) * 0.01), Parameter(torch.randn(3, requires_grad: true)), Parameter(p)); }");

    [Fact]
    public Task Ignores_DetachedTensors() => Rule.Verify("class C { object M(Parameter p) => (Parameter(p.clone().detach()), Parameter((p * 2).detach()), Parameter(torch.zeros_like(p)), Parameter(p.detach().clone())); }");

    [Fact]
    public Task Ignores_CodeWithoutGradients() => Rule.Verify("class C { Parameter M(Parameter p) { using var _ = torch.no_grad(); return Parameter(p * 2); } }");

    [Fact]
    public Task Fixes_ByDroppingTheFlag() => Rule.VerifyFix(
        "class C { Parameter M() => Parameter([|torch.randn(3, requires_grad: true) * 0.01|]); }",
        "class C { Parameter M() => Parameter(torch.randn(3) * 0.01); }");

    [Fact]
    public Task FixesAll_Parameters() => Rule.VerifyFix(
        "class C { Parameter A() => Parameter([|torch.randn(3, 4, dtype: ScalarType.Float32, requires_grad: true).t()|]); Parameter B(Linear fc) => Parameter([|fc.weight * 2|]); }",
        "class C { Parameter A() => Parameter(torch.randn(3, 4, dtype: ScalarType.Float32).t()); Parameter B(Linear fc) => Parameter((fc.weight * 2).detach()); }");
}
