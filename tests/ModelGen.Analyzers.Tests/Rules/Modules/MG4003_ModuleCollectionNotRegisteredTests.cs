using Rule = ModelGen.Analyzers.Tests.RuleVerifier<
    ModelGen.Analyzers.Rules.Modules.MG4003_ModuleCollectionNotRegistered,
    ModelGen.CodeFixes.Rules.Modules.MG4003_ModuleCollectionNotRegisteredFix>;

namespace ModelGen.Analyzers.Tests.Rules.Modules;

public sealed class MG4003_ModuleCollectionNotRegisteredTests
{
    /// <summary>A module class with the given members.</summary>
    private static string Net(string members) => $$"""
        class Net : Module<Tensor, Tensor>
        {
            {{members.ReplaceLineEndings("\n").Replace("\n", "\n    ")}}

            public override Tensor forward(Tensor x) => x;
        }
        """;

    [Fact]
    public Task Reports_ListFilledInTheConstructor() => Rule.Verify(Net("""
        private readonly List<Linear> [|_layers|] = new();
        public Net(int n) : base("net")
        {
            for (int i = 0; i < n; i++) { _layers.Add(Linear(2, 2)); }
            RegisterComponents();
        }
        """));

    [Fact]
    public Task Reports_ArrayFromAnInitializer() => Rule.Verify(Net("""
        private readonly Module<Tensor, Tensor>[] [|_layers|] = { Linear(2, 2), ReLU() };
        private readonly Linear[] [|_more|];
        public Net() : base("net")
        {
            _more = Enumerable.Range(0, 3).Select(i => Linear(2, 2)).ToArray();
            RegisterComponents();
        }
        private Tensor Run(Tensor x) { foreach (var layer in _layers) { x = layer.forward(x); } return _more[0].forward(x); }
        """));

    [Fact]
    public Task Reports_DictionaryAndProperty() => Rule.Verify(Net("""
        private readonly Dictionary<string, Linear> [|_heads|] = new();
        public List<Linear> [|Layers|] { get; } = [Linear(2, 2)];
        public Net() : base("net")
        {
            var head = Linear(2, 2);
            _heads["a"] = head;
            RegisterComponents();
        }
        """));

    [Fact]
    public Task Reports_CollectionsOfParameters() => Rule.Verify(Net("""
        private readonly List<Parameter> [|_scales|] = new();
        private readonly Dictionary<string, Parameter> [|_shifts|] = new();
        private readonly Parameter[] [|_mixes|] = { Parameter(torch.ones(2)), Parameter(torch.ones(2)) };
        public Net() : base("net")
        {
            for (int i = 0; i < 2; i++) { _scales.Add(Parameter(torch.ones(2))); }
            _shifts["a"] = new Parameter(torch.zeros(2));
            init.normal_(_scales[0]);
            RegisterComponents();
        }
        private Tensor Run(Tensor x) => torch.maximum(x * _scales[0], _mixes[1]) + _shifts["a"];
        """));

    [Fact]
    public Task Reports_TuplesOfLayers() => Rule.Verify(Net("""
        private readonly (Linear Fc, LayerNorm Norm) [|_first|] = (Linear(2, 2), LayerNorm(2));
        private readonly List<(Linear Fc, LayerNorm Norm)> [|_blocks|] = new();
        public Net() : base("net")
        {
            _blocks.Add((Linear(2, 2), LayerNorm(2)));
            RegisterComponents();
        }
        private Tensor Run(Tensor x)
        {
            foreach (var (fc, norm) in _blocks) { x = norm.forward(fc.forward(x)); }
            return _first.Norm.forward(_first.Fc.forward(x)) + _blocks[0].Fc.forward(x);
        }
        """));

    [Fact]
    public Task Ignores_ParametersAndTuplesThatGoElsewhere() => Rule.Verify(Net("""
        private readonly List<Parameter> _scales = new();
        private readonly ParameterList _registered;
        private readonly List<Parameter> _trained = new() { Parameter(torch.ones(2)) };
        private readonly (Linear Fc, LayerNorm Norm) _pair;
        private readonly Linear _fc = Linear(2, 2);
        private readonly (Linear Fc, ReLU Curve) _other = (Linear(2, 2), ReLU());
        private readonly Sequential _all;
        public Net() : base("net")
        {
            _scales.Add(Parameter(torch.ones(2)));
            _registered = ParameterList(_scales.ToArray());
            _pair = (_fc, null);
            _all = Sequential(_other.Fc, _other.Curve);
            RegisterComponents();
        }
        private torch.optim.Optimizer Own() => torch.optim.SGD(_trained, 0.1);
        """));

    [Fact]
    public Task Ignores_ModuleListAndModuleDict() => Rule.Verify(Net("""
        private readonly ModuleList<Linear> _layers = new(Linear(2, 2));
        private readonly ModuleDict<Linear> _heads = new();
        public Net() : base("net") { RegisterComponents(); }
        """));

