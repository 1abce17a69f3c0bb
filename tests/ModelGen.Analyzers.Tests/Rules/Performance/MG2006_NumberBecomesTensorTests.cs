using Rule = ModelGen.Analyzers.Tests.RuleVerifier<
    ModelGen.Analyzers.Rules.Performance.MG2006_NumberBecomesTensor,
    Microsoft.CodeAnalysis.Testing.EmptyCodeFixProvider>;

namespace ModelGen.Analyzers.Tests.Rules.Performance;

public sealed class MG2006_NumberBecomesTensorTests
{
    [Fact]
    public Task Reports_Maximum() => Rule.Verify("""
        class Net : Module<Tensor, Tensor>
        {
            public Net() : base("net") { }
            public override Tensor forward(Tensor x) => torch.maximum(x, [|0f|]);
        }
        """);

    [Fact]
    public Task Reports_VariableInALoop() => Rule.Verify("""
        class C
        {
            void M(Module<Tensor, Tensor> model, torch.optim.Optimizer optimizer, Tensor x, float margin)
            {
                while (true)
                {
                    torch.minimum(model.forward(x), [|margin|]).mean().backward();
                    optimizer.step();
                }
            }
        }
        """);

    [Fact]
    public Task Reports_Array() => Rule.Verify("""
        class Net : Module<Tensor, Tensor>
        {
            private readonly float[] _mean = { 0.1f, 0.2f };
            public Net() : base("net") { }
            public override Tensor forward(Tensor x) => torch.sub(x, [|_mean|]);
        }
        """);

    [Fact]
    public Task Ignores_Operators() => Rule.Verify("""
        class Net : Module<Tensor, Tensor>
        {
            public Net() : base("net") { }
            public override Tensor forward(Tensor x) => 1 - (x * 0.5f + 2).pow(2) / 3.0;
        }
        """);

    [Fact]
    public Task Ignores_Setup() => Rule.Verify("""
        class C
        {
            private readonly Tensor _t = 0.5f;
            Tensor M(Tensor x) => torch.maximum(x, 0f);
        }
        """);

    [Fact]
    public Task Ignores_IndexersAndOwnMethods() => Rule.Verify("""
        class Net : Module<Tensor, Tensor>
        {
            public Net() : base("net") { }
            Tensor Scale(Tensor x, Tensor y) => x * y;
            public override Tensor forward(Tensor x)
            {
                var y = x.clone();
                y[0] = 1f;
                return Scale(y, 0.5f).clamp_min(0);
            }
        }
        """);
}
