// The sum of the losses keeps the graph of every step.
// Mended by: MG1011
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
        using var model = Sequential(Linear(256, 512), ReLU(), Linear(512, 512), ReLU(), Linear(512, 10));
        using var optimizer = torch.optim.Adam(model.parameters(), 1e-3);
        using Tensor x = torch.randn(128, 256);
        using Tensor y = torch.randint(0, 10, new long[] { 128 }, dtype: ScalarType.Int64);
        Tensor total = torch.zeros(1);
        for (int i = 0; i < steps; i++)
        {
            optimizer.zero_grad();
            using Tensor output = model.forward(x);
            using Tensor loss = functional.cross_entropy(output, y);
            loss.backward();
            optimizer.step();
            total += loss;
            step();
        }
    }
}
