using System.Diagnostics;
using System.Diagnostics.Contracts;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;
using F = TorchSharp.torch.nn.functional;

namespace ModelGen.EndToEnd.Tests.Models;

/// <summary>Habits of real code that have nothing to do with tensors: reflection, assertions, device tests, names, settings.</summary>
[Model]
[Train(Loss.MSE, Optimizer.SGD, LearningRate = 0.01)]
public partial class TorchHabits : Module<Tensor, Tensor?, Tensor>
{
    internal static int width = 6;

    internal static DeviceType Target { get; set; } = DeviceType.CPU;

    private readonly Stack<(Sequential Layers, string Name)> made = new();
    private readonly BatchNorm1d watcher = BatchNorm1d(6);
    private readonly Towers towers;
    private readonly Sequential outer;
    private readonly Linear last;
    private readonly float scale;
    private readonly float[] rates = linspace(0.1, 0.5, 5).data<float>().ToArray();
    private readonly bool hasAttention;
    private readonly Tensor grid;
    private (int Rows, int Columns)? size = (2, 3);

    public TorchHabits()
        : base("Habits")
    {
        Contract.Assert(width % 2 == 0, "even");
        Debug.Assert(width > 0);
        hasAttention = typeof(F).GetMember("scaled_dot_product_attention").Length != 0;
        towers = new Towers(width);
        Register(out outer, Sequential(Linear(width, width), Tanh()));
        made.Push((outer, outer.GetName()));
        last = Linear(width, 4);
        scale = (float)torch.pow(width, -0.5f);
        var axes = meshgrid([arange(size.Value.Rows), arange(size.Value.Item2)]);
        grid = (axes[0] * size.Value.Columns + axes[1]).to(float32);
        register_module(FormattableString.Invariant($"last{width}"), last);
        RegisterComponents();
        if (Target == DeviceType.CUDA)
        {
            this.to(DeviceType.CUDA);
        }
    }

    public override Tensor forward([Shape("N", 6)] Tensor x, Tensor? mask)
    {
        if (x.device.type != last.weight!.device.type)
        {
            x = x.to(last.weight.device);
        }

        // Nobody reads the result, but training moves the statistics.
        watcher.call(x).Dispose();
        x = outer.call(towers.call(x)) * scale;
        if (mask is not null && hasAttention)
        {
            x = x * mask;
        }

        x = x.mm(diag(x.mean([0]).sigmoid()));
        x = x + grid.to(x.device).flatten() * last.get_parameter("bias")!.sum();
        return last.call(F.dropout(x, rates[2], training)) * (float)tensor(9f).sqrt() - arange(4)[3].item<long>();
    }

    private void Register<T>(out T field, T value)
        where T : Module
    {
        field = value;
        register_module(value.GetName(), value);
    }

    /// <summary>A class that is a Sequential itself.</summary>
    public sealed class Towers : Sequential
    {
        public Towers(int width)
            : base(("first", Linear(width, width)), ("act", ReLU()), ("drop", Dropout(0.2)), ("second", Linear(width, width, hasBias: false)))
        {
        }

        public override Tensor forward(Tensor x)
        {
            foreach (var layer in children())
            {
                x = layer switch
                {
                    Linear linear => linear.call(x) * 0.5,
                    Module<Tensor, Tensor> other => other.call(x),
                    _ => throw new InvalidOperationException(),
                };
            }

            return base.forward(x) + x;
        }
    }
}

/// <summary>Random numbers in forward: a variational autoencoder.</summary>
[Model(5)]
[Train(Loss.MSE, Optimizer.SGD, LearningRate = 0.01)]
public partial class TorchVae : Module<Tensor, (Tensor Output, Tensor Mean, Tensor LogVariance)>
{
    private readonly Linear encoder;
    private readonly Linear mean;
    private readonly Linear variance;
    private readonly Linear decoder;

    public TorchVae(int latent)
        : base(nameof(TorchVae))
    {
        encoder = Linear(8, 16);
        mean = Linear(16, latent);
        variance = Linear(16, latent);
        decoder = Linear(latent, 8);
        RegisterComponents();
    }

    public override (Tensor Output, Tensor Mean, Tensor LogVariance) forward([Shape("N", 8)] Tensor x)
    {
        using var scope = NewDisposeScope();
        var h = encoder.forward(x).relu();
        var mu = mean.forward(h);
        var logvar = variance.forward(h);
        var std = (0.5 * logvar).exp();
        var z = mu + randn_like(std) * std;
        return (decoder.forward(z).MoveToOuterDisposeScope(), mu.MoveToOuterDisposeScope(), logvar.MoveToOuterDisposeScope());
    }
}

/// <summary>A spectrum's magnitude in front of a classifier.</summary>
[Model]
[Train(Loss.CrossEntropy, Optimizer.SGD, LearningRate = 0.01)]
public partial class TorchSpectrum : Module<Tensor, Tensor>
{
    private readonly Linear mix = Linear(16, 16);
    private readonly Linear head = Linear(9 + 16, 3);

    public TorchSpectrum()
        : base(nameof(TorchSpectrum)) => RegisterComponents();

    public override Tensor forward([Shape("N", 16)] Tensor x)
    {
        var spectrum = torch.fft.rfft(mix.forward(x));
        return head.forward(torch.cat([spectrum.abs().log1p(), spectrum.real[.., ..8], spectrum.imag[.., ..8]], 1));
    }
}

/// <summary>Settings that no parameter's shape shows.</summary>
[Model(Config = nameof(Compiled))]
[Train(Loss.MSE, Optimizer.SGD, LearningRate = 0.01)]
public partial class TorchSettings : Module<Tensor, Tensor>
{
    private readonly Linear layer = Linear(8, 8);
    private readonly Dropout drop;
    private readonly Module<Tensor, Tensor> act;
    private readonly int heads;
    private readonly Options options;

