using ModelGen.Compiler.Ir;
using ModelGen.Compiler.Layers;

namespace ModelGen.Compiler.Tests;

public sealed class LayerDefinitionTests
{
    private static readonly Dictionary<string, object?> Arguments = new()
    {
        ["OutFeatures"] = 6L, ["OutChannels"] = 4L, ["KernelSize"] = 2L, ["Stride"] = 1L, ["Padding"] = 0L, ["Dilation"] = 1L, ["Groups"] = 2L, ["Epsilon"] = 1e-5, ["Momentum"] = 0.1, ["Dropout"] = 0.0,
        ["Causal"] = false, ["Probability"] = 0.5, ["Count"] = 9L, ["Dimension"] = 3L, ["Heads"] = 2L, ["OutputSize"] = 1L, ["Shape"] = new long[] { 2, 3, 4 },
    };

    /// <summary>What a layer says of its parameters without an input is what it declares with one.</summary>
    [Fact]
    public void ParameterRanks_AreThoseOfTheDeclaredParameters()
    {
        foreach (LayerDefinition layer in LayerRegistry.All)
        {
            foreach ((bool bias, long dimensions) in new[] { (true, 1L), (false, 2L) })
            {
                object? Argument(string name) => name switch { "Bias" => bias, "Dimensions" => dimensions, _ => Arguments[name] };
                Dim[] shape = layer.Name switch
                {
                    "Conv2d" or "BatchNorm2d" or "MaxPool2d" or "AvgPool2d" or "AdaptiveAvgPool2d" => [2, 4, 6, 6],
                    "Conv1d" or "MultiheadAttention" => [2, 4, 4],
                    _ => [2, 4],
                };
                var graph = new GraphBuilder("layer");
                int input = graph.AddValue("x", new TensorType(layer.Name == "Embedding" ? DType.Int64 : DType.Float32, shape), ValueKind.Input);
                var declared = new List<(string, int?)>();
                layer.Apply(
                    new LayerContext(graph, "layer", Argument, (name, type, kind) =>
                    {
                        if (kind == ValueKind.Parameter)
                        {
                            declared.Add((name, type.Rank));
                        }

                        return graph.AddValue(name.Length == 0 ? "layer" : "layer." + name, type, kind);
                    }),
                    layer.Inputs.Most == 0 ? [] : [input]);
                Assert.Equal(declared.Order(), layer.ParameterRanks(Argument).Order());
            }
        }
    }
}
