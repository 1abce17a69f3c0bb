namespace ModelGen.Compiler.Tests.Ops;

/// <content>Recurrent networks, attention, distances.</content>
internal sealed partial record GradientCase
{
    private static IEnumerable<GradientCase> Sequences() => [];
}
