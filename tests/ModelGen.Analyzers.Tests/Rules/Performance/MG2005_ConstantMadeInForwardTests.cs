using Rule = ModelGen.Analyzers.Tests.RuleVerifier<
    ModelGen.Analyzers.Rules.Performance.MG2005_ConstantMadeInForward,
    Microsoft.CodeAnalysis.Testing.EmptyCodeFixProvider>;

namespace ModelGen.Analyzers.Tests.Rules.Performance;

public sealed class MG2005_ConstantMadeInForwardTests
{
    [Fact]
    public Task Reports_Mask() => Rule.Verify("""
        class Net : Module<Tensor, Tensor>
        {
            public Net() : base("net") { }
            public override Tensor forward(Tensor x)
            {
                var mask = x.masked_fill([|torch.ones(64, 64, device: x.device)|].triu(1).to(ScalarType.Bool), -1e9);
                return mask;
            }
        }
        """);

    [Fact]
    public Task Reports_ArrayOfNumbers() => Rule.Verify("""
        class Net : Module<Tensor, Tensor>
        {
            public Net() : base("net") { }
            public override Tensor forward(Tensor x) => (x - [|torch.tensor(new[] { 0.1f, 0.2f })|]) / 2;
        }
        """);

    [Fact]
    public Task Reports_ReadOnlyFieldAndLocal() => Rule.Verify("""
        class Net : Module<Tensor, Tensor>
        {
            private readonly int _n;
            public Net(int n) : base("net") { _n = n; }
            public override Tensor forward(Tensor x)
            {
                var positions = [|torch.arange(_n)|];
                return x + positions.unsqueeze(0);
            }
        }
        """);

    [Fact]
    public Task Ignores_WhatDependsOnTheInput() => Rule.Verify("""
        class Net : Module<Tensor, Tensor>
        {
            public Net() : base("net") { }
            public override Tensor forward(Tensor x) => x + torch.arange(x.shape[1]) + torch.zeros(x.shape) + torch.randn(3);
        }
        """);

    [Fact]
    public Task Ignores_ChangedStoredAndReturned() => Rule.Verify("""
        class Net : Module<Tensor, Tensor>
        {
            private Tensor _mask;
            public Net() : base("net") { }
            public override Tensor forward(Tensor x)
            {
                var y = torch.zeros(3);
                y[0] = x.sum();
                var z = torch.zeros(3).add_(x);
                _mask ??= torch.ones(8, 8).triu(1);
                if (x.shape[0] == 0) { return torch.zeros(1); }
                var h = torch.zeros(3);
                h = h + x;
                return y + z + h + _mask;
            }
        }
        """);

    [Fact]
    public Task Ignores_OtherMethodsAndCode() => Rule.Verify("""
        class Net : Module<Tensor, Tensor>
        {
            public Net() : base("net") { }
            Tensor Helper(Tensor x) => x + torch.ones(3);
            void Fill(Tensor x) { x.add_(1); }
            public override Tensor forward(Tensor x)
            {
                var y = torch.ones(3);
                Fill(y);
                return Helper(x) + y;
            }
        }
        """);
}
