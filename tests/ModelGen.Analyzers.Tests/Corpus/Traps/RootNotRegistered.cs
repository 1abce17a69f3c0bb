// Nobody calls RegisterComponents(): a root has no parameters.
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

var mlp = new Mlp(4, 2);
mlp.train(); // MG4001
using var adam = optim.Adam(mlp.parameters(), 1e-3);
Trainer.Fit(new Scorer()); // MG4001

nn.Module<Tensor, Tensor> any = new Mlp(2, 2);
Console.WriteLine(any.parameters().Count()); // MG4001

internal sealed class Mlp : nn.Module<Tensor, Tensor>
{
    private readonly Linear first, second;

    public Mlp(int inputs, int outputs) : base("mlp")
    {
        first = nn.Linear(inputs, 16);
        second = nn.Linear(16, outputs);
    }

    public override Tensor forward(Tensor x) => second.forward(nn.functional.relu(first.forward(x)));
}

/// <summary>With a primary constructor there is no place for the call.</summary>
internal sealed class Scorer(int width = 8) : nn.Module<Tensor, Tensor>("scorer")
{
    private readonly Linear _score = nn.Linear(width, 1);

    public override Tensor forward(Tensor x) => _score.forward(x);
}

internal sealed class Ranker<T> : nn.Module<T, Tensor>
    where T : Tensor
{
    private readonly Linear _score;

    public Ranker() : base("ranker")
    {
        _score = nn.Linear(8, 1);
    }

    public override Tensor forward(T x) => _score.forward(x);
}

/// <summary>The model is a field of a program.</summary>
internal sealed class Session
{
    private readonly Mlp _model;
    private readonly optim.Optimizer _optimizer;

    public Session(Device device)
    {
        _model = new Mlp(4, 2);
        _optimizer = optim.SGD(_model.parameters(), 0.1); // MG4001
    }

    public void Save(string path) => _model.save(path); // MG4001
}

internal static class Trainer
{
    /// <summary>A helper that is handed the model.</summary>
    public static void Fit(nn.Module<Tensor, Tensor> model)
    {
        var optimizer = optim.AdamW(model.parameters(), weight_decay: 0.01);
        optimizer.step();
    }

    /// <summary>The concrete type tells enough.</summary>
    public static long Count(Scorer scorer) => scorer.parameters().Sum(parameter => parameter.numel()); // MG4001

    private static Ranker<Tensor> Create() => new();

    /// <summary>A factory of the program makes the model.</summary>
    public static void FromFactory()
    {
        var ranker = Create();
        ranker.load("ranker.dat"); // MG4001
    }

    public static async Task RunAsync(string path)
    {
        await Task.Yield();
        using (Mlp model = new Mlp(4, 2))
        {
            Func<long> size = () => model.named_parameters().LongCount(); // MG4001
            Console.WriteLine(size());
        }
    }

    public static void Inline(Device device)
    {
        Tensor y = new Mlp(4, 2).to(device).forward(torch.ones(1, 4)); // MG4001
        Console.WriteLine(y);
    }
}

internal static class Extensions
{
    public static int Layers(this Mlp mlp) => mlp.children().Count(); // MG4001
}

/// <summary>Right: a parent registers it as a field.</summary>
internal sealed class Part : nn.Module<Tensor, Tensor>
{
    public readonly Linear fc = nn.Linear(2, 2);

    public Part() : base("part")
    {
    }

    public override Tensor forward(Tensor x) => fc.forward(x);
}

internal sealed class Whole : nn.Module<Tensor, Tensor>
{
    private readonly Part _part = new();

    public Whole() : base("whole") => RegisterComponents();

    public override Tensor forward(Tensor x) => _part.forward(x);

    public static long PartsOf(Part part) => part.parameters().LongCount();
}
