using Rule = ModelGen.Analyzers.Tests.RuleVerifier<
    ModelGen.Analyzers.Rules.Performance.MG2032_FilledInTwoSteps,
    Microsoft.CodeAnalysis.Testing.EmptyCodeFixProvider>;

namespace ModelGen.Analyzers.Tests.Rules.Performance;

public sealed class MG2032_FilledInTwoStepsTests
{
    [Fact]
    public Task Reports_OnesTimesANumber() => Rule.Verify("""
        class C { Tensor M() => [|torch.ones(3, 4) * 0.5f|]; }
        """);

    [Fact]
    public Task Reports_NumberTimesOnes() => Rule.Verify("""
        class C { Tensor M(double c) => [|c * torch.ones(3)|]; }
        """);

    [Fact]
    public Task Reports_ZerosPlusANumber() => Rule.Verify("""
        class C { Tensor M() => [|torch.zeros(3) + 1|]; }
        """);

    [Fact]
    public Task Ignores_Full() => Rule.Verify("""
        class C { Tensor M() => torch.full(3, 4, 0.5f); }
        """);

    [Fact]
    public Task Ignores_Tensors() => Rule.Verify("""
        class C { Tensor M(Tensor x) => torch.ones(3) * x + (torch.ones(3) + 1) + torch.zeros(3) * 2; }
        """);

    [Fact]
    public Task Ignores_Leaves() => Rule.Verify("""
        class C { Tensor M() => torch.ones(3, requires_grad: true) * 2; }
        """);
}
