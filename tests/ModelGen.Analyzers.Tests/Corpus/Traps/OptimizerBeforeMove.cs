// Moving a module replaces its parameters; an optimizer that was made before keeps the old ones.
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

var device = cuda.is_available() ? CUDA : CPU;
var model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 1));
var optimizer = optim.Adam(model.parameters(), 1e-3); // MG3004
model.to(device);
for (var step = 0; step < 10; step++)
{
    Run.Step(model, optimizer, torch.randn(2, 4), torch.randn(2, 1));
}

internal static class Run
{
    public static void Step(nn.Module<Tensor, Tensor> model, optim.Optimizer optimizer, Tensor x, Tensor y)
    {
        optimizer.zero_grad();
        using Tensor loss = nn.functional.mse_loss(model.forward(x), y);
        loss.backward();
        optimizer.step();
    }

    /// <summary>The parameters go through a local.</summary>
    public static void Listed(Linear model, Tensor x, Tensor y)
    {
        List<Parameter> parameters = model.parameters().ToList();
        using (var sgd = optim.SGD(parameters, 0.1)) // MG3004
        {
            model.half();
            Step(model, sgd, x, y);
        }
    }

    private static optim.Optimizer Optimizer(nn.Module model) => optim.AdamW(model.parameters(), 1e-4, weight_decay: 0.01);

    private static void ToGpu(this nn.Module model) => model.cuda();

    /// <summary>A helper makes the optimizer.</summary>
    public static void MadeByHelper(nn.Module<Tensor, Tensor> model, Tensor x, Tensor y)
    {
        optim.Optimizer optimizer = Optimizer(model); // MG3004
        model.to(ScalarType.BFloat16);
        Step(model, optimizer, x, y);
    }

    /// <summary>An extension method moves.</summary>
    public static async Task MovedByHelperAsync(nn.Module<Tensor, Tensor> model, Tensor x, Tensor y)
    {
        await Task.Yield();
        using var optimizer = optim.RMSProp(model.parameters()); // MG3004
        model.ToGpu();
        Step(model, optimizer, x, y);
    }

    public static void MovedByLocalFunction(bool big, Tensor x, Tensor y)
    {
        var model = nn.Linear(4, 1);
        var optimizer = optim.Adagrad(model.parameters()); // MG3004
        if (big)
        {
            Convert();
        }

        Step(model, optimizer, x, y);

        void Convert() => model.to(ScalarType.Float64);
    }

    /// <summary>The parameters of a part move with the whole.</summary>
    public static void OfAPart(Net net, Tensor x, Tensor y)
    {
        var optimizer = optim.Adam(net.Head.parameters()); // MG3004
        net.to(CUDA);
        Step(net, optimizer, x, y);
    }

    public static void InALambda(Tensor x, Tensor y)
    {
        Action train = () =>
        {
            var model = new Net();
            var optimizer = new Adam(model.parameters()); // MG3004
            model = model.to(CUDA, ScalarType.Float16);
            Step(model, optimizer, x, y);
        };
        train();
    }

    /// <summary>Right: moved first.</summary>
    public static void Right(Net net, Tensor x, Tensor y)
    {
        net.ToGpu();
        var optimizer = Optimizer(net);
        Step(net, optimizer, x, y);
    }
}

internal sealed class Net : nn.Module<Tensor, Tensor>
{
    public readonly Linear Head = nn.Linear(4, 1);

    public Net() : base("net") => RegisterComponents();

    public override Tensor forward(Tensor x) => Head.forward(x);
}

/// <summary>The constructor makes the optimizer, a method moves and trains.</summary>
internal sealed class Trainer
{
    private readonly Net _net = new();
    private readonly optim.Optimizer _optimizer;

    public Trainer()
    {
        _optimizer = optim.Adam(_net.parameters(), 1e-3); // MG3004
    }

    public void Fit(Device device, Tensor x, Tensor y)
    {
        _net.to(device);
        for (int i = 0; i < 10; i++)
        {
            Run.Step(_net, _optimizer, x, y);
        }
    }
}

/// <summary>Right: moved after the training.</summary>
internal sealed class Exporter
{
    private readonly Net _net = new();
    private readonly optim.Optimizer _optimizer;

    public Exporter(Device device)
    {
        _net.to(device);
        _optimizer = optim.Adam(_net.parameters(), 1e-3);
    }

    public void Fit(Tensor x, Tensor y) => Run.Step(_net, _optimizer, x, y);

    public void Save(string path)
    {
        _net.to(CPU);
        _net.save(path);
    }
}
