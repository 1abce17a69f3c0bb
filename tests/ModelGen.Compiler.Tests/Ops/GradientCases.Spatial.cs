namespace ModelGen.Compiler.Tests.Ops;

/// <content>Convolutions, pooling, padding, resampling, normalisation.</content>
internal sealed partial record GradientCase
{
    private static IEnumerable<GradientCase> Spatial() => [];
}
