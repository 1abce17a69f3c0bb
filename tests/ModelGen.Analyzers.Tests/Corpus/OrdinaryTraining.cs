using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;
using F = TorchSharp.torch.nn.functional;

namespace ModelGen.Analyzers.Tests.Corpus;

/// <summary>A classifier in the style of most public TorchSharp code: fields, Sequential, a scope in forward.</summary>
internal sealed class ConvNet : Module<Tensor, Tensor>
{
    private readonly Module<Tensor, Tensor> _features;
    private readonly Linear _fc1;
    private readonly Linear _fc2;
    private readonly Dropout _dropout;
    private readonly Parameter _scale;

    public ConvNet(int classes, Device? device = null)
        : base(nameof(ConvNet))
    {
        var layers = new List<(string, Module<Tensor, Tensor>)>();
        long channels = 1;
        foreach (long width in new long[] { 8, 16 })
        {
            layers.Add(($"conv{width}", Conv2d(channels, width, 3, padding: 1, bias: false)));
            layers.Add(($"norm{width}", BatchNorm2d(width)));
            layers.Add(($"relu{width}", ReLU(inplace: true)));
            layers.Add(($"pool{width}", MaxPool2d(2)));
            channels = width;
        }

        _features = Sequential(layers);
        _fc1 = Linear(16 * 7 * 7, 64);
        _fc2 = Linear(64, classes);
        _dropout = Dropout(0.2);
        _scale = Parameter(torch.ones(1));
        RegisterComponents();
        if (device is not null)
        {
            this.to(device);
        }
    }

    public override Tensor forward(Tensor input)
    {
        using var scope = torch.NewDisposeScope();
        var x = _features.forward(input);
        x = x.flatten(1);
        x = F.relu(_fc1.forward(x));
        x = _dropout.forward(x);
        return (_fc2.forward(x) * _scale).MoveToOuterDisposeScope();
    }
}

/// <summary>A residual stack: a ModuleList, a child without RegisterComponents of its own, an optional layer.</summary>
internal sealed class ResidualStack : Module<Tensor, Tensor>
{
    private readonly ModuleList<Block> _blocks = new();
    private readonly Block _head;
    private readonly Linear? _projection;

    public ResidualStack(int depth, int width, bool project)
        : base(nameof(ResidualStack))
    {
        for (int i = 0; i < depth; i++)
        {
            _blocks.Add(new Block(width));
        }

        _head = new Block(width);
        _projection = project ? Linear(width, width) : null;
        RegisterComponents();
    }

    public override Tensor forward(Tensor x)
    {
        using var scope = torch.NewDisposeScope();
        Tensor h = x;
        foreach (Block block in _blocks)
        {
            h = h + block.forward(h);
        }

        if (_projection is not null)
        {
            h = _projection.forward(h);
        }

        var result = _head.forward(h);
        return result.MoveToOuterDisposeScope();
    }

    /// <summary>Only ever a field or list element of a parent that registers, so the parent registers its layers.</summary>
    internal sealed class Block : Module<Tensor, Tensor>
    {
        private readonly LayerNorm _norm;
        private readonly Linear _inner;

        public Block(int width)
            : base("block")
        {
            _norm = LayerNorm(width);
            _inner = Linear(width, width);
        }

        public override Tensor forward(Tensor x)
        {
            using var normalized = _norm.forward(x);
            using var inner = _inner.forward(normalized);
            return F.gelu(inner);
        }
    }
}

/// <summary>A training program as people write it: loaders, epochs, scopes, clipping, a schedule, evaluation, checkpoints.</summary>
internal sealed class Training(Device device, int epochs)
{
    private readonly List<double> _history = [];

