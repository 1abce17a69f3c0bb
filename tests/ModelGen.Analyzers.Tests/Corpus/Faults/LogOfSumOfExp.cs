// The logarithm of a sum of exponentials, written out.
// Mended by: MG5003
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
        using Tensor scores = torch.randn(512, 4000);
        for (int i = 0; i < steps; i++)
        {
            using var scope = torch.NewDisposeScope();
            var energy = torch.log(torch.exp(scores).sum(1)).mean();
            step();
        }
    }
}
