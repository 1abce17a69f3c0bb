namespace ModelGen.Compiler.Tests.Ops;

/// <content>Recurrent networks.</content>
internal sealed partial record GradientCase
{
    private static IEnumerable<GradientCase> Sequences()
    {
        yield return new("lstm", [F(3, 2, 2), F(1, 2, 3), F(1, 2, 3), F(12, 2), F(12, 3), F(12), F(12)], ("bias", true), ("bidirectional", false));
        yield return new("lstm", [F(3, 2, 2), F(2, 2, 2), F(2, 2, 2), F(8, 2), F(8, 2), F(8, 2), F(8, 2)], ("bias", false), ("bidirectional", true));
        yield return new("gru", [F(3, 2, 2), F(1, 2, 3), F(9, 2), F(9, 3), F(9), F(9)], ("bias", true), ("bidirectional", false));
        yield return new("rnn_tanh", [F(3, 2, 2), F(1, 2, 3), F(3, 2), F(3, 3), F(3), F(3)], ("bias", true), ("bidirectional", false));
        yield return new("rnn_relu", [F(3, 2, 2), F(1, 2, 3), F(3, 2), F(3, 3), F(3), F(3)], ("bias", true), ("bidirectional", false));
    }
}
