using ModelGen.Compiler.Ir;
using ModelGen.Compiler.Passes;
using static TorchSharp.torch;

namespace ModelGen.Compiler.Tests;

/// <summary>Gradients of one number made of all results, in a graph and by the library's autograd.</summary>
internal static class GradientGraph
{
    /// <summary>A graph from the values of another one to the gradients of some of them, in their order; zeros where nothing depends on one.</summary>
    /// <param name="forward">The other graph.</param>
    /// <param name="wanted">The values.</param>
    /// <param name="sum">Type of the sum of all results, which is no part of the result.</param>
    public static Graph Of(Graph forward, IReadOnlyList<int> wanted, DType sum = DType.Float64)
    {
        var g = new GraphBuilder(forward);
        int[] parts = [.. forward.Outputs.Where(output => g.TypeOf(output).DType.IsFloat()).Select(output => Weighted(g, output, sum))];
        GraphBuilder differentiated = Differentiate.Gradients(g.Build(parts.Aggregate(g.Plus)), [.. wanted], out Dictionary<int, int> gradients);
        int Zeros(int value) => differentiated.Add("full", [], ("shape", differentiated.TypeOf(value).Shape), ("value", 0.0), ("dtype", differentiated.TypeOf(value).DType));
        Graph graph = differentiated.Build([.. wanted.Select(value => gradients.TryGetValue(value, out int gradient) ? gradient : Zeros(value))]);
        GraphVerifier.Check(graph, "differentiation");
        return graph;
    }

    /// <summary>The library's gradients of the same number; null where nothing is to be differentiated.</summary>
    public static Tensor[]? Eager(IEnumerable<Tensor> results, IEnumerable<Tensor> wanted)
    {
        Tensor[] parts = [.. results.Where(static result => result.is_floating_point()).Select(static result => (result * (arange(result.numel()).to_type(result.dtype) * 0.1 + 0.3).reshape(result.shape)).sum().to_type(ScalarType.Float64))];
        if (!parts.Any(static part => part.requires_grad))
        {
            return null;
        }

        parts.Aggregate(static (a, b) => a + b).backward();
        return [.. wanted.Select(static tensor => tensor.grad is { } gradient ? gradient.clone() : zeros_like(tensor).detach())];
    }

    private static int Weighted(GraphBuilder g, int output, DType sum)
    {
        TensorType type = g.TypeOf(output);
        int ramp = g.Add("range", [], ("start", new[] { Dim.Zero }), ("offset", 0.3), ("step", 0.1), ("length", new[] { type.Count }), ("dtype", type.DType));
        int product = g.Times(output, g.Reshape(ramp, type.Shape));
        return g.Cast(type.Rank == 0 ? product : g.Sum(product, [.. Enumerable.Range(0, type.Rank).Select(static axis => (long)axis)], keep: false), sum);
    }
}
