using Rule = ModelGen.Analyzers.Tests.RuleVerifier<
    ModelGen.Analyzers.Rules.Performance.MG2022_AttentionByHand,
    Microsoft.CodeAnalysis.Testing.EmptyCodeFixProvider>;

namespace ModelGen.Analyzers.Tests.Rules.Performance;

public sealed class MG2022_AttentionByHandTests
{
    [Fact]
    public Task Reports_OneExpression() => Rule.Verify("""
        class C { Tensor M(Tensor q, Tensor k, Tensor v) => [|torch.matmul((torch.matmul(q, k.transpose(-2, -1)) / 8.0).softmax(-1), v)|]; }
        """);

    [Fact]
    public Task Reports_Locals() => Rule.Verify("""
        class C
        {
            Tensor M(Tensor q, Tensor k, Tensor v, Tensor mask)
            {
                var scores = torch.matmul(q, k.transpose(-2, -1)).div(8).masked_fill(mask, -1e9);
                var weights = functional.softmax(scores, -1);
                return [|weights.matmul(v)|];
            }
        }
        """);

    [Fact]
    public Task Reports_BatchedProducts() => Rule.Verify("""
        class C
        {
            Tensor M(Tensor q, Tensor k, Tensor v, double scale)
            {
                var weights = (q.bmm(k.transpose(-1, -2)) * scale).softmax(-1);
                return [|torch.bmm(weights, v)|];
            }
        }
        """);

    [Fact]
    public Task Ignores_WeightsThatAreReturned() => Rule.Verify("""
        class C
        {
            (Tensor, Tensor) M(Tensor q, Tensor k, Tensor v)
            {
                var weights = (torch.matmul(q, k.transpose(-2, -1)) / 8).softmax(-1);
                return (torch.matmul(weights, v), weights);
            }
        }
        """);

    [Fact]
    public Task Ignores_Dropout() => Rule.Verify("""
        class C { Tensor M(Tensor q, Tensor k, Tensor v) => torch.matmul(functional.dropout((torch.matmul(q, k.transpose(-2, -1)) / 8).softmax(-1), 0.1), v); }
        """);

    [Fact]
    public Task Ignores_OtherProducts() => Rule.Verify("""
        class C { Tensor M(Tensor x, Tensor k, Tensor v) => torch.matmul(x.softmax(-1), v) + torch.matmul(torch.matmul(x, k.transpose(-2, -1)).softmax(1), v) + torch.matmul(torch.matmul(x, k), v); }
        """);
}
