// Copies are made in memory only to be broadcast.
// Mended by: MG1026
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
        using Tensor left = torch.randn(256, 32);
        using Tensor right = torch.randn(256, 256, 32);
        for (int i = 0; i < steps; i++)
        {
            using var scope = torch.NewDisposeScope();
            var distances = (left.unsqueeze(1).repeat(1, 256, 1) - right).abs().sum([2L]);
            step();
        }
    }
}
