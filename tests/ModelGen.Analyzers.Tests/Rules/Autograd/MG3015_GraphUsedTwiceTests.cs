using Rule = ModelGen.Analyzers.Tests.RuleVerifier<
    ModelGen.Analyzers.Rules.Autograd.MG3015_GraphUsedTwice,
    Microsoft.CodeAnalysis.Testing.EmptyCodeFixProvider>;

namespace ModelGen.Analyzers.Tests.Rules.Autograd;

public sealed class MG3015_GraphUsedTwiceTests
{
    [Fact]
    public Task Reports_ALossComputedBeforeTheLoop() => Rule.Verify("class C { void M(Linear m, SGD o, Tensor x, Tensor y) { var loss = functional.mse_loss(m.forward(x), y); for (int i = 0; i < 9; i++) { o.zero_grad(); [|loss.backward()|]; o.step(); } } }");

    [Fact]
    public Task Reports_TwoPassesInARow() => Rule.Verify("class C { void M(Linear m, Tensor x, Tensor y) { var loss = functional.cross_entropy(m.forward(x), y); loss.backward(); Console.WriteLine(1); [|loss.backward()|]; } }");

    [Fact]
    public Task Reports_ALossModule() => Rule.Verify("class C { private readonly MSELoss _loss = MSELoss(); void M(Linear m, Tensor x, Tensor y) { using var loss = _loss.forward(m.forward(x), y) * 2; loss.backward(); [|loss.backward()|]; } }");

    [Fact]
    public Task Ignores_RetainedGraphs() => Rule.Verify("class C { void M(Linear m, Tensor x, Tensor y) { var loss = functional.mse_loss(m.forward(x), y); loss.backward(retain_graph: true); loss.backward(); for (;;) { loss.backward(retain_graph: true); } } }");

    [Fact]
    public Task Ignores_LossesThatAreComputedAgain() => Rule.Verify("class C { void M(Linear m, Tensor x, Tensor y) { for (;;) { var loss = functional.mse_loss(m.forward(x), y); loss.backward(); } } void N(Linear m, Tensor x, Tensor y) { var loss = functional.mse_loss(m.forward(x), y); loss.backward(); loss = functional.mse_loss(m.forward(x), y); loss.backward(); } }");

    [Fact]
    public Task Ignores_OtherBranchesAndLoopsThatEnd() => Rule.Verify("class C { void M(Linear m, Tensor x, Tensor y, bool b) { var loss = functional.mse_loss(m.forward(x), y); if (b) { loss.backward(); } else { loss.backward(); } } void N(Linear m, Tensor x, Tensor y) { var loss = functional.mse_loss(m.forward(x), y); while (true) { loss.backward(); break; } } }");

    [Fact]
    public Task Ignores_GraphsThatKeepNothing() => Rule.Verify("class C { void M(Tensor w) { var s = w.sum(); s.backward(); s.backward(); } }");
}
