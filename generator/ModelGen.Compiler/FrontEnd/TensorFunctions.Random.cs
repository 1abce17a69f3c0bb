using ModelGen.Compiler.Ir;
using ModelGen.Compiler.Ops;

namespace ModelGen.Compiler.FrontEnd;

/// <content>Random numbers.</content>
internal static partial class TensorFunctions
{
    private static void AddRandom(Dictionary<string, Func<CallArguments, object?>> table)
    {
        Add(table, "T", "randn", static c => Draw(c, "normal", SizesOf(c), 0, 1));
        Add(table, "T", "rand", static c => Draw(c, "uniform", SizesOf(c), 0, 1));
        Add(table, "Tt", "randn_like", static c => Draw(c, "normal", Like(c), 0, 1));
        Add(table, "Tt", "rand_like", static c => Draw(c, "uniform", Like(c), 0, 1));
        Add(table, "T", "normal", static c => c["size"] is null
            ? throw new UnsupportedException("normal with tensors of means is not known; write mean + std * torch.randn_like(std)")
            : c.Graph.Plus(c.Graph.Times(Draw(c, "normal", SizesOf(c), 0, 1), c.Number("std")), c.Number("mean")));
        Add(table, "T", "randint", static c => Draw(c, "integers", SizesOf(c, "low", "high"), c.Int("low", 0), c.Int("high", 0), DType.Int64));
        Add(table, "Tt", "randint_like", static c => Draw(c, "integers", Like(c), c.Int("low", 0), c.Int("high", 0)));
        Add(table, "T", "randperm", static c => Draw(c, "permutation", c.Dims("n"), 0, 0, DType.Int64));

        // The in-place forms are found under the names without underscore.
        Add(table, "t", "normal", static c => Draw(c, "normal", Like(c), c.Number("mean", 0), c.Number("std", 1)));
        Add(table, "t", "uniform", static c => Draw(c, "uniform", Like(c), c.Number("from"), c.Number("to")));
        Add(table, "Tt", "bernoulli", static c => c["p"] is null
            ? c.Graph.Add("bernoulli", [Own(c, c.Self)])
            : Draw(c, "bernoulli", Like(c), c["p"] is SymTensor ? throw new UnsupportedException("bernoulli_ with a tensor of probabilities is not known; write torch.bernoulli(p)") : c.Number("p"), 0));
    }

    private static Dim[] Like(CallArguments c) => [.. c.Graph.TypeOf(c.Self).Shape];

    /// <summary>Refuses generators of the user: the generated code draws from torch's own.</summary>
    private static int Own(CallArguments c, int value) =>
        c["generator"] is null ? value : throw new UnsupportedException("a generator of its own cannot be compiled; leave 'generator' out, and seed with torch.manual_seed outside of the model");

    private static int Draw(CallArguments c, string kind, Dim[] shape, double a, double b, DType? usual = null)
    {
        DType type = TypeOr(c, usual ?? (c.Has("this") || c.Has("input") ? c.Graph.TypeOf(c.Self).DType : DType.Float32));
        return Own(c, c.Graph.Add("random", [], ("kind", kind), ("shape", shape), ("a", a), ("b", b), ("dtype", type)));
    }
}
