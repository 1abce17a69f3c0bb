using Rule = ModelGen.Analyzers.Tests.RuleVerifier<
    ModelGen.Analyzers.Rules.Modules.MG4001_ComponentsNotRegistered,
    ModelGen.CodeFixes.Rules.Modules.MG4001_ComponentsNotRegisteredFix>;

namespace ModelGen.Analyzers.Tests.Rules.Modules;

public sealed class MG4001_ComponentsNotRegisteredTests
{
    private const string Net = """
        sealed class Net : Module<Tensor, Tensor>
        {
            private readonly Linear _fc;
            public Net() : base("net") { _fc = Linear(2, 2); }
            public override Tensor forward(Tensor x) => _fc.forward(x);
        }

        """;

    [Fact]
    public Task Reports_ParametersOfARoot() => Rule.Verify(Net + """
        class C { void M() { var net = new Net(); torch.optim.Adam([|net|].parameters()); } }
        """);

    [Fact]
    public Task Reports_MoveSaveAndTrainOnceForEachRoot() => Rule.Verify(Net + """
        class C
        {
            void M(Device device)
            {
                var net = new Net().to(device);
                var other = new Net();
                [|other|].save("net.dat");
                other.train();
            }
        }
        """.Replace("new Net().to", "[|new Net()|].to"));

    [Fact]
    public Task Reports_ElementOfSequential() => Rule.Verify(Net + """
        class C
        {
            Module<Tensor, Tensor> A() => Sequential(("first", [|new Net()|]), ("relu", ReLU()));
            Module<Tensor, Tensor> B() => Sequential(ReLU(), [|new Net()|]);
        }
        """);

    [Fact]
    public Task Reports_AutoPropertyAndParameterFields() => Rule.Verify("""
        class P : Module<Tensor, Tensor>
        {
            private readonly Parameter _w = Parameter(torch.zeros(2));
            public P() : base("p") { }
            public override Tensor forward(Tensor x) => x * _w;
        }

        class Q : Module<Tensor, Tensor>
        {
            private Linear Fc { get; } = Linear(2, 2);
            public Q() : base("q") { }
            public override Tensor forward(Tensor x) => Fc.forward(x);
        }

        class C { void M() { [|new P()|].state_dict(); [|new Q()|].parameters(); } }
        """);

    [Fact]
    public Task Ignores_ClassOrBaseThatRegisters() => Rule.Verify("""
        class Base : Module<Tensor, Tensor>
        {
            protected Base() : base("base") { Setup(); }
            private void Setup() => RegisterComponents();
            public override Tensor forward(Tensor x) => x;
        }

        class Derived : Base { private readonly Linear _fc = Linear(2, 2); }

        class ByHand : Module<Tensor, Tensor>
        {
            private readonly Linear _fc = Linear(2, 2);
            public ByHand() : base("hand") { register_module("fc", _fc); }
            public override Tensor forward(Tensor x) => _fc.forward(x);
        }

        class C { void M() { new Derived().parameters(); new ByHand().parameters(); } }
        """);

    [Fact]
    public Task Ignores_FieldOfARegisteredParent() => Rule.Verify(Net + """
        sealed class Parent : Module<Tensor, Tensor>
        {
            private readonly Net _child = new();
            public Parent() : base("parent") { RegisterComponents(); }
            public long Count() => _child.parameters().Count();
            public override Tensor forward(Tensor x) => _child.forward(x);
        }

        class C { void M() { new Parent().parameters(); } }
        """);

    [Fact]
    public Task Ignores_LocalThatMayBecomeAChild() => Rule.Verify(Net + """
        sealed class Parent : Module<Tensor, Tensor>
        {
            private readonly Net _child;
            public Parent(Net child) : base("parent") { _child = child.to(ScalarType.Float64); RegisterComponents(); }
            public override Tensor forward(Tensor x) => _child.forward(x);
        }

        class C
        {
            void M() { var net = new Net(); var parent = new Parent(net); net.parameters(); }
            void N(Net net) { net.parameters(); }
            Net Make() { var net = new Net(); net.train(); return net; }
        }
        """);

