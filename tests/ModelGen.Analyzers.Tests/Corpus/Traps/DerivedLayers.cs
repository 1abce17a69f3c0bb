// A base constructor has registered when the derived one adds its layers; the second call does nothing.
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

var classifier = new Classifier(10);
classifier.eval();

internal abstract class Backbone : nn.Module<Tensor, Tensor>
{
    protected readonly Conv2d stem;

    protected Backbone(string name, long channels) : base(name)
    {
        this.stem = nn.Conv2d(3, channels, 3);
        this.RegisterComponents();
    }
}

internal sealed class Classifier : Backbone
{
    private readonly Linear _classes;
    private readonly Dropout _drop;

    public Classifier(int classes) : base("classifier", 8)
    {
        _drop = nn.Dropout(0.1); // MG4006
        this._classes = nn.Linear(8, classes); // MG4006
        this.RegisterComponents();
    }

    public override Tensor forward(Tensor x) => _classes.forward(_drop.forward(stem.forward(x).mean([2L, 3L])));
}

/// <summary>An expression body registers as well.</summary>
internal class Trunk : nn.Module<Tensor, Tensor>
{
    protected Linear body = nn.Linear(4, 4);

    protected Trunk() : base("trunk") => RegisterComponents();

    public override Tensor forward(Tensor x) => body.forward(x);
}

internal sealed class Branch : Trunk
{
    private readonly Linear _left;
    private readonly Linear _right;

    public Branch()
    {
        (_left, _right) = (nn.Linear(4, 2), nn.Linear(4, 2)); // MG4006 MG4006
    }

    public override Tensor forward(Tensor x) => _left.forward(x) + _right.forward(base.forward(x));
}

/// <summary>The base registers in a method of its own.</summary>
internal abstract class Encoder<TInput> : nn.Module<TInput, Tensor>
{
    protected readonly Embedding tokens;

    protected Encoder(int words) : base("encoder")
    {
        tokens = nn.Embedding(words, 16);
        Finish();
    }

    private void Finish()
    {
        RegisterComponents();
        this.train();
    }
}

internal sealed class Tagger : Encoder<Tensor>
{
    private readonly Linear tags;

    internal Tagger(int words, int tags)
        : base(words)
    {
        this.tags = nn.Linear(16, tags); // MG4006
    }

    public override Tensor forward(Tensor ids) => tags.call(tokens.call(ids));
}

/// <summary>A helper of the derived class makes the layers.</summary>
internal sealed class WithHelper : Trunk
{
    private Linear _head;
    private Parameter _scale;

    public WithHelper(int outputs)
    {
        Build(outputs);
        RegisterComponents();
    }

    private void Build(int outputs)
    {
        _head = nn.Linear(4, outputs); // MG4006
        _scale = nn.Parameter(torch.ones(outputs)); // MG4006
    }

    public override Tensor forward(Tensor x) => _head.forward(base.forward(x)) * _scale;
}

/// <summary>A property, made under a condition.</summary>
internal sealed class Optional : Trunk
{
    private Linear _extra;

    private Linear Extra { get => _extra; set => _extra = value; }

    public Optional(bool wide)
    {
        if (wide)
        {
            Extra = nn.Linear(4, 4); // MG4006
        }
    }

    public override Tensor forward(Tensor x) => Extra is null ? x : Extra.forward(x);
}

/// <summary>The layer that the base registered stays in the state_dict; the new one runs.</summary>
internal sealed class Swapped : Trunk
{
    public Swapped()
    {
        body = nn.Linear(4, 8); // MG4006
    }
}

/// <summary>Right: field initializers run before the base constructor.</summary>
internal sealed class Initialized : Trunk
{
    private readonly Linear _head = nn.Linear(4, 2);

    public override Tensor forward(Tensor x) => _head.forward(base.forward(x));
}

/// <summary>Right: registered by hand.</summary>
internal sealed class ByHand : Trunk
{
    private readonly Linear _head;

    public ByHand()
    {
        _head = nn.Linear(4, 2);
        register_module("head", _head);
    }

    public override Tensor forward(Tensor x) => _head.forward(base.forward(x));
}
