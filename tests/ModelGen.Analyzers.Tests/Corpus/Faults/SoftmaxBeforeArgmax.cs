// Probabilities are computed only to find the largest.
// Mended by: MG2030
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
        using Tensor logits = torch.randn(512, 4000);
        for (int i = 0; i < steps; i++)
        {
            using var scope = torch.NewDisposeScope();
            var predicted = functional.softmax(logits, 1).argmax(1);
            step();
        }
    }
}
