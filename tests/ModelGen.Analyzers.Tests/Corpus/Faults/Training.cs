// A training program with many faults at once.
// Mended by: MG1001 MG3001 MG3002 MG3004 MG3007 MG3017 MG4002 MG4003 MG4004 MG4008 MG4011 MG5001 MG5010 MG5011 MG5015 MG5020
using System;
using System.Collections.Generic;
using System.Linq;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

internal sealed class Net : Module<Tensor, Tensor>
{
    private readonly List<Linear> _blocks = new();
    private readonly Tensor _scale;

    public Linear Head { get; }

    public Net() : base("net")
    {
        for (int i = 0; i < 3; i++)
        {
            _blocks.Add(Linear(256, 256));
        }

        Head = Linear(256, 10);
        RegisterComponents();
        _scale = torch.ones(256, requires_grad: true);
    }

    public override Tensor forward(Tensor x)
    {
        foreach (var block in _blocks)
        {
            x = functional.dropout(functional.relu(block.forward(x)), 0.1);
        }

        return Head.forward(x * _scale);
    }
}

internal static class Program
{
    public static void Train(int steps, Action step)
    {
        var data = new List<(Tensor X, Tensor Y)>();
        for (int i = 0; i < 10; i++)
        {
            data.Add((torch.randn(256, 256), torch.randint(0, 10, new long[] { 256 }, dtype: ScalarType.Int64)));
        }

        Train(data, CPU, steps, step);
    }

    private static void Train(List<(Tensor X, Tensor Y)> data, Device device, int steps, Action step)
    {
        var model = new Net();
        var optimizer = torch.optim.AdamW(model.parameters());
        model.to(device);
        var schedule = torch.optim.lr_scheduler.StepLR(optimizer, 1);
        for (int epoch = 0; epoch < steps / data.Count; epoch++)
        {
            schedule.step();
            model.train();
            foreach (var (x, y) in data)
            {
                torch.NewDisposeScope();
                var loss = functional.nll_loss(torch.softmax(model.forward(x), 1), y);
                loss.backward();
                optimizer.step();
                step();
            }

            Console.WriteLine(Validate(model, data[0].X, data[0].Y));
        }
    }

    private static long Validate(Net model, Tensor x, Tensor y)
    {
        model.eval();
        var scores = model.forward(x);
        return scores.argmax(1).eq(y).sum().ToInt64();
    }

    private static double Test(Net model, Tensor x, Tensor y)
    {
        model.eval();
        var scores = model.forward(x);
        var perColumn = scores.sum(0);
        double accuracy = scores.argmax(1).eq(y).sum().ToInt64() / y.size(0);
        return accuracy + (1 + perColumn).log().max().ToDouble() + scores.argmax(1).eq(y).mean().ToDouble();
    }
}
