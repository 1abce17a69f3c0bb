// A transposed matrix is copied before a product that does not need it.
// Mended by: MG2027
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
        using Tensor q = torch.randn(64, 128, 64);
        using Tensor k = torch.randn(64, 128, 64);
        for (int i = 0; i < steps; i++)
        {
            using var scope = torch.NewDisposeScope();
            var scores = torch.matmul(q, k.transpose(-2, -1).contiguous());
            step();
        }
    }
}
