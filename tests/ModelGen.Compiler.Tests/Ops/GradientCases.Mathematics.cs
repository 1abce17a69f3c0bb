namespace ModelGen.Compiler.Tests.Ops;

/// <content>Elementwise mathematics, reductions, indexing, sorting.</content>
internal sealed partial record GradientCase
{
    private static IEnumerable<GradientCase> Mathematics()
    {
        foreach (string op in new[] { "tan", "atan", "sinh", "cosh", "asinh" })
        {
            yield return new(op, [F(3, 5)]);
        }

        // Inside of the domains: positive samples are at least 0.3 and at most 1.3.
        yield return new("acosh", [new Operand([3, 5], "g")]);
        foreach (string op in new[] { "asin", "acos", "atanh" })
        {
            yield return new(op, [new Operand([3, 5], "h")]);
        }

        yield return new("remainder", [F(3, 4), P(3, 1)]);
        yield return new("atan2", [F(3, 4), P(4)]);
        foreach (string op in new[] { "prod", "logsumexp", "l2_norm" })
        {
            yield return new(op, [P(3, 4)], ("axis", 1L), ("keep", false));
            yield return new(op, [P(3, 4, 2)], ("axis", 1L), ("keep", true));
        }

        yield return new("cumsum", [F(3, 4)], ("axis", 1L));
        yield return new("cumprod", [P(3, 4)], ("axis", 0L));
        yield return new("rfft", [F(3, 6)], ("axis", 1L));
        yield return new("rfft", [F(5, 2)], ("axis", 0L));
        yield return new("irfft", [F(3, 4, 2)], ("axis", 1L), ("length", Dims(6)));
        yield return new("complex_abs", [F(3, 4), F(3, 4)]);
        yield return new("topk", [F(3, 6)], ("axis", 1L), ("k", Dims(2)), ("largest", true));
        yield return new("gather", [F(3, 5), new Operand([3, 2], "5")], ("axis", 1L));
        yield return new("scatter_add", [F(3, 5), new Operand([3, 2], "5"), F(3, 2)], ("axis", 1L));
        yield return new("scatter", [F(3, 5), new Operand([3, 1], "5"), F(3, 1)], ("axis", 1L));
        yield return new("flip", [F(3, 4)], ("axes", new[] { 0L, 1L }));
        yield return new("tril", [F(4, 4)], ("diagonal", 1L));
        yield return new("triu", [F(2, 3, 4)], ("diagonal", -1L));
    }
}
