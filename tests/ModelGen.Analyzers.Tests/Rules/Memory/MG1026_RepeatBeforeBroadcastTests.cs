using Rule = ModelGen.Analyzers.Tests.RuleVerifier<
    ModelGen.Analyzers.Rules.Memory.MG1026_RepeatBeforeBroadcast,
    ModelGen.CodeFixes.Rules.Memory.MG1026_RepeatBeforeBroadcastFix>;

namespace ModelGen.Analyzers.Tests.Rules.Memory;

public sealed class MG1026_RepeatBeforeBroadcastTests
{
    [Fact]
    public Task Reports_Difference() => Rule.Verify("""
        class C { Tensor M(Tensor x, Tensor y, long n) => [|x.unsqueeze(1).repeat(1, n, 1)|] - y; }
        """);

    [Fact]
    public Task Reports_ProductOnTheRight() => Rule.Verify("""
        class C { Tensor M(Tensor x, Tensor y) => y * [|x.unsqueeze(0).repeat(8, 1)|]; }
        """);

    [Fact]
    public Task Reports_LastDimension() => Rule.Verify("""
        class C { Tensor M(Tensor x, Tensor y, int n) => y + [|x.unsqueeze(-1).repeat(1, 1, n)|]; }
        """);

    [Fact]
    public Task Ignores_OtherDimensionsRepeated() => Rule.Verify("""
        class C { Tensor M(Tensor x, Tensor y, long n) => x.unsqueeze(1).repeat(2, n, 1) - y; }
        """);

    [Fact]
    public Task Ignores_RepeatOfADataDimension() => Rule.Verify("""
        class C { Tensor M(Tensor x, Tensor y, long n) => x.repeat(n, 1) - y; }
        """);

    [Fact]
    public Task Ignores_ResultThatIsKept() => Rule.Verify("""
        class C
        {
            Tensor M(Tensor x, long n)
            {
                var y = x.unsqueeze(1).repeat(1, n, 1);
                y.add_(1);
                return x.unsqueeze(0).repeat(n, 1).view(-1) + y * 2f;
            }
        }
        """);

    [Fact]
    public Task Fixes_WithExpand() => Rule.VerifyFix(
        """
        class C { Tensor M(Tensor x, Tensor y, long n) => [|x.unsqueeze(1).repeat(1, n, 1)|] - y; }
        """,
        """
        class C { Tensor M(Tensor x, Tensor y, long n) => x.unsqueeze(1).expand(-1, n, -1) - y; }
        """);

    [Fact]
    public Task FixesAll_BothOperands() => Rule.VerifyFix(
        """
        class C { Tensor M(Tensor x, Tensor y, long n) => [|x.unsqueeze(1).repeat(1, n, 1)|] - [|y.unsqueeze(0).repeat(n, 1, 1)|]; }
        """,
        """
        class C { Tensor M(Tensor x, Tensor y, long n) => x.unsqueeze(1).expand(-1, n, -1) - y.unsqueeze(0).expand(n, -1, -1); }
        """);
}
