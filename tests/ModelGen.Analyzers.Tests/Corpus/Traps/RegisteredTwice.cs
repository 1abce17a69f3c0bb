// A layer in a field of its own and in a container: parameters() lists it once, the state_dict twice.
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

Console.WriteLine(new Twice().state_dict().Count);

internal sealed class Twice : Module<Tensor, Tensor>
{
    private readonly Linear _a;
    private readonly Linear _b;
    private readonly Sequential _all;

    public Twice() : base("twice")
    {
        this._a = Linear(2, 2);
        this._b = Linear(2, 2);
        this._all = nn.Sequential(
            this._a, // MG4009
            nn.ReLU(),
            this._b); // MG4009
        RegisterComponents();
    }

    public override Tensor forward(Tensor x) => _all.forward(x);
}

/// <summary>The same object by its local name.</summary>
internal sealed class ByLocal : Module<Tensor, Tensor>
{
    private readonly Linear _first;
    private readonly Module<Tensor, Tensor> _all;

    public ByLocal(int width) : base("local")
    {
        var first = Linear(width, width);
        _first = first;
        _all = Sequential(("first", first), ("relu", ReLU())); // MG4009
        RegisterComponents();
    }

    public override Tensor forward(Tensor x) => _first.forward(_all.forward(x));
}

/// <summary>Through a list, and with a type that does not tell which layer it is.</summary>
internal sealed class ByList : Module<Tensor, Tensor>
{
    private readonly Module<Tensor, Tensor> _first;
    private readonly Sequential _all;

    public ByList(int width) : base("list")
    {
        _first = Linear(width, width);
        var layers = new List<Module<Tensor, Tensor>> { _first, ReLU() }; // MG4009
        _all = Sequential(layers);
        RegisterComponents();
    }

    public override Tensor forward(Tensor x) => _all.forward(x);
}

/// <summary>Containers that are filled afterwards.</summary>
internal sealed class Filled : Module<Tensor, Tensor>
{
    private readonly Conv2d _stem = Conv2d(3, 8, 3);
    private readonly Linear _head = Linear(8, 2);
    private readonly ModuleList<Module<Tensor, Tensor>> _list = new();
    private readonly Sequential _chain = Sequential();
    private readonly ModuleDict<Linear> _named = new();

    public Filled() : base("filled")
    {
        _list.Add(_stem); // MG4009
        _chain.append("head", _head); // MG4009
        _named.Add("head", _head); // MG4009
        RegisterComponents();
    }

    public override Tensor forward(Tensor x) => _chain.forward(_list[0].forward(x));
}

/// <summary>Properties, and an assignment in the argument.</summary>
internal sealed class Inline : Module<Tensor, Tensor>
{
    [field: TorchSharp.Utils.ComponentName(Name = "gate")]
    private Linear Gate { get; }

    private readonly Linear _out;
    private readonly Sequential _all;
    private readonly Sequential _gates;

    public Inline() : base("inline")
    {
        Gate = Linear(2, 2);
        _all = Sequential(_out = Linear(2, 2), Tanh()); // MG4009
        _gates = Sequential(Gate, Sigmoid()); // MG4009
        RegisterComponents();
    }

    public override Tensor forward(Tensor x) => _all.forward(x) * _gates.forward(x) + Gate.forward(x) + _out.forward(x);
}

internal sealed class Generic<T> : Module<Tensor, Tensor>
    where T : Module<Tensor, Tensor>, new()
{
    private readonly Cell _cell = new();
    private readonly T _inner = new();
    private readonly Sequential _all;

    public Generic() : base("generic")
    {
        var all = Sequential(_cell, _inner); // MG4009
        _all = all;
        RegisterComponents();
    }

    public override Tensor forward(Tensor x) => _all.forward(x);
}

internal sealed class Cell : Module<Tensor, Tensor>
{
    private readonly Linear _fc = Linear(2, 2);

    public Cell() : base("cell") => RegisterComponents();

    public override Tensor forward(Tensor x) => _fc.forward(x);
}

/// <summary>Right: in one place only; activations have nothing to save.</summary>
internal sealed class Once : Module<Tensor, Tensor>
{
    private readonly ReLU _relu = ReLU();
    private readonly Sequential _all;
    private readonly Sequential _other;

    public Once() : base("once")
    {
        var fc = Linear(2, 2);
        _all = Sequential(fc, _relu);
        _other = Sequential(Linear(2, 2), _relu);
        RegisterComponents();
    }

    public override Tensor forward(Tensor x) => _other.forward(_all.forward(x));
}
