using Rule = ModelGen.Analyzers.Tests.RuleVerifier<
    ModelGen.Analyzers.Rules.Performance.MG2011_ShapeElementRead,
    ModelGen.CodeFixes.Rules.Performance.MG2011_ShapeElementReadFix>;

namespace ModelGen.Analyzers.Tests.Rules.Performance;

public sealed class MG2011_ShapeElementReadTests
{
    [Fact]
    public Task Reports_First() => Rule.Verify("""
        class C { long M(Tensor x) => [|x.shape[0]|]; }
        """);

    [Fact]
    public Task Reports_OfAnExpression() => Rule.Verify("""
        class C { long M(Linear layer) => [|layer.weight.shape[1]|] * 2; }
        """);

    [Fact]
    public Task Reports_InACondition() => Rule.Verify("""
        class C { bool M(Tensor x, Tensor y) => [|x.shape[1]|] == [|y.shape[1]|]; }
        """);

    [Fact]
    public Task Ignores_Size() => Rule.Verify("""
        class C { long M(Tensor x) => x.size(0); }
        """);

    [Fact]
    public Task Ignores_OtherIndices() => Rule.Verify("""
        class C { long M(Tensor x, int i) => x.shape[i] + x.shape[^1] + x.shape.Length; }
        """);

    [Fact]
    public Task Ignores_OtherArrays() => Rule.Verify("""
        class C { long M(Tensor x, long[] shape) { var s = x.shape; return shape[0] + s[0]; } }
        """);

    [Fact]
    public Task Fixes_WithSize() => Rule.VerifyFix(
        """
        class C { long M(Tensor x) => [|x.shape[0]|]; }
        """,
        """
        class C { long M(Tensor x) => x.size(0); }
        """);

    [Fact]
    public Task FixesAll_Several() => Rule.VerifyFix(
        """
        class C { bool M(Tensor x, Tensor y) => [|x.shape[1]|] == [|y.t().shape[0]|]; }
        """,
        """
        class C { bool M(Tensor x, Tensor y) => x.size(1) == y.t().size(0); }
        """);
}
