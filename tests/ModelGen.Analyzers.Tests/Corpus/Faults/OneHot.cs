// Class indices are spread out to a dense matrix for the cross entropy.
// Mended by: MG1028
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
        using var words = Linear(32, 8000);
        using var optimizer = torch.optim.SGD(words.parameters(), 0.1);
        using Tensor x = torch.randn(256, 32);
        using Tensor labels = torch.randint(0, 8000, new long[] { 256 }, dtype: ScalarType.Int64);
        for (int i = 0; i < steps; i++)
        {
            using var scope = torch.NewDisposeScope();
            optimizer.zero_grad();
            var loss = functional.cross_entropy(words.forward(x), functional.one_hot(labels, 8000).to(ScalarType.Float32));
            loss.backward();
            optimizer.step();
            step();
        }
    }
}
