// A mask of zeros is made in one type only to be converted.
// Mended by: MG1027
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
        const int Size = 1000;
        for (int i = 0; i < steps; i++)
        {
            using var scope = torch.NewDisposeScope();
            var mask = torch.zeros(Size, Size).to(ScalarType.Int64);
            step();
        }
    }
}
