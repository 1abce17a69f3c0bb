using Rule = ModelGen.Analyzers.Tests.RuleVerifier<
    ModelGen.Analyzers.Rules.Performance.MG2027_ContiguousBeforeProduct,
    ModelGen.CodeFixes.Rules.Performance.MG2027_ContiguousBeforeProductFix>;

namespace ModelGen.Analyzers.Tests.Rules.Performance;

public sealed class MG2027_ContiguousBeforeProductTests
{
    [Fact]
    public Task Reports_Argument() => Rule.Verify("""
        class C { Tensor M(Tensor q, Tensor k) => torch.matmul(q, [|k.transpose(-2, -1).contiguous()|]); }
        """);

    [Fact]
    public Task Reports_Receiver() => Rule.Verify("""
        class C { Tensor M(Tensor a, Tensor b) => [|a.t().contiguous()|].mm(b); }
        """);

    [Fact]
    public Task Reports_Property() => Rule.Verify("""
        class C { Tensor M(Tensor a, Tensor b) => torch.bmm(a, [|b.mT.contiguous()|]); }
        """);

    [Fact]
    public Task Ignores_Views() => Rule.Verify("""
        class C { Tensor M(Tensor a, Tensor b) => torch.matmul(a, b.transpose(-2, -1)); }
        """);

    [Fact]
    public Task Ignores_OtherOperations() => Rule.Verify("""
        class C { Tensor M(Tensor a) => a.transpose(1, 2).contiguous().view(-1) + torch.cat([a.t().contiguous()]); }
        """);

    [Fact]
    public Task Ignores_Permutations() => Rule.Verify("""
        class C { Tensor M(Tensor a, Tensor b) => torch.matmul(a.permute(0, 2, 1, 3).contiguous(), b.contiguous()); }
        """);

    [Fact]
    public Task Fixes_ByRemovingTheCopy() => Rule.VerifyFix(
        """
        class C { Tensor M(Tensor q, Tensor k) => torch.matmul(q, [|k.transpose(-2, -1).contiguous()|]); }
        """,
        """
        class C { Tensor M(Tensor q, Tensor k) => torch.matmul(q, k.transpose(-2, -1)); }
        """);

    [Fact]
    public Task FixesAll_BothOperands() => Rule.VerifyFix(
        """
        class C { Tensor M(Tensor a, Tensor b) => [|a.t().contiguous()|].mm([|b.T.contiguous()|]); }
        """,
        """
        class C { Tensor M(Tensor a, Tensor b) => a.t().mm(b.T); }
        """);
}
