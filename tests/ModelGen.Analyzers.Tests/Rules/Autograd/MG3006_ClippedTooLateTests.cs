using Rule = ModelGen.Analyzers.Tests.RuleVerifier<
    ModelGen.Analyzers.Rules.Autograd.MG3006_ClippedTooLate,
    Microsoft.CodeAnalysis.Testing.EmptyCodeFixProvider>;

namespace ModelGen.Analyzers.Tests.Rules.Autograd;

public sealed class MG3006_ClippedTooLateTests
{
    [Fact]
    public Task Reports_ClippingAfterTheStep() => Rule.Verify("class C { void M(Linear m, SGD o, Tensor x) { for (;;) { o.zero_grad(); m.forward(x).sum().backward(); o.step(); [|torch.nn.utils.clip_grad_norm_(m.parameters(), 1.0)|]; } } }");

    [Fact]
    public Task Reports_ClippingOfClearedGradients() => Rule.Verify("class C { void M(Linear m, SGD o, Tensor x) { for (;;) { o.zero_grad(); [|torch.nn.utils.clip_grad_value_(m.parameters(), 1.0)|]; m.forward(x).sum().backward(); o.step(); } } }");

    [Fact]
    public Task Reports_AFieldOptimizer() => Rule.Verify("class C { private readonly Adam _o; void M(Linear m, Tensor x) { _o.zero_grad(); m.forward(x).sum().backward(); _o.step(); double n = [|torch.nn.utils.clip_grad_norm_(m.parameters(), 1.0)|]; } }");

    [Fact]
    public Task Ignores_TheRightOrder() => Rule.Verify("""
        class C
        {
            void A(Linear m, SGD o, Tensor x) { for (;;) { o.zero_grad(); m.forward(x).sum().backward(); torch.nn.utils.clip_grad_norm_(m.parameters(), 1.0); o.step(); } }
            void B(Linear m, SGD o, Tensor x) { for (int i = 0; ; i++) { m.forward(x).sum().backward(); if (i % 4 == 3) { torch.nn.utils.clip_grad_norm_(m.parameters(), 1.0); o.step(); o.zero_grad(); } } }
        }
        """);

    [Fact]
    public Task Ignores_SeveralOptimizers() => Rule.Verify("class C { void M(Linear g, Linear d, SGD og, SGD od, Tensor x) { og.zero_grad(); (g.forward(x) + d.forward(x)).sum().backward(); od.step(); torch.nn.utils.clip_grad_norm_(g.parameters(), 1.0); og.step(); } }");

    [Fact]
    public Task Ignores_CodeInBetween() => Rule.Verify("class C { void Backward(Tensor l) => l.backward(); void M(Linear m, SGD o, Tensor x) { o.zero_grad(); Backward(m.forward(x).sum()); torch.nn.utils.clip_grad_norm_(m.parameters(), 1.0); o.step(); } }");
}
