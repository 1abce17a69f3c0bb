using ModelGen.Onnx.Optimization;
using ModelGen.Onnx.Proto;

namespace ModelGen.Onnx;

/// <summary>Settings of <see cref="OnnxOptimizer"/>.</summary>
public sealed record OnnxOptimizerOptions
{
    /// <summary>Bytes that a constant computed in advance may have, unless its operands have more; default 1 MiB. It keeps a small node from becoming a large file.</summary>
    public long FoldingLimit { get; init; } = 1L << 20;

    /// <summary>Whether batch normalisation is folded into the convolution or Gemm before it; default true. Results change by rounding.</summary>
    public bool FoldBatchNorm { get; init; } = true;
}

/// <summary>What an optimization did.</summary>
/// <param name="Model">The optimized model.</param>
/// <param name="NodesBefore">Nodes of the main graph before.</param>
/// <param name="NodesAfter">Nodes of the main graph after.</param>
/// <param name="Changes">Number of changes by pass, those without any left out.</param>
public sealed record OnnxOptimization(OnnxModel Model, int NodesBefore, int NodesAfter, IReadOnlyDictionary<string, int> Changes)
{
    /// <inheritdoc/>
    public override string ToString() => $"{NodesBefore} -> {NodesAfter} nodes{string.Concat(Changes.Select(static change => $", {change.Value} {change.Key}"))}";
}

/// <summary>
/// Makes any ONNX model smaller without changing what it computes: constants are lifted, folded and merged, batch normalisation is folded, no-ops, equal nodes and dead ones disappear;
/// with operator set 23 or newer attention, RMS normalisation and rotary positions become one node each.
/// Names of inputs and outputs stay. Sizes must be in <c>value_info</c> where a rule needs them: what is not known is left alone.
/// </summary>
public static class OnnxOptimizer
{
    private const int MostRounds = 10;

    /// <summary>Optimizes a model.</summary>
    /// <param name="model">The model; not changed.</param>
    /// <param name="options">Settings; null for the defaults.</param>
    /// <returns>The new model and a report.</returns>
    /// <exception cref="OnnxFormatException">The model is not sound.</exception>
    public static OnnxOptimization Optimize(OnnxModel model, OnnxOptimizerOptions? options = null)
    {
        options ??= new OnnxOptimizerOptions();
        model.Validate(model.Proto.Graph.Name);
        ModelProto copy = model.Proto.Clone();
        IModelPass[] passes =
        [
            new LiftConstants(),
            new FuseAttention(),
            new FuseRmsNormalization(),
            new FuseRotaryEmbedding(),
            new FoldConstants(options.FoldingLimit),
            new RemoveNoOps(),
            .. options.FoldBatchNorm ? [new FoldBatchNorm()] : Array.Empty<IModelPass>(),
            new MergeEqualConstants(),
            new MergeEqualNodes(),
            new RemoveDeadNodes(),
        ];
        var changes = new SortedDictionary<string, int>(StringComparer.Ordinal);
        for (int round = 0, found = 1; found > 0 && round < MostRounds; round++)
        {
            found = 0;
            foreach (IModelPass pass in passes)
            {
                int count = pass.Run(new ModelGraph(copy));
                found += count;
                changes[pass.Name] = changes.GetValueOrDefault(pass.Name) + count;
            }
        }

        var result = new OnnxModel(copy);
        result.Validate("optimized " + model.Proto.Graph.Name);
        return new OnnxOptimization(result, model.Proto.Graph.Node.Count, copy.Graph.Node.Count, changes.Where(static change => change.Value > 0).ToDictionary());
    }
}
