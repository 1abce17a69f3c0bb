using Rule = ModelGen.Analyzers.Tests.RuleVerifier<
    ModelGen.Analyzers.Rules.Autograd.MG3005_BackwardWithoutGraph,
    Microsoft.CodeAnalysis.Testing.EmptyCodeFixProvider>;

namespace ModelGen.Analyzers.Tests.Rules.Autograd;

public sealed class MG3005_BackwardWithoutGraphTests
{
    [Fact]
    public Task Reports_ADetachedLoss() => Rule.Verify("class C { void M(Linear m, Tensor x) { var loss = m.forward(x).sum().detach(); [|loss.backward()|]; } }");

    [Fact]
    public Task Reports_ARebuiltLoss() => Rule.Verify("class C { void M(Linear m, Tensor x) { var loss = torch.tensor(m.forward(x).sum().ToSingle()); [|loss.backward()|]; } }");

    [Fact]
    public Task Reports_WhatIsComputedFromThem() => Rule.Verify("class C { void M(Linear m, Tensor x) { var y = m.forward(x).detach(); var loss = functional.mse_loss(y, torch.zeros(3)) * 2; [|loss.backward()|]; } }");

    [Fact]
    public Task Ignores_LossesWithHistory() => Rule.Verify("""
        class C
        {
            void A(Linear m, Tensor x) { var loss = m.forward(x).sum() + m.forward(x).detach().sum(); loss.backward(); }
            void B(Linear m, Tensor x) { var target = m.forward(x).detach(); functional.mse_loss(m.forward(x), target).backward(); }
            void D(Tensor w) { var y = torch.zeros(3); var l = (y * w).sum(); l.backward(); }
        }
        """);

    [Fact]
    public Task Ignores_LeavesThatRequireGradients() => Rule.Verify("""
        class C
        {
            void A() { var x = torch.randn(3, requires_grad: true); (x * x).sum().backward(); }
            void B() { var x = torch.randn(3); x.requires_grad = true; (x * x).sum().backward(); }
            void D() { var x = torch.randn(3).requires_grad_(); x.sum().backward(); }
        }
        """);

    [Fact]
    public Task Ignores_LocalsThatChange() => Rule.Verify("class C { void M(Linear m, List<Tensor> data) { var loss = torch.tensor(0f); foreach (var x in data) { loss = loss + m.forward(x).sum(); } loss.backward(); } void N(Linear m, Tensor x) { var l = torch.zeros(1); l.add_(m.forward(x).sum()); l.backward(); } }");

    [Fact]
    public Task Reports_ANegatedDetachedLoss() => Rule.Verify("""
        class C { void M(Linear model, Tensor x) { var loss = -model.forward(x).detach().mean(); [|loss.backward()|]; } }
        """);
}
