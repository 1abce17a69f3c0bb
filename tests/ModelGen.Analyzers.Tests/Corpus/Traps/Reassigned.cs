// The state_dict and the optimizer keep the old layer, forward uses the new one.
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

var resnet = new ResNet(1000);
resnet.load("weights.dat");
resnet.fc = nn.Linear(512, 10); // MG4007
Tuning.Prepare(resnet, 5);

internal sealed class ResNet : nn.Module<Tensor, Tensor>
{
    private readonly Conv2d conv = nn.Conv2d(3, 512, 3);
    public Linear fc;
    private Linear _head;

    public Linear Head
    {
        get => _head;
        set => _head = value;
    }

    public ResNet(int classes) : base("resnet")
    {
        fc = nn.Linear(512, classes);
        _head = nn.Linear(classes, classes);
        RegisterComponents();
    }

    public void Reset(int classes)
    {
        this.fc = nn.Linear(512, classes); // MG4007
    }

    public override Tensor forward(Tensor x) => _head.forward(fc.forward(conv.forward(x).mean([2L, 3L])));
}

internal static class Tuning
{
    public static void Prepare(ResNet net, int classes)
    {
        net.fc = nn.Linear(512, classes); // MG4007
        net.Head = nn.Linear(classes, classes); // MG4007
    }

    public static ResNet WithHead(this ResNet net, int classes)
    {
        Action replace = () => net.fc = new Wide(classes).Inner; // not certainly new
        Action certain = () => net.fc = nn.Linear(512, classes); // MG4007
        replace();
        certain();
        return net;
    }
}

internal sealed class Wide : nn.Module<Tensor, Tensor>
{
    internal Linear Inner = nn.Linear(2, 2);
    private Sequential _layers;

    public Wide(int width) : base("wide")
    {
        _layers = nn.Sequential(nn.Linear(width, width));
        RegisterComponents();
        if (width > 4)
        {
            _layers = nn.Sequential(nn.Linear(width, 4), nn.Linear(4, width)); // MG4002
        }

        using (torch.no_grad())
        {
            Inner = nn.Linear(width, width); // MG4002
        }
    }

    public override Tensor forward(Tensor x) => _layers.forward(x);
}

/// <summary>A generic module whose method swaps the inner one, by a helper that makes it.</summary>
internal sealed class Adapter<T> : nn.Module<Tensor, Tensor>
    where T : nn.Module<Tensor, Tensor>, new()
{
    private T _inner = new();
    private Linear _down = nn.Linear(8, 2);

    public Adapter() : base("adapter")
    {
        RegisterComponents();
    }

    private static Linear Make(int rank) => nn.Linear(8, rank);

    public async Task SwapAsync(int rank)
    {
        await Task.Delay(1);
        _inner = new T(); // MG4007
        _down = Make(rank); // MG4007
    }

    public override Tensor forward(Tensor x) => _down.forward(_inner.forward(x));
}

/// <summary>Right: the weights are replaced, or the class registers again by name.</summary>
internal sealed class Careful : nn.Module<Tensor, Tensor>
{
    private Linear _fc = nn.Linear(2, 2);

    public Careful() : base("careful") => RegisterComponents();

    public void Load(Tensor weight)
    {
        using var noGrad = torch.no_grad();
        _fc.weight.copy_(weight);
        _fc = _fc.to(ScalarType.Float32);
    }

    public override Tensor forward(Tensor x) => _fc.forward(x);
}
