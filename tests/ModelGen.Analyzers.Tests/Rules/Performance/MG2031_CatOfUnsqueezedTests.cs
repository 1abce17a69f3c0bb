using Rule = ModelGen.Analyzers.Tests.RuleVerifier<
    ModelGen.Analyzers.Rules.Performance.MG2031_CatOfUnsqueezed,
    ModelGen.CodeFixes.Rules.Performance.MG2031_CatOfUnsqueezedFix>;

namespace ModelGen.Analyzers.Tests.Rules.Performance;

public sealed class MG2031_CatOfUnsqueezedTests
{
    [Fact]
    public Task Reports_Select() => Rule.Verify("""
        class C { Tensor M(List<Tensor> all) => [|torch.cat(all.Select(t => t.unsqueeze(0)).ToArray(), 0)|]; }
        """);

    [Fact]
    public Task Reports_OtherExpressionInTheLambda() => Rule.Verify("""
        class C { Tensor M(List<float[]> rows) => [|torch.cat(rows.Select(row => torch.tensor(row).unsqueeze(1)).ToList(), 1)|]; }
        """);

    [Fact]
    public Task Reports_Elements() => Rule.Verify("""
        class C { Tensor M(Tensor x, Tensor y) => [|torch.cat(new[] { x.unsqueeze(0), y.unsqueeze(0) })|] + [|torch.cat([x.unsqueeze(-1), y.unsqueeze(-1)], -1)|]; }
        """);

    [Fact]
    public Task Ignores_Stack() => Rule.Verify("""
        class C { Tensor M(List<Tensor> all) => torch.stack(all, 0); }
        """);

    [Fact]
    public Task Ignores_OtherDimensions() => Rule.Verify("""
        class C { Tensor M(List<Tensor> all) => torch.cat(all.Select(t => t.unsqueeze(0)).ToArray(), 1); }
        """);

    [Fact]
    public Task Ignores_SomeElements() => Rule.Verify("""
        class C { Tensor M(Tensor x, Tensor y, List<Tensor> all) => torch.cat(new[] { x.unsqueeze(0), y }) + torch.cat(all) + torch.cat(all.Select(t => t.squeeze(0)).ToArray()); }
        """);

    [Fact]
    public Task Fixes_WithStack() => Rule.VerifyFix(
        """
        class C { Tensor M(List<Tensor> all) => [|torch.cat(all.Select(t => t.relu().unsqueeze(0)).ToArray(), 0)|]; }
        """,
        """
        class C { Tensor M(List<Tensor> all) => torch.stack(all.Select(t => t.relu()).ToArray(), 0); }
        """);

    [Fact]
    public Task Fixes_WithTheListItself() => Rule.VerifyFix(
        """
        class C { Tensor M(List<Tensor> all) => [|torch.cat(all.Select(t => t.unsqueeze(0)).ToArray(), 0)|]; }
        """,
        """
        class C { Tensor M(List<Tensor> all) => torch.stack(all.ToArray(), 0); }
        """);

    [Fact]
    public Task FixesAll_SelectAndElements() => Rule.VerifyFix(
        """
        class C { Tensor M(List<Tensor> all, Tensor x, Tensor y) => [|torch.cat(all.Select(t => t.relu().unsqueeze(0)).ToArray(), 0)|] + [|torch.cat(new[] { x.unsqueeze(0), y.unsqueeze(0) })|]; }
        """,
        """
        class C { Tensor M(List<Tensor> all, Tensor x, Tensor y) => torch.stack(all.Select(t => t.relu()).ToArray(), 0) + torch.stack(new[] { x, y }); }
        """);
}
