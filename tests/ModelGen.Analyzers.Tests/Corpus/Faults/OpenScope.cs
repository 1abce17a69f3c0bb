// A dispose scope is opened at every step and never closed.
// Mended by: MG1001
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
        using var hidden = Linear(256, 512);
        using var head = Linear(512, 10);
        using var optimizer = torch.optim.SGD(hidden.parameters().Concat(head.parameters()), 0.1);
        using Tensor x = torch.randn(128, 256);
        using Tensor y = torch.randint(0, 10, new long[] { 128 }, dtype: ScalarType.Int64);
        for (int i = 0; i < steps; i++)
        {
            torch.NewDisposeScope();
            optimizer.zero_grad();
            var loss = functional.cross_entropy(head.forward(functional.relu(hidden.forward(x))), y);
            loss.backward();
            optimizer.step();
            step();
        }
    }
}
