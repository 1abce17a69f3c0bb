// A convolution before batch normalization has a bias that has no effect.
// Mended by: MG2020
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
        using var model = Sequential(Conv2d(16, 32, 1), BatchNorm2d(32), ReLU());
        using var optimizer = torch.optim.SGD(model.parameters(), 0.1);
        using Tensor x = torch.randn(16, 16, 32, 32);
        for (int i = 0; i < steps; i++)
        {
            using var scope = torch.NewDisposeScope();
            optimizer.zero_grad();
            var loss = model.forward(x).mean();
            loss.backward();
            optimizer.step();
            step();
        }
    }
}
