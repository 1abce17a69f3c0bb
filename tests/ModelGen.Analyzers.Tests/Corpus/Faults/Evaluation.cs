// The evaluation records a graph that nobody needs.
// Mended by: MG3001
using System;
using System.Collections.Generic;
using System.Linq;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

internal static class Program
{
    public static void Train(int steps, Action step)
    {
        using var model = Sequential(Linear(256, 512), ReLU(), Linear(512, 512), ReLU(), Linear(512, 512), ReLU(), Linear(512, 10));
        using Tensor x = torch.randn(1024, 256);
        using Tensor y = torch.randint(0, 10, new long[] { 1024 }, dtype: ScalarType.Int64);
        Console.WriteLine(Evaluate(model, x, y, steps, step));
    }

    private static double Evaluate(Module<Tensor, Tensor> model, Tensor x, Tensor y, int steps, Action step)
    {
        model.eval();
        long right = 0;
        for (int i = 0; i < steps; i++)
        {
            using var scope = torch.NewDisposeScope();
            right += model.forward(x).argmax(1).eq(y).sum().ToInt64();
            step();
        }

        return (double)right / steps;
    }
}
