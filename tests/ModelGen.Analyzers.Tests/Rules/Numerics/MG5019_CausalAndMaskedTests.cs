using Rule = ModelGen.Analyzers.Tests.RuleVerifier<
    ModelGen.Analyzers.Rules.Numerics.MG5019_CausalAndMasked,
    Microsoft.CodeAnalysis.Testing.EmptyCodeFixProvider>;

namespace ModelGen.Analyzers.Tests.Rules.Numerics;

public sealed class MG5019_CausalAndMaskedTests
{
    [Fact]
    public Task Reports_AMaskMadeHere() => Rule.Verify("""
        class C { Tensor M(Tensor q, Tensor k, Tensor v) { var mask = torch.ones(4, 4).tril(); return functional.scaled_dot_product_attention(q, k, v, [|mask|], is_casual: true); } }
        """);

    [Fact]
    public Task Reports_ACallInTheArgument() => Rule.Verify("class C { Tensor M(Tensor q, Tensor m) => functional.scaled_dot_product_attention(q, q, q, attn_mask: [|m.unsqueeze(1)|], is_casual: true); }");

    [Fact]
    public Task Reports_AnOperator() => Rule.Verify("class C { Tensor M(Tensor q, Tensor m) => functional.scaled_dot_product_attention(q, q, q, [|m == 0|], 0.1, true); }");

    [Fact]
    public Task Ignores_OneOfTheTwo() => Rule.Verify("class C { Tensor M(Tensor q, Tensor m) => functional.scaled_dot_product_attention(q, q, q, m.tril()) + functional.scaled_dot_product_attention(q, q, q, is_casual: true); }");

    [Fact]
    public Task Ignores_MasksThatMayBeNull() => Rule.Verify("class C { Tensor M(Tensor q, Tensor m) => functional.scaled_dot_product_attention(q, q, q, m, is_casual: true) + functional.scaled_dot_product_attention(q, q, q, null, is_casual: true); }");

    [Fact]
    public Task Ignores_FlagsThatMayBeFalse() => Rule.Verify("class C { Tensor M(Tensor q, Tensor m, bool causal) => functional.scaled_dot_product_attention(q, q, q, m.tril(), is_casual: causal); }");
}
