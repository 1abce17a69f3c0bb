using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace ModelGen.EndToEnd.Tests.Models;

/// <summary>Structs and tuples that are copied, records that are equal, arrays that are not, queries that run anew, numbers that are converted unseen.</summary>
[Model]
[Train(Loss.MSE, Optimizer.SGD, LearningRate = 0.01)]
public partial class TorchValues : Module<Tensor, Tensor>
{
    private readonly ModuleList<Linear> layers = new();
    private readonly List<double> factors = [];
    private readonly Linear frozen = Linear(4, 4);
    private readonly Tensor noise = zeros(4);

    public TorchValues()
        : base(nameof(TorchValues))
    {
        // A struct is copied when it is assigned and when it is passed.
        var first = new Size { Width = 4, Height = 4 };
        Size second = first;
        second.Height = 6;
        Widen(second);
        (int Wide, int High) pair = (first.Width, first.Height);
        var other = pair;
        other.High = 100;
        layers.Add(Linear(pair.Wide, pair.High));
        layers.Add(Linear(first.Height, second.Height));

        // Records and tuples are equal by their contents, arrays and lists are not.
        int[] left = [1, 2];
        int[] right = [1, 2];
        var table = new Dictionary<(int, int), double> { [(1, 2)] = 0.5 };
        bool equal = new Named("a", 1) == new Named("a", 1) && new List<Named> { new("b", 2) }.Contains(new("b", 2)) && left != right && !left.Equals(right);
        factors.Add(equal ? 1.5 : 100);
        factors.Add(table.ContainsKey((1, 2)) ? table[(1, 2)] : 100);
        factors.Add(new Circle(3) is Circle(var radius) ? radius : 100);

        // A query runs when it is used, and again when it is used again.
        int scale = 1;
        var query = new[] { 1, 2, 3 }.Select(value => value * scale);
        scale = 2;
        factors.Add(query.Sum());
        var made = Enumerable.Range(0, 2).Select(_ => Linear(6, 6));
        layers.Add(made.First());
        foreach (var layer in made.Concat(made))
        {
            layers.Add(layer);
        }

        // Whole numbers that become real without a conversion in the code.
        double whole = 0;
        foreach (double number in new[] { 1, 2 })
        {
            whole += number / 4;
        }

        double[] spread = [.. left];
        (double, double) both = pair;
        factors.Add(whole + (spread[0] / 4) + (both.Item1 / 8) + (Half / 4));
        using (no_grad())
        {
            noise.copy_(ones(4));
        }

        frozen.apply(module =>
        {
            foreach (var parameter in module.parameters())
            {
                parameter.requires_grad = false;
            }
        });
        RegisterComponents();
    }

    public double Half { get; } = 2;

    public override Tensor forward([Shape("N", 4)] Tensor x)
    {
        x = frozen.forward(x) + noise;
        foreach (var layer in layers)
        {
            x = layer.forward(x).tanh();
        }

        foreach (double factor in factors)
        {
            x = x * factor;
        }

        return x;
    }

    private static void Widen(Size size) => size.Height *= 10;

    public struct Size
    {
        public int Width;
        public int Height;
    }

    public sealed record Named(string Name, int Value);

    public sealed record Circle(double Radius);
}

/// <summary>Branches that share layers with running statistics, which are updated once for each call, in the order of the calls.</summary>
[Model]
[Train(Loss.MSE, Optimizer.SGD, LearningRate = 0.01)]
public partial class TorchSiamese : Module<Tensor, Tensor, Tensor>
{
    private readonly Sequential backbone = Sequential(Conv2d(2, 4, 3, padding: 1, bias: false), BatchNorm2d(4), ReLU(), MaxPool2d(2), Conv2d(4, 6, 3, padding: 1, bias: false), BatchNorm2d(6), ReLU(), AdaptiveAvgPool2d(1), Flatten(), Linear(6, 5, hasBias: false), BatchNorm1d(5));

    public TorchSiamese()
        : base(nameof(TorchSiamese)) => RegisterComponents();

    public override Tensor forward([Shape("N", 2, 8, 8)] Tensor left, [Shape("N", 2, 8, 8)] Tensor right)
    {
        Tensor first = backbone.forward(left);
        Tensor second = backbone.forward(right);
        return (first - second).pow(2) + backbone.forward(left + right);
    }
}

/// <summary>The epilogue of a product reads rows that lie as far apart as a length that is known only at run time.</summary>
[Model]
[Train(Loss.MSE, Optimizer.SGD, LearningRate = 0.01)]
public partial class TorchFirstToken : Module<Tensor, Tensor>
{
    private readonly Linear head = Linear(6, 6);

    public TorchFirstToken()
        : base(nameof(TorchFirstToken)) => RegisterComponents();

    public override Tensor forward([Shape("N", "T", 6)] Tensor x) => (head.forward(x.mean([1])) * x[.., 0]).sigmoid();
}

/// <summary>Branches that each draw random numbers: drawn in the order of the code, whatever order the kernels would like.</summary>
[Model]
[Train(Loss.MSE, Optimizer.SGD, LearningRate = 0.01)]
public partial class TorchDropoutBranches : Module<Tensor, Tensor, Tensor>
{
    private readonly Linear left = Linear(6, 8);
    private readonly Linear right = Linear(6, 8);
    private readonly Linear last = Linear(8, 4);
    private readonly Dropout dropout = Dropout(0.3);

    public TorchDropoutBranches()
        : base(nameof(TorchDropoutBranches)) => RegisterComponents();

    public override Tensor forward([Shape("N", 6)] Tensor x, [Shape("N", 6)] Tensor y)
    {
        Tensor a = dropout.forward(left.forward(x).softmax(1)).relu();
        Tensor b = dropout.forward(right.forward(y)).relu();
        Tensor c = dropout.forward(left.forward(y)).tanh();
        return dropout.forward(last.forward(b * c + a)) + last.forward(c.mean([1L], keepdim: true) + dropout.forward(a));
    }
}
