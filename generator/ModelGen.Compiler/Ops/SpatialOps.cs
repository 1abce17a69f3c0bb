namespace ModelGen.Compiler.Ops;

/// <summary>Convolutions, pooling, padding, resampling and normalisation: the operators that build on the library's.</summary>
internal static class SpatialOps
{
    public static IReadOnlyList<OpDefinition> All { get; } =
    [
        new ConvTransposeOp(),
        new AdaptiveMaxPoolOp(),
        new AdaptiveMaxPoolIndicesOp(),
        new MaxPoolIndicesOp(),
        new LpPoolOp(),
        new UnfoldOp(),
        new FoldOp(),
        new PadOp(),
        new ResizeOp(),
        new GridSampleOp(),
        new AffineGridOp(),
        new GroupNormOp(),
        new InstanceNormOp(),
        new InstanceNormRunningOp(),
        new InstanceNormMoveOp(),
        new BatchStatisticsNormOp(),
        new LocalResponseNormOp(),
        new FeatureDropoutOp(alpha: false),
        new FeatureDropoutOp(alpha: true),
        new DropoutNoiseOp(),
    ];
}
