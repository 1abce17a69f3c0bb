namespace ModelGen.Compiler.Ops;

/// <summary>All operators of the compiler, in an explicit order.</summary>
internal static class OpRegistry
{
    public static IReadOnlyList<OpDefinition> All { get; } =
    [
        .. UnaryOp.All(),
        .. BinaryOp.All(),
        .. ComparisonOp.All(),
        new WhereOp(),
        new MaskedFillOp(),
        new CastOp(),
        new ConstantOp(),
        new SumOp(),
        new MeanOp(),
        new AmaxOp(),
        new ArgmaxOp(),
        new SumToOp(),
        new DivideBySizeOp(),
        new SoftmaxOp(logarithm: false),
        new SoftmaxOp(logarithm: true),
        new SoftmaxBackwardOp(logarithm: false),
        new SoftmaxBackwardOp(logarithm: true),
        new MatMulOp(),
        new LinearOp(),
        new AttentionOp(),
        new AttentionBackwardOp(),
        new ConvOp(),
        new ConvBackwardOp(),
        new MaxPoolOp(),
        new MaxPoolBackwardOp(),
        new AvgPoolOp(),
        new AvgPoolBackwardOp(),
        new AdaptiveAvgPoolOp(),
        new AdaptiveAvgPoolBackwardOp(),
        new BatchNormOp(),
        new BatchNormTrainOp(),
        new BatchNormApplyOp(),
        new BatchNormBackwardOp(),
        new LayerNormOp(),
        new LayerNormBackwardOp(),
        new ReshapeOp(),
        new PermuteOp(),
        new ExpandOp(),
        new SliceOp(),
        new SliceBackwardOp(),
        new CatOp(),
        new CausalMaskOp(),
        new EmbeddingOp(),
        new EmbeddingBackwardOp(),
        new DropoutOp(),
        new DropoutMaskOp(),
        new RandomOp(),
        new BernoulliOp(),
        new FakeQuantizeOp(),
        new FakeQuantizeBackwardOp(),
        new OpaqueOp(),
        new StopGradientOp(),
        new VjpOp(),
        .. SpatialOps.All,
        .. MathOps.All,
        .. SequenceOps.All,
        .. LossOp.All(),
        new SubtractTargetOp(),
        new CheckpointOp(),
        new CrossEntropyWithSlopeOp(),
        new StoreGradientOp(),
        new OptimizerStepOp(),
    ];

    private static readonly Dictionary<string, OpDefinition> ByName = All.ToDictionary(static op => op.Name, StringComparer.Ordinal);

    public static OpDefinition Get(string name) => ByName.TryGetValue(name, out OpDefinition op) ? op : throw new KeyNotFoundException($"Operator '{name}' is not registered.");

    public static bool TryGet(string name, out OpDefinition op) => ByName.TryGetValue(name, out op);
}
