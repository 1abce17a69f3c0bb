using Rule = ModelGen.Analyzers.Tests.RuleVerifier<
    ModelGen.Analyzers.Rules.Memory.MG1005_ChainLeavesTemporaries,
    Microsoft.CodeAnalysis.Testing.EmptyCodeFixProvider>;

namespace ModelGen.Analyzers.Tests.Rules.Memory;

public sealed class MG1005_ChainLeavesTemporariesTests
{
    [Fact]
    public Task Reports_CallOnASum() => Rule.Verify("""
        class C { Tensor M(Tensor x, Tensor y) => ([|x + y|]).relu(); }
        """);

    [Fact]
    public Task Reports_ChainOfCalls() => Rule.Verify("""
        class C { Tensor M(Tensor x) => [|x.exp().sum()|].log(); }
        """);

    [Fact]
    public Task Reports_StatementInALoop() => Rule.Verify("""
        class C
        {
            void M(List<Tensor> all, Tensor x)
            {
                foreach (var y in all) { Tensor z = [|torch.mul(x, y)|].sum(); }
            }
        }
        """);

    [Fact]
    public Task Ignores_ScopeInTheMember() => Rule.Verify("""
        class C
        {
            Tensor M(Tensor x)
            {
                using var scope = torch.NewDisposeScope();
                return x.exp().sum().MoveToOuterDisposeScope();
            }
        }
        """);

    [Fact]
    public Task Ignores_NamedTemporaries() => Rule.Verify("""
        class C
        {
            Tensor M(Tensor x)
            {
                using var e = x.exp();
                return e.sum();
            }
        }
        """);

    [Fact]
    public Task Ignores_ReadingANumber() => Rule.Verify("""
        class C
        {
            float M(Tensor x, Linear layer) => x.item<float>() + layer.weight.shape[0];
            Tensor N(Tensor x) => x.add_(1).mul_(2);
        }
        """);

    [Fact]
    public Task Ignores_MethodsThatReturnTheirReceiver() => Rule.Verify("""
        class C
        {
            Tensor M(Tensor x) => torch.zeros(3).DetachFromDisposeScope();
            Tensor N(Tensor x) => torch.zeros(3).add_(x);
        }
        """);

    [Fact]
    public Task Reports_TemporaryUnderAView() => Rule.Verify("""
        class C { Tensor M(Tensor x) => [|x.exp().relu()|].squeeze(1); }
        """);

    [Fact]
    public Task Ignores_ChainsThatOnlyReadTheSameMemoryInAnotherWay() => Rule.Verify("""
        class C
        {
            Tensor M(Tensor x) => x.permute(0, 2, 1).reshape(4, -1);
            Tensor N(Tensor x) => (x + 1).unsqueeze(0);
            Tensor O(Tensor x) => torch.arange(8).view(2, 4).t();
            Tensor P(long[] sizes, long[] strides) => torch.empty(sizes).as_strided(sizes, strides);
            Parameter Q() => torch.zeros(3).AsParameter();
        }
        """);
}