    public void Run(torch.utils.data.Dataset train, torch.utils.data.Dataset test, string path)
    {
        torch.manual_seed(1);
        using var model = new ConvNet(10);
        model.to(device);
        using var loss = CrossEntropyLoss();
        using var optimizer = torch.optim.AdamW(model.parameters(), 1e-3, weight_decay: 1e-2);
        var scheduler = torch.optim.lr_scheduler.StepLR(optimizer, 1, 0.7);
        using var trainLoader = torch.utils.data.DataLoader(train, 64, shuffle: true, device: device);
        using var testLoader = torch.utils.data.DataLoader(test, 256, device: device);
        double best = 0;
        for (int epoch = 1; epoch <= epochs; epoch++)
        {
            double trainLoss = TrainEpoch(model, loss, optimizer, trainLoader);
            double accuracy = Evaluate(model, testLoader);
            scheduler.step();
            _history.Add(trainLoss);
            if (accuracy > best)
            {
                best = accuracy;
                model.save(path);
            }
        }

        model.cpu();
        model.load(path);
    }

    private double TrainEpoch(ConvNet model, Loss<Tensor, Tensor, Tensor> loss, torch.optim.Optimizer optimizer, DataLoader loader)
    {
        model.train();
        double total = 0;
        long batches = 0;
        foreach (Dictionary<string, Tensor> batch in loader)
        {
            using var scope = torch.NewDisposeScope();
            optimizer.zero_grad();
            var prediction = model.forward(batch["data"]);
            var value = loss.forward(prediction, batch["label"]);
            value.backward();
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0);
            optimizer.step();
            total += value.item<float>();
            batches++;
        }

        return total / Math.Max(1, batches);
    }

    private double Evaluate(ConvNet model, DataLoader loader)
    {
        model.eval();
        using var noGrad = torch.no_grad();
        long correct = 0;
        long count = 0;
        foreach (Dictionary<string, Tensor> batch in loader)
        {
            using var scope = torch.NewDisposeScope();
            var prediction = model.forward(batch["data"]).argmax(1);
            correct += prediction.eq(batch["label"]).sum().item<long>();
            count += prediction.shape[0];
        }

        return (double)correct / Math.Max(1, count);
    }

    /// <summary>Gradient accumulation, mixed by hand: zero_grad only every few steps.</summary>
    public void Accumulate(ResidualStack model, IReadOnlyList<(Tensor X, Tensor Y)> data, int every)
    {
        model.to(device);
        using var optimizer = torch.optim.SGD(model.parameters(), 0.1, momentum: 0.9);
        for (int i = 0; i < data.Count; i++)
        {
            using (torch.NewDisposeScope())
            {
                var error = F.mse_loss(model.call(data[i].X), data[i].Y) / every;
                error.backward();
                if ((i + 1) % every == 0)
                {
                    optimizer.step();
                    optimizer.zero_grad();
                }
            }
        }
    }

    /// <summary>Gradient penalty: the graph is kept because it is used twice.</summary>
    public Tensor Penalty(ConvNet critic, Tensor real, Tensor fake)
    {
        using var scope = torch.NewDisposeScope();
        var mix = (real * 0.5 + fake * 0.5).detach().requires_grad_();
        var score = critic.forward(mix);
        var gradient = torch.autograd.grad([score], [mix], [torch.ones_like(score)], retain_graph: true, create_graph: true)[0];
        var penalty = (gradient.flatten(1).norm(1) - 1).pow(2).mean();
        return penalty.MoveToOuterDisposeScope();
    }

    /// <summary>Keeps tensors beyond their scope in every accepted way.</summary>
    public (Tensor Mean, Tensor Deviation) Statistics(Tensor x, out Tensor centred)
    {
        using var scope = torch.NewDisposeScope();
        var mean = x.mean();
        var deviation = x.std();
        centred = (x - mean).DetachFromDisposeScope();
        return scope.MoveToOuter(mean, deviation);
    }

    /// <summary>An embedding average kept without its graph, updated in place outside autograd.</summary>
    public static void UpdateAverage(Module average, Module model, double decay)
    {
        using (torch.no_grad())
        {
            foreach (var (kept, current) in average.parameters().Zip(model.parameters()))
            {
                kept.mul_(decay).add_(current, 1 - decay);
            }
        }
    }
}
