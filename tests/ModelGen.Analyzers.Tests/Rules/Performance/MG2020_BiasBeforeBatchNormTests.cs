using Rule = ModelGen.Analyzers.Tests.RuleVerifier<
    ModelGen.Analyzers.Rules.Performance.MG2020_BiasBeforeBatchNorm,
    ModelGen.CodeFixes.Rules.Performance.MG2020_BiasBeforeBatchNormFix>;

namespace ModelGen.Analyzers.Tests.Rules.Performance;

public sealed class MG2020_BiasBeforeBatchNormTests
{
    [Fact]
    public Task Reports_Arguments() => Rule.Verify("""
        class C { object M() => Sequential([|Conv2d(3, 8, 3)|], BatchNorm2d(8), ReLU(), [|Linear(8, 4)|], BatchNorm1d(4)); }
        """);

    [Fact]
    public Task Reports_NamedLayers() => Rule.Verify("""
        class C { object M() => Sequential(("conv", [|Conv1d(3, 8, 3, padding: 1)|]), ("norm", BatchNorm1d(8))); }
        """);

    [Fact]
    public Task Reports_List() => Rule.Verify("""
        class C
        {
            void M()
            {
                var layers = new List<(string, Module<Tensor, Tensor>)>();
                for (int i = 0; i < 4; i++)
                {
                    layers.Add(($"conv{i}", [|ConvTranspose2d(3, 8, 3)|]));
                    layers.Add(($"norm{i}", BatchNorm2d(8)));
                }
            }
        }
        """);

    [Fact]
    public Task Ignores_BiasMentioned() => Rule.Verify("""
        class C { object M() => Sequential(Conv2d(3, 8, 3, bias: false), BatchNorm2d(8), Linear(8, 4, hasBias: true), BatchNorm1d(4)); }
        """);

    [Fact]
    public Task Ignores_SomethingBetween() => Rule.Verify("""
        class C { object M() => Sequential(Conv2d(3, 8, 3), ReLU(), BatchNorm2d(8), Conv2d(8, 8, 3)); }
        """);

    [Fact]
    public Task Ignores_OtherListsAndNorms() => Rule.Verify("""
        class C
        {
            void M(List<Module<Tensor, Tensor>> a, List<Module<Tensor, Tensor>> b)
            {
                a.Add(Conv2d(3, 8, 3));
                b.Add(BatchNorm2d(8));
                a.Add(Conv2d(3, 8, 3));
                a.Add(GroupNorm(2, 8));
            }
        }
        """);

    [Fact]
    public Task Fixes_WithoutBias() => Rule.VerifyFix(
        """
        class C { object M() => Sequential([|Conv2d(3, 8, 3)|], BatchNorm2d(8)); }
        """,
        """
        class C { object M() => Sequential(Conv2d(3, 8, 3, bias: false), BatchNorm2d(8)); }
        """);

    [Fact]
    public Task FixesAll_ConvolutionAndLinear() => Rule.VerifyFix(
        """
        class C { object M() => Sequential(("a", [|Conv2d(3, 8, 3, padding: 1)|]), ("b", BatchNorm2d(8)), ("c", [|Linear(8, 4)|]), ("d", BatchNorm1d(4))); }
        """,
        """
        class C { object M() => Sequential(("a", Conv2d(3, 8, 3, padding: 1, bias: false)), ("b", BatchNorm2d(8)), ("c", Linear(8, 4, hasBias: false)), ("d", BatchNorm1d(4))); }
        """);

    [Fact]
    public Task Reports_FieldsThatForwardRunsOneAfterTheOther() => Rule.Verify("""
        class Block : Module<Tensor, Tensor>
        {
            private readonly Module<Tensor, Tensor> _conv;
            private readonly Module<Tensor, Tensor> _norm;
            private readonly Linear _linear = [|Linear(8, 8)|];
            private readonly BatchNorm1d _scale = BatchNorm1d(8);

            public Block() : base("block")
            {
                _conv = [|nn.Conv2d(8, 8, 3, padding: 1)|];
                _norm = nn.BatchNorm2d(8);
                RegisterComponents();
            }

            public override Tensor forward(Tensor x)
            {
                x = functional.relu(_norm.forward(_conv.forward(x)));
                var y = _linear.call(x.flatten(1));
                return _scale.call(y);
            }
        }
        """);

    [Fact]
    public Task Ignores_FieldsWhoseResultOrLayerIsUsedElsewhere() => Rule.Verify("""
        class Skip : Module<Tensor, Tensor>
        {
            private readonly Conv2d _conv = Conv2d(8, 8, 3, padding: 1);
            private readonly BatchNorm2d _norm = BatchNorm2d(8);
            private readonly Conv2d _shared = Conv2d(8, 8, 3, padding: 1);
            private readonly BatchNorm2d _second = BatchNorm2d(8);
            private readonly Conv2d _bare = Conv2d(8, 8, 3, bias: false);
            private readonly BatchNorm2d _third = BatchNorm2d(8);
            private readonly Module<Tensor, Tensor> _given;
            private readonly BatchNorm2d _fourth = BatchNorm2d(8);
            private readonly Conv2d _before = Conv2d(8, 8, 3, padding: 1);
            private readonly LayerNorm _other = LayerNorm(8);

            public Skip(Module<Tensor, Tensor> given) : base("skip")
            {
                _given = given;
                RegisterComponents();
            }

            public override Tensor forward(Tensor x)
            {
                var y = _conv.forward(x);
                var z = _norm.forward(y) + y;
                z = _second.forward(_shared.forward(z)) + _shared.forward(x);
                z = _fourth.forward(_given.forward(_third.forward(_bare.forward(z))));
                return _other.forward(_before.forward(z));
            }
        }
        """);

    [Fact]
    public Task Fixes_AFieldThatForwardNormalizes() => Rule.VerifyFix(
        """
        class Block : Module<Tensor, Tensor>
        {
            private readonly Conv2d _conv = [|Conv2d(8, 8, 3)|];
            private readonly BatchNorm2d _norm = BatchNorm2d(8);

            public Block() : base("block") => RegisterComponents();

            public override Tensor forward(Tensor x) => _norm.forward(_conv.forward(x));
        }
        """,
        """
        class Block : Module<Tensor, Tensor>
        {
            private readonly Conv2d _conv = Conv2d(8, 8, 3, bias: false);
            private readonly BatchNorm2d _norm = BatchNorm2d(8);

            public Block() : base("block") => RegisterComponents();

            public override Tensor forward(Tensor x) => _norm.forward(_conv.forward(x));
        }
        """);
}
