namespace ModelGen.Compiler.Tests.Ops;

/// <content>Elementwise mathematics, reductions, indexing, sorting.</content>
internal sealed partial record GradientCase
{
    private static IEnumerable<GradientCase> Mathematics() => [];
}