    [Fact]
    public Task Ignores_ClassThatOnlyWrapsAnActivation() => Rule.Verify("""
        class Bend : Module<Tensor, Tensor>
        {
            private readonly Module<Tensor, Tensor> _curve;

            public Bend(string name) : base(name)
            {
                _curve = name switch
                {
                    "smooth" => GELU(),
                    "none" => Identity(),
                    _ => ReLU(),
                };
            }

            public override Tensor forward(Tensor x) => _curve.forward(x);
        }

        class C { void M() { Sequential(("fc", Linear(2, 2)), ("bend", new Bend("smooth"))); } }
        """);

    [Fact]
    public Task Reports_ClassWithAnActivationAndALayer() => Rule.Verify("""
        class Bend : Module<Tensor, Tensor>
        {
            private readonly Module<Tensor, Tensor> _curve = ReLU();
            private readonly Module<Tensor, Tensor> _drop;

            public Bend() : base("bend") { _drop = Dropout(0.1); }

            public override Tensor forward(Tensor x) => _drop.forward(_curve.forward(x));
        }

        class C { void M() { Sequential(Linear(2, 2), [|new Bend()|]); } }
        """);

    [Fact]
    public Task Ignores_ClassWithoutComponents() => Rule.Verify("""
        class Twice : Module<Tensor, Tensor>
        {
            private static readonly Linear s_shared = Linear(2, 2);
            public Twice() : base("twice") { }
            public override Tensor forward(Tensor x) => x * 2;
        }

        class C { void M() { new Twice().eval(); Sequential(new Twice()); } }
        """);

    [Fact]
    public Task Ignores_RunningARootWithoutAskingForItsParts() => Rule.Verify(Net + """
        class C { Tensor M(Tensor x) { var net = new Net(); return net.forward(x); } }
        """);

    [Fact]
    public Task Fixes_Constructor() => Rule.VerifyFix(
        """
        class Net : Module<Tensor, Tensor>
        {
            private readonly Linear _fc;

            public Net() : base("net")
            {
                _fc = Linear(2, 2);
            }

            public override Tensor forward(Tensor x) => _fc.forward(x);
        }

        class C { void M() { [|new Net()|].parameters(); } }
        """,
        """
        class Net : Module<Tensor, Tensor>
        {
            private readonly Linear _fc;

            public Net() : base("net")
            {
                _fc = Linear(2, 2);
                RegisterComponents();
            }

            public override Tensor forward(Tensor x) => _fc.forward(x);
        }

        class C { void M() { new Net().parameters(); } }
        """);

    [Fact]
    public Task FixesAll_ClassesUsedSeveralTimes() => Rule.VerifyFix(
        """
        class Net : Module<Tensor, Tensor>
        {
            private readonly Linear _fc;

            public Net() : this(2)
            {
            }

            public Net(int n) : base("net")
            {
                _fc = Linear(n, 2);
            }

            public override Tensor forward(Tensor x) => _fc.forward(x);
        }

        class C { void M() { [|new Net()|].parameters(); [|new Net(3)|].eval(); } }
        """,
        """
        class Net : Module<Tensor, Tensor>
        {
            private readonly Linear _fc;

            public Net() : this(2)
            {
            }

            public Net(int n) : base("net")
            {
                _fc = Linear(n, 2);
                RegisterComponents();
            }

            public override Tensor forward(Tensor x) => _fc.forward(x);
        }

        class C { void M() { new Net().parameters(); new Net(3).eval(); } }
        """);

    [Fact]
    public Task OffersNoFix_WhenOtherClassesDerive() => Rule.VerifyNoFix("""
        class Net : Module<Tensor, Tensor>
        {
            private readonly Linear _fc = Linear(2, 2);
            public Net() : base("net") { }
            public override Tensor forward(Tensor x) => _fc.forward(x);
        }

        class Wider : Net { private readonly Linear _more = Linear(2, 2); public Wider() { RegisterComponents(); } }

        class C { void M() { [|new Net()|].parameters(); } }
        """);
}
