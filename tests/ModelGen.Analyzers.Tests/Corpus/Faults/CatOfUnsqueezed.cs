// Images are stacked by adding a dimension to each and concatenating.
// Mended by: MG2031
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
        List<Tensor> images = Enumerable.Range(0, 256).Select(_ => torch.randn(3, 64, 64)).ToList();
        for (int i = 0; i < steps; i++)
        {
            using var scope = torch.NewDisposeScope();
            var batch = torch.cat(images.Select(image => image.unsqueeze(0)).ToArray(), 0);
            step();
        }
    }
}