    [Fact]
    public Task Ignores_ElementsRegisteredByHand() => Rule.Verify(Net("""
        private readonly List<Linear> _layers = new();
        public Net() : base("net")
        {
            for (int i = 0; i < 3; i++)
            {
                var layer = Linear(2, 2);
                _layers.Add(layer);
                register_module($"layer{i}", layer);
            }
        }
        """));

    [Fact]
    public Task Ignores_CollectionsPassedToAContainer() => Rule.Verify(Net("""
        private readonly List<Module<Tensor, Tensor>> _a = new() { Linear(2, 2) };
        private readonly Module<Tensor, Tensor>[] _b = { Linear(2, 2) };
        private readonly List<Linear> _c = new() { Linear(2, 2) };
        private readonly Sequential _all;
        private readonly Sequential _other;
        private readonly ModuleList<Linear> _list = new();
        public Net() : base("net")
        {
            _all = Sequential(_a);
            _other = Sequential(_b.Select((layer, i) => ($"l{i}", layer)));
            foreach (var layer in _c) { _list.Add(layer); }
            RegisterComponents();
        }
        """));

    [Fact]
    public Task Ignores_ElementsThatAreFieldsThemselves() => Rule.Verify(Net("""
        private readonly Linear _fc1 = Linear(2, 2), _fc2 = Linear(2, 2);
        private readonly Linear[] _all;
        public Net() : base("net") { _all = new[] { _fc1, _fc2 }; RegisterComponents(); }
        """));

    [Fact]
    public Task Ignores_ModulesFromOutside() => Rule.Verify(Net("""
        private readonly List<Linear> _teachers;
        private readonly List<Linear> _copies = new();
        public Net(List<Linear> teachers) : base("net") { _teachers = teachers; _copies.AddRange(teachers); RegisterComponents(); }
        """));

    [Fact]
    public Task Ignores_CollectionHandedToOtherCode() => Rule.Verify("""
        static class Registrar { public static void All(Module parent, IEnumerable<Module> modules) { } }

        class Trainer { private readonly List<Linear> _models = new() { Linear(2, 2) }; }

        """ + Net("""
        private readonly List<Linear> _layers = new() { Linear(2, 2) };
        private static readonly List<Linear> s_shared = new() { Linear(2, 2) };
        public Net() : base("net") { Registrar.All(this, _layers); RegisterComponents(); }
        """));

    [Fact]
    public Task Ignores_ClassThatListsItsParametersItself() => Rule.Verify(Net("""
        private readonly List<Linear> _layers = new() { Linear(2, 2) };
        public Net() : base("net") { RegisterComponents(); }
        public override IEnumerable<Parameter> parameters(bool recurse = true) => _layers.SelectMany(layer => layer.parameters());
        """));

    [Fact]
    public Task Fixes_List() => Rule.VerifyFix(
        Net("""
        private readonly List<Linear> [|_layers|] = new List<Linear>();
        public Net() : base("net")
        {
            _layers.Add(Linear(2, 2));
            RegisterComponents();
        }
        private Tensor Run(Tensor x)
        {
            foreach (var layer in _layers) { x = layer.forward(x); }
            return _layers[_layers.Count - 1].forward(x);
        }
        """),
        Net("""
        private readonly ModuleList<Linear> _layers = new ModuleList<Linear>();
        public Net() : base("net")
        {
            _layers.Add(Linear(2, 2));
            RegisterComponents();
        }
        private Tensor Run(Tensor x)
        {
            foreach (var layer in _layers) { x = layer.forward(x); }
            return _layers[_layers.Count - 1].forward(x);
        }
        """));

    [Fact]
    public Task FixesAll_ListAndDictionary() => Rule.VerifyFix(
        Net("""
        private readonly List<Linear> [|_layers|];
        private readonly Dictionary<string, Linear> [|_heads|] = new();
        public Net() : base("net")
        {
            _layers = new() { Linear(2, 2) };
            _heads.Add("a", Linear(2, 2));
            RegisterComponents();
        }
        """),
        Net("""
        private readonly ModuleList<Linear> _layers;
        private readonly ModuleDict<Linear> _heads = new();
        public Net() : base("net")
        {
            _layers = new() { Linear(2, 2) };
            _heads.Add("a", Linear(2, 2));
            RegisterComponents();
        }
        """));

    [Fact]
    public Task OffersNoFix_ForTuplesAndParameters() => Rule.VerifyNoFix(Net("""
        private readonly List<Parameter> [|_scales|] = new() { Parameter(torch.ones(2)) };
        private readonly List<(Linear Fc, LayerNorm Norm)> [|_blocks|] = new() { (Linear(2, 2), LayerNorm(2)) };
        private (Linear Fc, LayerNorm Norm) [|_first|] = (Linear(2, 2), LayerNorm(2));
        public Net() : base("net") { RegisterComponents(); }
        """));

    [Fact]
    public Task OffersNoFix_WhenAUseHasNoCounterpart() => Rule.VerifyNoFix(Net("""
        private readonly List<Linear> [|_layers|] = new();
        private readonly Linear[] [|_array|] = { Linear(2, 2) };
        public Net() : base("net")
        {
            _layers.AddRange(new[] { Linear(2, 2) });
            RegisterComponents();
        }
        """));
}
