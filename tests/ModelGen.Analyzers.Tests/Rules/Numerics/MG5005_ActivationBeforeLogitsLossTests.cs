using Rule = ModelGen.Analyzers.Tests.RuleVerifier<
    ModelGen.Analyzers.Rules.Numerics.MG5005_ActivationBeforeLogitsLoss,
    ModelGen.CodeFixes.Rules.Numerics.MG5005_ActivationBeforeLogitsLossFix>;

namespace ModelGen.Analyzers.Tests.Rules.Numerics;

public sealed class MG5005_ActivationBeforeLogitsLossTests
{
    [Fact]
    public Task Reports_SoftmaxInTheArgument() => Rule.Verify("""
        class C
        {
            Tensor A(Tensor x, Tensor y) => functional.cross_entropy([|torch.softmax(x, 1)|], y);
            Tensor B(Tensor x, Tensor y) => functional.cross_entropy([|x.log_softmax(1)|], y);
        }
        """);

    [Fact]
    public Task Reports_LossModuleAndActivationModule() => Rule.Verify("""
        class C
        {
            private readonly CrossEntropyLoss _loss = CrossEntropyLoss();
            private readonly Softmax _softmax = Softmax(1);
            Tensor M(Tensor x, Tensor y) => _loss.forward([|_softmax.forward(x)|], y);
        }
        """);

    [Fact]
    public Task Reports_LocalThatHoldsTheActivation() => Rule.Verify("""
        class C
        {
            Tensor M(Linear model, Tensor x, Tensor y)
            {
                var p = torch.sigmoid(model.forward(x));
                return functional.binary_cross_entropy_with_logits([|p|], y);
            }
        }
        """);

    private const string Nets = """
        sealed class Direct : Module<Tensor, Tensor>
        {
            private readonly Linear _fc = Linear(4, 3);
            public Direct() : base("direct") => RegisterComponents();
            public override Tensor forward(Tensor x) { x = x.reshape(-1, 4); x = _fc.forward(x); x = functional.softmax(x, 1); return x; }
        }

        sealed class Chain : Module<Tensor, Tensor>
        {
            private readonly Sequential _layers;
            public Chain() : base("chain") { var layers = new List<Module<Tensor, Tensor>>(); layers.Add(Linear(4, 1)); layers.Add(Sigmoid()); _layers = Sequential(layers.ToArray()); RegisterComponents(); }
            public override Tensor forward(Tensor x) { using var scope = torch.NewDisposeScope(); return _layers.call(x).squeeze(1).MoveToOuterDisposeScope(); }
        }

        class Outer : Module<Tensor, Tensor>
        {
            private readonly Direct _inner = new();
            public Outer() : base("outer") => RegisterComponents();
            public override Tensor forward(Tensor x) => _inner.call(x);
        }

        sealed class LogProbabilities : Module<Tensor, Tensor>
        {
            private readonly Linear _fc = Linear(4, 3);
            private readonly Module<Tensor, Tensor> _end = LogSoftmax(1);
            public LogProbabilities() : base("log") => RegisterComponents();
            public override Tensor forward(Tensor x) => _end.forward(_fc.forward(x));
        }

        class OnlyInEvaluation : Module<Tensor, Tensor>
        {
            private readonly Linear _fc = Linear(4, 3);
            public OnlyInEvaluation() : base("evaluation") => RegisterComponents();
            public override Tensor forward(Tensor x) { var scores = _fc.forward(x); if (training) { return scores; } return scores.softmax(1); }
        }

        class Base : Module<Tensor, Tensor>
        {
            public Base() : base("base") { }
            public override Tensor forward(Tensor x) => x.softmax(1);
        }

        sealed class Derived : Base { public override Tensor forward(Tensor x) => x; }

        """;

    [Fact]
    public Task Reports_AModelThatEndsWithSoftmax() => Rule.Verify(Nets + """
        class Trainer
        {
            private readonly CrossEntropyLoss _loss = CrossEntropyLoss();
            private readonly Outer _outer = new();

            static Tensor Direct(Direct model, Tensor x, Tensor y)
            {
                using var output = model.forward(x);
                return functional.cross_entropy([|output|], y);
            }

            Tensor Field(Tensor x, Tensor y)
            {
                Tensor output;
                output = _outer.call(x);
                return _loss.forward([|output|], y);
            }

            Tensor Log(LogProbabilities model, Tensor x, Tensor y)
            {
                Loss<Tensor, Tensor, Tensor> loss = CrossEntropyLoss();
                return loss.forward([|model.forward(x)|], y);
            }
        }
        """);

    [Fact]
    public Task Reports_ASequentialThatEndsWithSigmoid() => Rule.Verify(Nets + """
        class Trainer
        {
            private readonly Module<Tensor, Tensor> _model = Sequential(("fc", Linear(4, 1)), ("out", Sigmoid()));

            Tensor A(Chain model, Tensor x, Tensor y) => functional.binary_cross_entropy_with_logits([|model.forward(x)|], y);

            Tensor B(Tensor x, Tensor y) => functional.binary_cross_entropy_with_logits([|_model.forward(x)|], y);

            Tensor C(Tensor x, Tensor y)
            {
                var model = Sequential(Linear(4, 3), ReLU(), Linear(3, 3), Softmax(1));
                return functional.cross_entropy([|model.forward(x)|], y);
            }
        }
        """);

