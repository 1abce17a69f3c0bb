// A field that is null when RegisterComponents() runs is never registered.
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

var early = new Early(8) { Tail = nn.Linear(8, 2) }; // MG4007
early.extra = nn.Linear(2, 2); // MG4007
early.Grow();

internal class Early : nn.Module<Tensor, Tensor>
{
    private readonly Linear _head;
    private Linear _late;
    public Linear extra;
    private Linear _tail;

    public Linear Tail
    {
        get => _tail;
        init => _tail = value;
    }

    public Early(long width) : base(nameof(Early))
    {
        RegisterComponents();
        this._head = nn.Linear(width, width); // MG4002
    }

    public void Grow() => _late = nn.Linear(2, 2); // MG4007

    public override Tensor forward(Tensor x) => _late.forward(_head.forward(x));
}

/// <summary>Made when the first batch shows the width.</summary>
internal sealed class Lazy : nn.Module<Tensor, Tensor>
{
    private Linear _fc;
    private LayerNorm _norm;

    public Lazy() : base("lazy") => RegisterComponents();

    public override Tensor forward(Tensor x)
    {
        if (_fc is null)
        {
            _fc = nn.Linear(x.size(1), 4); // MG4007
        }

        _norm = _norm ?? nn.LayerNorm(4); // MG4007
        return _norm.forward(_fc.forward(x));
    }
}

/// <summary>A helper makes the layers, after the call.</summary>
internal sealed class Helper : nn.Module<Tensor, Tensor>
{
    private Linear _a;
    private Linear _b;

    public Helper() : base("helper")
    {
        _a = nn.Linear(2, 2);
        RegisterComponents();
        Build(3); // MG4002
    }

    private void Build(int width)
    {
        _b = nn.Linear(width, width);
    }

    public override Tensor forward(Tensor x) => _b.forward(_a.forward(x));
}

/// <summary>The other constructor has registered already.</summary>
internal sealed class Chained : nn.Module<Tensor, Tensor>
{
    private readonly Linear _fc;
    private readonly Parameter _bias;

    private Chained() : base("chained")
    {
        RegisterComponents();
    }

    public Chained(int width) : this()
    {
        _fc = nn.Linear(width, width); // MG4002
        _bias = new Parameter(torch.zeros(width)); // MG4002
    }

    public override Tensor forward(Tensor x) => _fc.forward(x) + _bias;
}

internal sealed class Generic<T> : nn.Module<Tensor, Tensor>
    where T : nn.Module<Tensor, Tensor>, new()
{
    private readonly T _inner;
    private readonly Linear _left, _right;

    public Generic() : base("generic")
    {
        Init();
        _inner = new T(); // MG4002
        (_left, _right) = (nn.Linear(1, 1), nn.Linear(1, 1)); // MG4002 MG4002
    }

    private void Init() => RegisterComponents();

    public override Tensor forward(Tensor x) => _inner.forward(_left.forward(_right.forward(x)));
}

internal sealed class Asynchronous : nn.Module<Tensor, Tensor>
{
    private Embedding _words;

    public Asynchronous() : base("async")
    {
        RegisterComponents();
    }

    public async Task LoadAsync(string path)
    {
        string[] lines = await System.IO.File.ReadAllLinesAsync(path);
        _words = nn.Embedding(lines.Length, 8); // MG4007
    }

    public override Tensor forward(Tensor x) => _words.forward(x);
}

/// <summary>Right: helpers run before the call, and what is not new stays what it is.</summary>
internal sealed class Right : nn.Module<Tensor, Tensor>
{
    private Linear _fc;

    public Right(Device device) : base("right")
    {
        Build();
        RegisterComponents();
        Freeze();
        _fc = _fc.to(device);
    }

    private void Build() => _fc = nn.Linear(2, 2);

    private void Freeze() => _fc.weight.requires_grad = false;

    public override Tensor forward(Tensor x) => _fc.forward(x);
}
