using Rule = ModelGen.Analyzers.Tests.RuleVerifier<
    ModelGen.Analyzers.Rules.Autograd.MG3018_BackwardOfManyElements,
    Microsoft.CodeAnalysis.Testing.EmptyCodeFixProvider>;

namespace ModelGen.Analyzers.Tests.Rules.Autograd;

public sealed class MG3018_BackwardOfManyElementsTests
{
    [Fact]
    public Task Reports_AFunction() => Rule.Verify("class C { void M(Tensor x, Tensor y) { var loss = functional.mse_loss(x, y, reduction: Reduction.None); [|loss.backward()|]; } }");

    [Fact]
    public Task Reports_TheReceiverItself() => Rule.Verify("class C { void M(Tensor x, Tensor y) => [|functional.cross_entropy(x, y, reduction: nn.Reduction.None).backward()|]; }");

    [Fact]
    public Task Reports_AModule() => Rule.Verify("class C { void M(Tensor x, Tensor y) { var criterion = MSELoss(Reduction.None); var loss = criterion.forward(x, y); [|loss.backward()|]; } }");

    [Fact]
    public Task Ignores_ReducedLosses() => Rule.Verify("class C { void M(Tensor x, Tensor y) { var loss = functional.mse_loss(x, y, reduction: Reduction.None); loss.mean().backward(); functional.mse_loss(x, y).backward(); functional.mse_loss(x, y, reduction: Reduction.Sum).backward(); } }");

    [Fact]
    public Task Ignores_GradientsThatAreGiven() => Rule.Verify("class C { void M(Tensor x, Tensor y) { var loss = functional.mse_loss(x, y, reduction: Reduction.None); loss.backward(new[] { torch.ones_like(loss) }); } }");

    [Fact]
    public Task Ignores_UnknownReductions() => Rule.Verify("class C { private readonly MSELoss _loss; C(MSELoss l) { _loss = l; } void M(Tensor x, Tensor y, Reduction r) { _loss.forward(x, y).backward(); functional.mse_loss(x, y, reduction: r).backward(); var l = functional.mse_loss(x, y, reduction: Reduction.None); l = l.mean(); l.backward(); } }");
}
