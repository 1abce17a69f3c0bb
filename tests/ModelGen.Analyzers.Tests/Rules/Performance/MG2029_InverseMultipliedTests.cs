using Rule = ModelGen.Analyzers.Tests.RuleVerifier<
    ModelGen.Analyzers.Rules.Performance.MG2029_InverseMultiplied,
    Microsoft.CodeAnalysis.Testing.EmptyCodeFixProvider>;

namespace ModelGen.Analyzers.Tests.Rules.Performance;

public sealed class MG2029_InverseMultipliedTests
{
    [Fact]
    public Task Reports_Linalg() => Rule.Verify("""
        class C { Tensor M(Tensor a, Tensor b) => [|torch.matmul(torch.linalg.inv(a), b)|]; }
        """);

    [Fact]
    public Task Reports_Method() => Rule.Verify("""
        class C { Tensor M(Tensor a, Tensor b) => [|a.inverse().mm(b)|]; }
        """);

    [Fact]
    public Task Reports_Local() => Rule.Verify("""
        class C
        {
            Tensor M(Tensor a, Tensor b)
            {
                using var inverse = torch.inverse(a);
                return [|inverse.matmul(b)|];
            }
        }
        """);

    [Fact]
    public Task Ignores_InverseThatIsUsedAgain() => Rule.Verify("""
        class C
        {
            Tensor M(Tensor a, Tensor b, Tensor c)
            {
                var inverse = torch.linalg.inv(a);
                return inverse.matmul(b) + inverse.matmul(c);
            }
        }
        """);

    [Fact]
    public Task Ignores_RightOperand() => Rule.Verify("""
        class C { Tensor M(Tensor a, Tensor b) => torch.matmul(b, torch.linalg.inv(a)); }
        """);

    [Fact]
    public Task Ignores_SolveAndPseudoinverse() => Rule.Verify("""
        class C { Tensor M(Tensor a, Tensor b) => torch.linalg.solve(a, b) + torch.matmul(torch.linalg.pinv(a), b); }
        """);
}
