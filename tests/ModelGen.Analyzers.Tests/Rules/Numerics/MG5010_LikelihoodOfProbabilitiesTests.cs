using Rule = ModelGen.Analyzers.Tests.RuleVerifier<
    ModelGen.Analyzers.Rules.Numerics.MG5010_LikelihoodOfProbabilities,
    ModelGen.CodeFixes.Rules.Numerics.MG5010_LikelihoodOfProbabilitiesFix>;

namespace ModelGen.Analyzers.Tests.Rules.Numerics;

public sealed class MG5010_LikelihoodOfProbabilitiesTests
{
    [Fact]
    public Task Reports_TheFunction() => Rule.Verify("class C { Tensor M(Tensor x, Tensor y) => functional.nll_loss([|torch.softmax(x, 1)|], y); }");

    [Fact]
    public Task Reports_TheModule() => Rule.Verify("""
        class C { private readonly NLLLoss _loss = NLLLoss(); private readonly Softmax _softmax = Softmax(1); Tensor M(Tensor x, Tensor y) => _loss.call([|_softmax.call(x)|], y); }
        """);

    [Fact]
    public Task Reports_SoftmaxInALocal() => Rule.Verify("class C { Tensor M(Tensor x, Tensor y) { var p = x.softmax(1); return functional.nll_loss([|p|], y); } }");

    [Fact]
    public Task Ignores_LogProbabilities() => Rule.Verify("""
        class C
        {
            Tensor A(Tensor x, Tensor y) => functional.nll_loss(x.log_softmax(1), y);
            Tensor B(Tensor x, Tensor y) => functional.nll_loss(x.softmax(1).log(), y);
        }
        """);

    [Fact]
    public Task Ignores_WhatIsNotVisible() => Rule.Verify("class C { Tensor M(Linear model, Tensor x, Tensor y) => functional.nll_loss(model.forward(x), y); }");

    [Fact]
    public Task Ignores_OtherLosses() => Rule.Verify("class C { Tensor M(Tensor x, Tensor y) => functional.mse_loss(x.softmax(1), y); }");

    [Fact]
    public Task Fixes_ByLogSoftmax() => Rule.VerifyFix(
        "class C { Tensor M(Tensor x, Tensor y) => functional.nll_loss([|torch.softmax(x, 1)|], y); }",
        "class C { Tensor M(Tensor x, Tensor y) => functional.nll_loss(x.log_softmax(1), y); }");

    [Fact]
    public Task FixesAll_Calls() => Rule.VerifyFix(
        "class C { NLLLoss _loss = NLLLoss(); Tensor A(Tensor x, Tensor y) => _loss.call([|x.softmax(1)|], y); Tensor B(Tensor x, Tensor y) => functional.nll_loss([|functional.softmax(x, -1)|], y); }",
        "class C { NLLLoss _loss = NLLLoss(); Tensor A(Tensor x, Tensor y) => _loss.call(x.log_softmax(1), y); Tensor B(Tensor x, Tensor y) => functional.nll_loss(x.log_softmax(-1), y); }");
}