    public TorchSettings(int heads, float rate, Options options, string activation)
        : base(nameof(TorchSettings))
    {
        this.heads = heads;
        this.options = options;
        drop = Dropout(rate);
        act = activation == "relu" ? ReLU() : Tanh();
        RegisterComponents();
    }

    public double Temperature { get; set; } = 1;

    private static TorchSettings Compiled => new(2, 0.5f, new Options(3, [1, 2]), "relu");

    public override Tensor forward([Shape("N", 8)] Tensor x)
    {
        var y = act.forward(layer.forward(x)).view(x.shape[0], heads, -1).softmax(-1).view(x.shape[0], 8);
#pragma warning disable MG6008 // the model is about settings, not about what trains well
        return drop.forward(y.pow(options.Power) * options.Weights[1] / Temperature);
#pragma warning restore MG6008
    }

    public sealed record Options(int Power, int[] Weights);
}

#pragma warning disable MG0010 // the test is about what happens then

/// <summary>Every way to draw numbers, in an order that matters, and dropout that stays active in evaluation.</summary>
[Model]
[Train(Loss.MSE, Optimizer.SGD, LearningRate = 0.01)]
public partial class TorchNoise : Module<Tensor, Tensor>
{
    private readonly Linear layer = Linear(6, 6);

    public TorchNoise()
        : base(nameof(TorchNoise)) => RegisterComponents();

    public override Tensor forward([Shape("N", 6)] Tensor x)
    {
#pragma warning disable MG4011 // the compiler must draw here in evaluation too, as TorchSharp does
        var y = F.dropout(layer.forward(x), 0.3);
#pragma warning restore MG4011
        y = y + randn(x.shape[0], 6) + rand(6) * rand_like(x);
        y = y * torch.bernoulli(x.sigmoid()) + normal(0.5, 2.0, [6]);
        y = y + randint(-3, 4, [x.shape[0], 1]) + zeros_like(x).uniform_(-1, 1) + empty_like(x).normal_(1, 0.5) + empty(6).bernoulli_(0.4);
        rand(3); // drawn and not used: what follows moves all the same
        return F.dropout(y, 0.2, training) + randperm(6);
    }
}

/// <summary>Numbers of several types beside tensors of several types, and the in-place forms of hardtanh.</summary>
[Model]
[Train(Loss.MSE, Optimizer.SGD, LearningRate = 0.01)]
public partial class TorchNumbers : Module<Tensor, Tensor>
{
    private readonly Linear layer = Linear(6, 6);
    private readonly Hardtanh limit = Hardtanh(-0.6, 0.8, inplace: true);

    public TorchNumbers()
        : base(nameof(TorchNumbers)) => RegisterComponents();

    public override Tensor forward([Shape("N", 6)] Tensor x)
    {
#pragma warning disable MG2005 // tensors of constants in forward are what the compiler is tested on
        Tensor whole = tensor(new[] { 0, 1, 2, 3, 4, 5 }) * 2 + 1;
        Tensor wide = (x > 0).to(ScalarType.Int64) * 3 + whole % 4;
        Tensor exact = tensor(new[] { 0.5, 1.5, 2.5, 3.5, 4.5, 5.5 }) / 3;
        var y = limit.forward(layer.forward(x));
        y = y + F.hardtanh(x * 2, -0.4, 0.9, inplace: true) + (x * 0.5).hardtanh_(-0.3, 0.3);
        return (y * wide + whole / 7 + tensor(2.5) * x) * exact.to(ScalarType.Float32) + x.div(0.7, RoundingMode.trunc) * 0.1;
#pragma warning restore MG2005
    }
}

/// <summary>C#'s own arithmetic decides about layers and factors: characters, integers that wrap, float that rounds, list patterns.</summary>
[Model]
[Train(Loss.MSE, Optimizer.SGD, LearningRate = 0.01)]
public partial class TorchArithmetic : Module<Tensor, Tensor>
{
    private readonly ModuleList<Module<Tensor, Tensor>> steps = new();

    public TorchArithmetic(string list = " a; b2 ;;A")
        : base(nameof(TorchArithmetic))
    {
        string plan = string.Concat(list.Split(';', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries));
        if (plan.StartsWith("AB", StringComparison.OrdinalIgnoreCase) && !plan.StartsWith("AB") && (int)Math.Cbrt(64) == int.Parse("4"))
        {
            plan = plan.TrimEnd('x').Insert(plan.Length, "c");
        }

        int width = 6;
        foreach (char step in plan)
        {
            if (step == 'a')
            {
                steps.Add(Linear(width, width + 2));
                width += 2;
            }
            else if (step is >= '0' and <= '9')
            {
                steps.Add(Linear(width, width + (step - '0')));
                width += step - '0';
            }
            else
            {
                steps.Add(char.IsUpper(step) && (char)(step + 32) == 'a' ? Tanh() : SiLU());
            }
        }

        RegisterComponents();
    }

    public override Tensor forward([Shape("N", 6)] Tensor x)
    {
        int hash = 17;
        for (int i = 0; i < 12; i++)
        {
            hash = hash * 31 + i; // wraps: the sign and the size of the factor depend on it
        }

        byte small = (byte)(hash >> 3);
        small += 200;
        float third = 1f / 3f;
        foreach (var step in steps)
        {
            x = step.forward(x);
        }

        x = x * (hash / 1e9) + small * 0.01 * third * 3;
        return x.shape is [_, .. var rest] && rest is [10] && x.shape is not [_] ? x : -x;
    }
}
