// Sequential does not register the components of its elements.
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

var block = new Block(4);
var net = Sequential(block, ReLU(), Linear(4, 2)); // MG4001
net.train();

internal sealed class Block : Module<Tensor, Tensor>
{
    private readonly Linear _fc;
    private readonly LayerNorm _norm;

    public Block(long width) : base("block")
    {
        _fc = Linear(width, width);
        _norm = LayerNorm(width);
    }

    public override Tensor forward(Tensor x) => _norm.forward(x + _fc.forward(x));
}

internal sealed class Good : Module<Tensor, Tensor>
{
    private readonly Linear _fc = Linear(2, 2);

    public Good() : base("good") => RegisterComponents();

    public override Tensor forward(Tensor x) => _fc.forward(x);
}

internal sealed class Model : Module<Tensor, Tensor>
{
    private readonly Sequential _inline;
    private readonly Module<Tensor, Tensor> _named;
    private readonly Sequential _field = Sequential(("b", new Block(3)), ("r", ReLU())); // MG4001

    public Model(int depth) : base("model")
    {
        _inline = Sequential(Linear(4, 4), new Block(4)); // MG4001
        _named = Sequential(
            ("in", (Module<Tensor, Tensor>)new Block(4)), // MG4001
            ("good", new Good()));
        RegisterComponents();
    }

    public override Tensor forward(Tensor x) => _named.forward(_inline.forward(_field.forward(x)));
}

internal static class Build
{
    /// <summary>A list that is filled in a loop.</summary>
    public static Sequential FromList(int depth)
    {
        var layers = new List<Module<Tensor, Tensor>>();
        for (int i = 0; i < depth; i++)
        {
            layers.Add(new Block(4)); // MG4001
        }

        layers.Add(new Good());
        return Sequential(layers);
    }

    public static Sequential FromNames(int depth)
    {
        List<(string, Module<Tensor, Tensor>)> layers = [("first", Linear(4, 4))];
        layers.Add(("second", new Block(4))); // MG4001
        return nn.Sequential(layers.ToArray());
    }

    public static Sequential FromQuery(int depth) =>
        Sequential(Enumerable.Range(0, depth).Select(i => ($"b{i}", (Module<Tensor, Tensor>)new Block(4)))); // MG4001

    private static Module<Tensor, Tensor> Residual(long width) => new Block(width);

    public static Sequential FromHelper() => Sequential(Residual(4), Dropout(0.5)); // MG4001

    public static Sequential Appended()
    {
        var result = Sequential(Linear(2, 2));
        result.append("tail", new Block(2)); // MG4001
        result.append("good", new Good());
        return result;
    }
}
