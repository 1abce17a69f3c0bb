using Rule = ModelGen.Analyzers.Tests.RuleVerifier<
    ModelGen.Analyzers.Rules.Performance.MG2024_LayerMadeInForward,
    Microsoft.CodeAnalysis.Testing.EmptyCodeFixProvider>;

namespace ModelGen.Analyzers.Tests.Rules.Performance;

public sealed class MG2024_LayerMadeInForwardTests
{
    /// <summary>A module class with the given forward body.</summary>
    private static string Net(string body) => $$"""
        class Head : Module<Tensor, Tensor>
        {
            private readonly Linear _fc = Linear(2, 2);
            public Head() : base("head") { RegisterComponents(); }
            public override Tensor forward(Tensor x) => _fc.forward(x);
        }

        class Net : Module<Tensor, Tensor>
        {
            private Linear _lazy;
            public Net() : base("net") { }
            public override Tensor forward(Tensor x)
            {
                {{body.ReplaceLineEndings("\n").Replace("\n", "\n        ")}}
            }
        }
        """;

    [Fact]
    public Task Reports_LayerThatIsCalledOnTheSpot() => Rule.Verify(Net("return [|Linear(2, 2)|].forward(x);"));

    [Fact]
    public Task Reports_LayerInALocal() => Rule.Verify(Net("""
        var conv = [|torch.nn.Conv2d(1, 2, 3)|];
        using var norm = [|BatchNorm2d(2)|];
        return norm.forward(conv.forward(x));
        """));

    [Fact]
    public Task Reports_UsersOwnModule() => Rule.Verify(Net("return [|new Head()|].forward(x);"));

    [Fact]
    public Task Ignores_LayersWithoutWeights() => Rule.Verify(Net("return ReLU().forward(Dropout().forward(MaxPool2d(2).forward(Flatten().forward(x))));"));

    [Fact]
    public Task Ignores_LazyInitialization() => Rule.Verify(Net("""
        _lazy ??= Linear(2, 2);
        if (_lazy is null) { _lazy = Linear(2, 2); }
        var layer = Linear(2, 2);
        _lazy = layer;
        return _lazy.forward(x);
        """));

    [Fact]
    public Task Ignores_LayersThatAreRegisteredOrGivenWeights() => Rule.Verify(Net("""
        var late = Linear(2, 2);
        register_module("late", late);
        var copied = Linear(2, 2);
        copied.weight = _lazy.weight;
        return late.forward(copied.forward(x));
        """));

    [Fact]
    public Task Ignores_LossesAndOtherMethods() => Rule.Verify("""
        class C
        {
            Tensor forward(Tensor x) => Linear(2, 2).forward(x);
        }

        class L : Module<Tensor, Tensor, Tensor>
        {
            private readonly Linear _fc;
            public L() : base("loss") { _fc = Linear(2, 2); RegisterComponents(); }
            public override Tensor forward(Tensor x, Tensor y) => MSELoss().forward(x, y);
        }
        """);
}
