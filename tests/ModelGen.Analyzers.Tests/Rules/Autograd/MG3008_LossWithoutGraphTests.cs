using Rule = ModelGen.Analyzers.Tests.RuleVerifier<
    ModelGen.Analyzers.Rules.Autograd.MG3008_LossWithoutGraph,
    Microsoft.CodeAnalysis.Testing.EmptyCodeFixProvider>;

namespace ModelGen.Analyzers.Tests.Rules.Autograd;

public sealed class MG3008_LossWithoutGraphTests
{
    [Fact]
    public Task Reports_InsideTheRegion() => Rule.Verify("class C { void M(Linear m, Tensor x, Tensor y) { using (torch.no_grad()) { var loss = functional.mse_loss(m.forward(x), y); [|loss.backward()|]; } } }");

    [Fact]
    public Task Reports_AfterTheRegion() => Rule.Verify("class C { void M(Linear m, Tensor x) { Tensor loss; using (torch.no_grad()) { loss = m.forward(x).sum(); } [|loss.backward()|]; } }");

    [Fact]
    public Task Reports_AUsingDeclaration() => Rule.Verify("class C { void M(Linear m, Tensor x) { using var mode = torch.inference_mode(); [|m.forward(x).pow(2).sum().backward()|]; } }");

    [Fact]
    public Task Ignores_LossesComputedOutside() => Rule.Verify("class C { void M(Linear m, Tensor x) { Tensor target; using (torch.no_grad()) { target = m.forward(x); } var loss = functional.mse_loss(m.forward(x), target); loss.backward(); using (torch.no_grad()) { loss.backward(); } } }");

    [Fact]
    public Task Ignores_GradientsSwitchedOnAgain() => Rule.Verify("class C { void M(Linear m, Tensor x) { using (torch.no_grad()) { using (torch.enable_grad()) { var loss = m.forward(x).sum(); loss.backward(); } } } }");

    [Fact]
    public Task Ignores_LocalsWithSeveralValues() => Rule.Verify("class C { void M(Linear m, Tensor x, bool quick) { Tensor loss = m.forward(x).sum(); if (quick) { using (torch.no_grad()) { loss = m.forward(x).sum(); } } loss.backward(); } }");

    [Fact]
    public Task Ignores_LeavesAndCodeOfOthers() => Rule.Verify("class C { Tensor Loss(Tensor x) => x; void M(Tensor x) { using (torch.no_grad()) { var w = torch.randn(1, requires_grad: true); w.backward(); var l = Loss(x); l.backward(); } } }");

    [Fact]
    public Task Reports_ANegatedLoss() => Rule.Verify("""
        class C
        {
            void M(Linear model, Tensor x, Tensor target)
            {
                var predicted = model.forward(x).softmax(1);
                using var noGrad = torch.no_grad();
                var loss = -(target * predicted.log()).sum(1).mean();
                [|loss.backward()|];
            }
        }
        """);
}