    [Fact]
    public Task Ignores_ModelsWhoseOutputFitsTheLoss() => Rule.Verify(Nets + """
        class Trainer
        {
            Tensor A(LogProbabilities model, Tensor x, Tensor y) => functional.nll_loss(model.forward(x), y);
            Tensor B(Chain model, Tensor x, Tensor y) => functional.binary_cross_entropy(model.forward(x), y);
            Tensor C(Chain model, Tensor x, Tensor y) => functional.cross_entropy(model.forward(x), y);
            Tensor D(Direct model, Tensor x, Tensor y) => functional.binary_cross_entropy_with_logits(model.forward(x), y);
        }
        """);

    [Fact]
    public Task Ignores_ModelsThatAreNotCertain() => Rule.Verify(Nets + """
        class Trainer
        {
            Tensor A(OnlyInEvaluation model, Tensor x, Tensor y) => functional.cross_entropy(model.forward(x), y);
            Tensor B(Base model, Tensor x, Tensor y) => functional.cross_entropy(model.forward(x), y);
            Tensor C(Module<Tensor, Tensor> model, Tensor x, Tensor y) => functional.cross_entropy(model.forward(x), y);

            Tensor D(Tensor x, Tensor y, bool raw)
            {
                var model = Sequential(Linear(4, 3), Softmax(1));
                model.append(Linear(3, 3));
                Module<Tensor, Tensor> other = new Direct();
                if (raw) { other = Linear(4, 3); }
                return functional.cross_entropy(model.forward(x), y) + functional.cross_entropy(other.forward(x), y);
            }

            Tensor E(Direct model, Tensor x, Tensor y)
            {
                var output = model.forward(x);
                output = output.log();
                return functional.cross_entropy(output, y);
            }
        }
        """);

    [Fact]
    public Task OffersNoFix_ForAModel() => Rule.VerifyNoFix(Nets + "class C { Tensor M(Direct model, Tensor x, Tensor y) => functional.cross_entropy([|model.forward(x)|], y); }");

    [Fact]
    public Task Ignores_RawScores() => Rule.Verify("""
        class C
        {
            Tensor A(Tensor x, Tensor y) => functional.cross_entropy(x, y);
            Tensor B(Tensor x, Tensor y) => functional.cross_entropy(x, torch.softmax(y, 1));
        }
        """);

    [Fact]
    public Task Ignores_LossesThatExpectTheActivation() => Rule.Verify("""
        class C
        {
            Tensor A(Tensor x, Tensor y) => functional.nll_loss(functional.log_softmax(x, 1), y);
            Tensor B(Tensor x, Tensor y) => functional.binary_cross_entropy(torch.sigmoid(x), y);
        }
        """);

    [Fact]
    public Task Ignores_LocalThatIsAssignedAgainAndOtherActivations() => Rule.Verify("""
        class C
        {
            Tensor A(Tensor x, Tensor y)
            {
                var p = torch.softmax(x, 1);
                p = x * 2;
                return functional.cross_entropy(p, y);
            }

            Tensor B(Tensor x, Tensor y) => functional.cross_entropy(torch.sigmoid(x), y);
        }
        """);

    [Fact]
    public Task Fixes_ByPassingTheScores() => Rule.VerifyFix(
        "class C { Tensor M(Tensor x, Tensor y) => functional.cross_entropy([|torch.softmax(x * 2, 1)|], y); }",
        "class C { Tensor M(Tensor x, Tensor y) => functional.cross_entropy(x * 2, y); }");

    [Fact]
    public Task FixesAll_MethodsFunctionsAndModules() => Rule.VerifyFix(
        """
        class C
        {
            private readonly BCEWithLogitsLoss _loss = BCEWithLogitsLoss();
            private readonly Sigmoid _sigmoid = Sigmoid();
            Tensor A(Tensor x, Tensor y) => functional.cross_entropy([|x.softmax(1)|], y);
            Tensor B(Tensor x, Tensor y) => _loss.call([|_sigmoid.call(x)|], y);
        }
        """,
        """
        class C
        {
            private readonly BCEWithLogitsLoss _loss = BCEWithLogitsLoss();
            private readonly Sigmoid _sigmoid = Sigmoid();
            Tensor A(Tensor x, Tensor y) => functional.cross_entropy(x, y);
            Tensor B(Tensor x, Tensor y) => _loss.call(x, y);
        }
        """);

    [Fact]
    public Task OffersNoFix_WhenTheActivationIsInALocal() => Rule.VerifyNoFix("""
        class C { Tensor M(Tensor x, Tensor y) { var p = x.softmax(1); return functional.cross_entropy([|p|], y); } }
        """);
}
