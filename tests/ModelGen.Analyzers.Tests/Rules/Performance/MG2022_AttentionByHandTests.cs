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
    public Task Reports_AMaskUnderACondition() => Rule.Verify("""
        class C
        {
            Tensor A(Tensor q, Tensor k, Tensor v, Tensor mask)
            {
                var scores = torch.matmul(q, k.transpose(-2, -1)) / 8;
                if (mask is not null)
                {
                    scores = scores.masked_fill(mask.eq(0), -1e9);
                }

                var weights = functional.softmax(scores, -1);
                return [|torch.matmul(weights, v)|];
            }

            Tensor B(Tensor q, Tensor k, Tensor v, Tensor mask)
            {
                var scores = q.matmul(k.transpose(-2, -1));
                scores = scores.mul(0.125);
                if (mask is { }) scores += mask;
                return [|scores.softmax(-1).matmul(v)|];
            }

            Tensor C1(Tensor q, Tensor k, Tensor v, Tensor mask)
            {
                var scores = torch.bmm(q, k.transpose(-2, -1));
                var masked = mask is null ? scores : scores.masked_fill(mask, double.NegativeInfinity);
                return [|torch.bmm(masked.softmax(-1), v)|];
            }

            Tensor D(Tensor q, Tensor k, Tensor v, Tensor mask)
            {
                var scores = torch.matmul(q, k.mT) / 8;
                if (mask is not null) { scores.masked_fill_(mask, -1e9); }
                return [|torch.matmul(scores.softmax(-1), v)|];
            }
        }
        """);

    [Fact]
    public Task Ignores_ScoresThatAreChangedOtherwiseOrKept() => Rule.Verify("""
        class C
        {
            private Tensor _last;

            Tensor A(Tensor q, Tensor k, Tensor v, Tensor bias)
            {
                var scores = torch.matmul(q, k.transpose(-2, -1)) / 8;
                if (bias is not null) { scores = torch.tanh(scores) * 30; }
                return torch.matmul(scores.softmax(-1), v);
            }

            Tensor B(Tensor q, Tensor k, Tensor v, Tensor mask)
            {
                var scores = torch.matmul(q, k.transpose(-2, -1)) / 8;
                if (mask is not null) { scores = scores.masked_fill(mask, -1e9); _last = scores; }
                return torch.matmul(scores.softmax(-1), v);
            }

            Tensor C1(Tensor q, Tensor k, Tensor v, Tensor mask)
            {
                var scores = torch.matmul(q, k.transpose(-2, -1)) / 8;
                if (mask is not null) { scores = mask; }
                return torch.matmul(scores.softmax(-1), v);
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
