using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace ModelGen.Analyzers.Tests.Corpus.Ordinary;

/// <summary>Value learning with a memory of transitions and a second network that follows the first.</summary>
internal sealed class ValueNet : nn.Module<Tensor, Tensor>
{
    private readonly nn.Module<Tensor, Tensor> layers;

    public ValueNet(long states, long actions)
        : base("values")
    {
        layers = nn.Sequential(nn.Linear(states, 128), nn.ReLU(), nn.Linear(128, 128), nn.ReLU(), nn.Linear(128, actions));
        RegisterComponents();
    }

    public override Tensor forward(Tensor state) => layers.forward(state);
}

internal sealed record Transition(float[] State, long Action, float Reward, float[] Next, bool Done);

internal sealed class Agent : IDisposable
{
    private const float Gamma = 0.99f;
    private readonly ValueNet policy;
    private readonly ValueNet target;
    private readonly optim.Optimizer optimizer;
    private readonly List<Transition> memory = new();
    private readonly Random random = new(1);
    private readonly Device device;
    private readonly long actions;

    public Agent(long states, long actions, Device device)
    {
        this.device = device;
        this.actions = actions;
        policy = new ValueNet(states, actions);
        target = new ValueNet(states, actions);
        policy.to(device);
        target.to(device);
        target.load_state_dict(policy.state_dict());
        target.eval();
        optimizer = optim.AdamW(policy.parameters(), 1e-4, weight_decay: 0.01, amsgrad: true);
    }

    public long Act(float[] state, double epsilon)
    {
        if (random.NextDouble() < epsilon)
        {
            return random.NextInt64(actions);
        }

        using var scope = NewDisposeScope();
        using (no_grad())
        {
            return policy.forward(torch.tensor(state, device: device).unsqueeze(0)).argmax(1).item<long>();
        }
    }

    public void Remember(Transition transition)
    {
        memory.Add(transition);
        if (memory.Count > 10_000)
        {
            memory.RemoveAt(0);
        }
    }

    public float? Learn(int size)
    {
        if (memory.Count < size)
        {
            return null;
        }

        using var scope = NewDisposeScope();
        var batch = Enumerable.Range(0, size).Select(_ => memory[random.Next(memory.Count)]).ToArray();
        var states = torch.stack(batch.Select(t => torch.tensor(t.State))).to(device);
        var next = torch.stack(batch.Select(t => torch.tensor(t.Next))).to(device);
        var chosen = torch.tensor(batch.Select(t => t.Action).ToArray(), device: device).unsqueeze(1);
        var rewards = torch.tensor(batch.Select(t => t.Reward).ToArray(), device: device);
        var open = torch.tensor(batch.Select(t => t.Done ? 0f : 1f).ToArray(), device: device);

        var values = policy.forward(states).gather(1, chosen).squeeze(1);
        Tensor expected;
        using (no_grad())
        {
            expected = rewards + Gamma * open * target.forward(next).max(1).values;
        }

        var loss = nn.functional.smooth_l1_loss(values, expected);
        optimizer.zero_grad();
        loss.backward();
        nn.utils.clip_grad_value_(policy.parameters(), 100);
        optimizer.step();
        return loss.item<float>();
    }

    public void Follow(double tau)
    {
        using var noGrad = no_grad();
        foreach (var (mine, theirs) in target.parameters().Zip(policy.parameters()))
        {
            mine.mul_(1 - tau).add_(theirs, tau);
        }
    }

    public void Dispose()
    {
        optimizer.Dispose();
        policy.Dispose();
        target.Dispose();
    }
}

/// <summary>Samples in memory, read by a loader.</summary>
internal sealed class TableDataset : utils.data.Dataset
{
    private readonly Tensor features;
    private readonly Tensor labels;

    public TableDataset(float[,] rows, long[] labels)
    {
        features = torch.tensor(rows);
        this.labels = torch.tensor(labels);
    }

    public override long Count => labels.size(0);

    public override Dictionary<string, Tensor> GetTensor(long index) => new()
    {
        { "x", features[index] },
        { "y", labels[index] },
    };

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            features.Dispose();
            labels.Dispose();
        }

        base.Dispose(disposing);
    }
}

internal static class Tables
{
    public static double Fit(TableDataset train, TableDataset test, Device device)
    {
        using var loader = new DataLoader(train, 32, shuffle: true, device: device);
        using var testLoader = new DataLoader(test, 256, device: device);
        using var model = nn.Sequential(nn.Linear(16, 64), nn.ReLU(), nn.Dropout(0.1), nn.Linear(64, 3));
        model.to(device);
        using var criterion = nn.CrossEntropyLoss();
        using var optimizer = optim.SGD(model.parameters(), 0.01, momentum: 0.9);
        for (int epoch = 0; epoch < 20; epoch++)
        {
            model.train();
            foreach (var batch in loader)
            {
                using var scope = NewDisposeScope();
                optimizer.zero_grad();
                using var loss = criterion.forward(model.forward(batch["x"]), batch["y"]);
                loss.backward();
                optimizer.step();
            }
        }

        model.eval();
        using var noGrad = no_grad();
        long right = 0;
        foreach (var batch in testLoader)
        {
            using var scope = NewDisposeScope();
            right += model.forward(batch["x"]).argmax(1).eq(batch["y"]).sum().item<long>();
        }

        return right / (double)test.Count;
    }
}

/// <summary>A service that answers requests with a loaded model.</summary>
internal sealed class Scoring : IDisposable
{
    private readonly nn.Module<Tensor, Tensor> model;
    private readonly Device device;
    private readonly object gate = new();

    public Scoring(string path)
    {
        device = cuda.is_available() ? CUDA : CPU;
        model = nn.Sequential(("fc1", nn.Linear(16, 64)), ("relu", nn.ReLU()), ("fc2", nn.Linear(64, 3)));
        model.load(path);
        model.to(device);
        model.eval();
    }

    public (int Label, float Probability) Score(float[] features)
    {
        lock (gate)
        {
            using var scope = NewDisposeScope();
            using var inference = inference_mode();
            var input = torch.tensor(features, device: device).reshape(1, -1);
            var probabilities = nn.functional.softmax(model.forward(input), 1).cpu();
            var (best, index) = probabilities.max(1);
            return ((int)index.item<long>(), best.item<float>());
        }
    }

    public float[] Embed(float[] features)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        return model.forward(torch.tensor(features, device: device).unsqueeze(0)).squeeze(0).cpu().data<float>().ToArray();
    }

    public void Dispose() => model.Dispose();
}
