using Rule = ModelGen.Analyzers.Tests.RuleVerifier<
    ModelGen.Analyzers.Rules.Performance.MG2002_ForwardBranchesOnTensor,
    Microsoft.CodeAnalysis.Testing.EmptyCodeFixProvider>;

namespace ModelGen.Analyzers.Tests.Rules.Performance;

public sealed class MG2002_ForwardBranchesOnTensorTests
{
    [Fact]
    public Task Reports_If() => Rule.Verify("""
        class Net : Module<Tensor, Tensor>
        {
            public Net() : base("net") { }
            public override Tensor forward(Tensor x)
            {
                if ([|x.max().item<float>()|] > 1) { return x / 2; }
                return x;
            }
        }
        """);

    [Fact]
    public Task Reports_ConditionalExpression() => Rule.Verify("""
        class Net : Module<Tensor, Tensor>
        {
            public Net() : base("net") { }
            public override Tensor forward(Tensor x) => training && [|(bool)x.isnan().any()|] ? x.nan_to_num() : x;
        }
        """);

    [Fact]
    public Task Reports_While() => Rule.Verify("""
        class Net : Module<Tensor, Tensor>
        {
            public Net() : base("net") { }
            public override Tensor forward(Tensor x)
            {
                while ([|x.norm().ToSingle()|] > 1) { x = x / 2; }
                return x;
            }
        }
        """);

    [Fact]
    public Task Ignores_ShapesAndOptions() => Rule.Verify("""
        class Net : Module<Tensor, Tensor>
        {
            private readonly bool _deep;
            public Net() : base("net") { }
            public override Tensor forward(Tensor x)
            {
                if (x.shape[0] > 1 && _deep && training) { return x.relu(); }
                return x.dtype == ScalarType.Float32 ? x : x.@float();
            }
        }
        """);

    [Fact]
    public Task Ignores_OtherMethods() => Rule.Verify("""
        class C
        {
            bool Diverged(Tensor loss) { if (loss.item<float>() > 100) { return true; } return false; }
        }
        """);

    [Fact]
    public Task Ignores_ValuesThatAreNotConditions() => Rule.Verify("""
        class Net : Module<Tensor, Tensor>
        {
            public float Last;
            public Net() : base("net") { }
            public override Tensor forward(Tensor x)
            {
                if (training) { Last = x.mean().item<float>(); }
                return torch.where(x > 0, x, x * 0.1f);
            }
        }
        """);
}
