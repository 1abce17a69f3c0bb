using Rule = ModelGen.Analyzers.Tests.RuleVerifier<
    ModelGen.Analyzers.Rules.Autograd.MG3003_StepWithoutGradients,
    Microsoft.CodeAnalysis.Testing.EmptyCodeFixProvider>;

namespace ModelGen.Analyzers.Tests.Rules.Autograd;

public sealed class MG3003_StepWithoutGradientsTests
{
    [Fact]
    public Task Reports_ClearingBetweenBackwardAndStep() => Rule.Verify("class C { void M(Linear m, SGD o, Tensor x) { for (;;) { var l = m.forward(x).sum(); l.backward(); o.zero_grad(); [|o.step()|]; } } }");

    [Fact]
    public Task Reports_AStepBeforeBackward() => Rule.Verify("class C { private readonly Adam _o; void M(Linear m, Tensor x) { foreach (var i in new[] { 1, 2 }) { _o.zero_grad(); var l = m.forward(x).sum(); [|_o.step()|]; l.backward(); } } }");

    [Fact]
    public Task Reports_OnEveryPath() => Rule.Verify("""
        class C
        {
            void M(Linear m, torch.optim.Optimizer o, Tensor x, bool log)
            {
                var l = m.forward(x).sum();
                l.backward();
                if (log) { Console.WriteLine(l.ToSingle()); o.zero_grad(); } else { o.zero_grad(); }
                [|o.step()|];
            }
        }
        """);

    [Fact]
    public Task Ignores_TheUsualOrders() => Rule.Verify("""
        class C
        {
            void A(Linear m, SGD o, Tensor x) { for (;;) { o.zero_grad(); m.forward(x).sum().backward(); o.step(); } }
            void B(Linear m, SGD o, Tensor x) { for (;;) { o.step(); o.zero_grad(); m.forward(x).sum().backward(); } }
            void D(Linear m, SGD o, Tensor x) { for (int i = 0; i < 8; i++) { m.forward(x).sum().backward(); if (i % 4 == 3) { o.step(); o.zero_grad(); } } }
        }
        """);

    [Fact]
    public Task Ignores_SeveralOptimizers() => Rule.Verify("class C { void M(Linear g, Linear d, SGD og, SGD od, Tensor x) { for (;;) { od.zero_grad(); og.zero_grad(); d.forward(x).sum().backward(); od.step(); od.zero_grad(); g.forward(x).sum().backward(); og.step(); } } }");

    [Fact]
    public Task Ignores_CodeThatMayComputeGradients() => Rule.Verify("""
        class C
        {
            void Train(Linear m, Tensor x) { m.forward(x).sum().backward(); }
            void A(Linear m, SGD o, Tensor x) { o.zero_grad(); Train(m, x); o.step(); }
            void B(Linear m, SGD o, Action work) { o.zero_grad(); work(); o.step(); }
            void D(Linear m, SGD o, Tensor g) { o.zero_grad(); m.weight.grad = g; o.step(); }
            void E(Linear m, SGD o, Tensor x, bool train) { o.zero_grad(); if (train) { m.forward(x).sum().backward(); } o.step(); }
            void F(Linear m, LBFGS o, Tensor x) { o.zero_grad(); o.step(() => { var l = m.forward(x).sum(); l.backward(); return l; }); }
        }
        """);

    [Fact]
    public Task Ignores_ABackwardThatIsBoundAtRunTime() => Rule.Verify("class C { void M(Module m, SGD o, Tensor x) { for (;;) { o.zero_grad(); var l = ((dynamic)m).forward(x).sum(); l.backward(); o.step(); } } }");
}
