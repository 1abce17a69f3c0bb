using Rule = ModelGen.Analyzers.Tests.RuleVerifier<
    ModelGen.Analyzers.Rules.Modules.MG4014_LayersDoNotFit,
    Microsoft.CodeAnalysis.Testing.EmptyCodeFixProvider>;

namespace ModelGen.Analyzers.Tests.Rules.Modules;

public sealed class MG4014_LayersDoNotFitTests
{
    [Fact]
    public Task Reports_LinearLayers() => Rule.Verify("class C { Sequential M() => Sequential(Linear(784, 100), ReLU(), Dropout(0.1), [|Linear(128, 10)|]); }");

    [Fact]
    public Task Reports_Channels() => Rule.Verify("class C { Sequential M() => Sequential(Conv2d(3, 16, 3), [|BatchNorm2d(32)|], ReLU(), MaxPool2d(2), [|Conv2d(16, 32, 3)|]); }");

    [Fact]
    public Task Reports_NamedLayers() => Rule.Verify("class C { const long H = 64; Sequential M() => Sequential((\"a\", Linear(8, H)), (\"b\", GELU()), (\"c\", [|LayerNorm(32)|])); }");

    [Fact]
    public Task Ignores_LayersThatFit() => Rule.Verify("class C { const long H = 64; Sequential M() => Sequential(Conv2d(1, 32, 3), ReLU(), Conv2d(32, 64, 3), MaxPool2d(2), Flatten(), Linear(9216, H), LayerNorm(H), Linear(H, 10)); }");

    [Fact]
    public Task Ignores_UnknownSizes() => Rule.Verify("class C { Sequential M(long h, Module<Tensor, Tensor> block) => Sequential(Linear(8, h), Linear(16, 4), Flatten(), Linear(5, 5), block, Linear(3, 3)); }");

    [Fact]
    public Task Ignores_BatchNormAfterLinear() => Rule.Verify("class C { Sequential M() => Sequential(Linear(8, 16), BatchNorm1d(20), Linear(16, 4)); }");
}
