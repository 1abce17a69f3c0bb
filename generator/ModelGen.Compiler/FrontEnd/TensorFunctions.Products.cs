using ModelGen.Compiler.Ir;
using ModelGen.Compiler.Ops;

namespace ModelGen.Compiler.FrontEnd;

/// <content>Products: matrices, vectors, einsum; losses as functions.</content>
internal static partial class TensorFunctions
{
    private static readonly string[] SecondMatrix = ["target", "batch2", "mat2", "other", "vec", "right", "b"];

    private static void AddProducts(Dictionary<string, Func<CallArguments, object?>> table)
    {
        foreach (string name in new[] { "matmul", "mm", "bmm", "mv", "dot", "vdot" })
        {
            Add(table, "Tt", name, static c => MatMul(c.Graph, c.Self, c.Tensor(SecondMatrix)));
        }

        Add(table, "Tt", "inner", static c => Inner(c.Graph, c.Self, c.Tensor("vec2", "other")));
        Add(table, "Tt", "outer", static c => Outer(c.Graph, c.Self, c.Tensor("vec2", "vec", "right", "other")));
        Add(table, "Tt", "ger", static c => Outer(c.Graph, c.Self, c.Tensor("vec2", "vec", "right", "other")));
        Add(table, "Tt", "baddbmm", static _ => throw new UnsupportedException("baddbmm of TorchSharp 0.107 exchanges its operands; use input * beta + torch.bmm(batch1, batch2) * alpha"));
        foreach (string name in new[] { "addmm", "addmv" })
        {
            AddAny(table, "Tt", name, c =>
            {
                object product = new SymTensor(MatMul(c.Graph, c.Tensor("mat1", "mat"), c.Tensor("mat2", "vec")));
                product = c["alpha"] is null ? product : Binary(c.Graph, "mul", product, c["alpha"]);
                object self = new SymTensor(c.Self);
                return Binary(c.Graph, "add", c["beta"] is null ? self : Binary(c.Graph, "mul", self, c["beta"]), product);
            });
        }

        Add(table, "T", "einsum", static c => Einsum(c.Graph, c["equation"] as string ?? throw new UnsupportedException("the equation of einsum must be known during the build"), [.. Tensors(c)]));
        Add(table, "F", "cross_entropy", CrossEntropy);
        Add(table, "F", "nll_loss", static c => Averaged(c, NegativeLikelihood(c.Graph, c.Self, c.Tensor("target"))));
        foreach ((string name, string op) in new[] { ("mse_loss", "mse_loss"), ("l1_loss", "l1_loss"), ("binary_cross_entropy_with_logits", "bce_with_logits") })
        {
            Add(table, "F", name, c => MeanOnly(c, name).Graph.Add(op, [c.Self, c.Tensor("target")]));
        }

        Add(table, "F", "smooth_l1_loss", static c => MeanOnly(c, "smooth_l1_loss").Graph.Add("smooth_l1_loss", [c.Self, c.Tensor("target")], ("beta", c.Number("beta", 1))));
    }

    /// <summary>matmul with PyTorch's rules for vectors.</summary>
    public static int MatMul(GraphBuilder g, int a, int b)
    {
        (TensorType x, TensorType y) = (g.TypeOf(a), g.TypeOf(b));
        if (x.Rank == 0 || y.Rank == 0)
        {
            throw new OpException($"matmul needs at least one dimension on both sides, got {x.ShapeText()} and {y.ShapeText()}");
        }

        int left = x.Rank == 1 ? g.Reshape(a, x.Shape.Prepend(Dim.One).ToEquatableArray()) : a;
        int right = y.Rank == 1 ? g.Reshape(b, y.Shape.Append(Dim.One).ToEquatableArray()) : b;
        int product = g.MatMul(left, right);
        List<Dim> shape = [.. g.TypeOf(product).Shape];
        if (y.Rank == 1)
        {
            shape.RemoveAt(shape.Count - 1);
        }

        if (x.Rank == 1)
        {
            shape.RemoveAt(shape.Count - (y.Rank == 1 ? 1 : 2));
        }

        return g.Reshape(product, shape.ToEquatableArray());
    }

    /// <summary>Products summed over the last dimension of both.</summary>
    private static int Inner(GraphBuilder g, int a, int b)
    {
        (TensorType x, TensorType y) = (g.TypeOf(a), g.TypeOf(b));
        if (x.Rank == 0 || y.Rank == 0)
        {
            return g.Times(a, b);
        }

        Dim length = y.Shape[y.Rank - 1];
        Dim rows = y.Shape.Take(y.Rank - 1).Aggregate(Dim.One, static (product, dim) => product * dim);
        int product = MatMul(g, a, g.Transposed(g.Reshape(b, new[] { rows, length })));
        return g.Reshape(product, x.Shape.Take(x.Rank - 1).Concat(y.Shape.Take(y.Rank - 1)).ToEquatableArray());
    }

    private static int Outer(GraphBuilder g, int a, int b) =>
        g.Times(g.Reshape(a, g.TypeOf(a).Shape.Append(Dim.One).ToEquatableArray()), g.Reshape(b, g.TypeOf(b).Shape.Prepend(Dim.One).ToEquatableArray()));

    /// <summary>
    /// Einstein summation. Operands are multiplied from left to right: an index that no later operand and no result needs is summed as soon as it can be; indices
    /// of both operands that stay are batch dimensions of one matrix product.
    /// </summary>
    public static int Einsum(GraphBuilder g, string equation, int[] operands)
    {
        string[] halves = equation.Replace(" ", "").Split(["->"], StringSplitOptions.None);
        string[] inputs = halves[0].Split(',');
        if (inputs.Length != operands.Length)
        {
            throw new OpException($"einsum: '{equation}' names {Invariant.Text(inputs.Length)} operands, got {Invariant.Text(operands.Length)}");
        }

        string[] named = [.. inputs.Select((text, index) => Named(text, g.TypeOf(operands[index]).Rank, equation))];
        string result = halves.Length > 1
            ? halves[1].Replace("...", Ellipsis(named))
            : Ellipsis(named) + new string([.. named.SelectMany(static text => text).Where(char.IsLetter).GroupBy(static letter => letter).Where(static group => group.Count() == 1).Select(static group => group.Key).OrderBy(static letter => letter)]);
        if (named.Any(static text => text.Distinct().Count() != text.Length) || result.Any(letter => !named.Any(text => text.Contains(letter))))
        {
            throw new UnsupportedException($"einsum '{equation}' repeats an index within an operand, or its result names an index that no operand has; write the diagonal or the sum out");
        }

        string current = named[0];
        int value = operands[0];
        for (int i = 1; i < operands.Length; i++)
        {
            string needed = result + string.Concat(named.Skip(i + 1));
            (value, current) = Contract(g, value, current, operands[i], named[i], needed);
        }

        (value, current) = SumOut(g, value, current, result);
        return g.Permute(value, [.. result.Select(letter => (long)current.IndexOf(letter))]);
    }

    /// <summary>Dimensions that an ellipsis stands for get digits as names, counted from the right.</summary>
    private static string Named(string text, int rank, string equation)
    {
        int extra = rank - text.Replace("...", "").Length;
        if (extra < 0 || (extra > 0 && !text.Contains("...")))
        {
            throw new OpException($"einsum: '{text}' in '{equation}' does not fit a tensor with {Invariant.Text(rank)} dimensions");
        }

        return text.Replace("...", new string([.. Enumerable.Range(0, extra).Select(index => (char)('0' + (extra - 1 - index)))]));
    }

    private static string Ellipsis(string[] named) => named.Select(static text => new string([.. text.Where(char.IsDigit)])).OrderByDescending(static digits => digits.Length).First();

    private static (int Value, string Names) SumOut(GraphBuilder g, int value, string names, string needed)
    {
        long[] axes = [.. names.Select((letter, index) => (letter, index)).Where(pair => needed.IndexOf(pair.letter) < 0).Select(static pair => (long)pair.index)];
        return axes.Length == 0 ? (value, names) : (g.Sum(value, axes, keep: false), new string([.. names.Where(letter => needed.IndexOf(letter) >= 0)]));
    }

    private static (int Value, string Names) Contract(GraphBuilder g, int a, string aNames, int b, string bNames, string needed)
    {
        // A summed index of size 1 beside a longer one is broadcast: the longer one is summed by itself.
        foreach (char letter in aNames.Where(letter => bNames.IndexOf(letter) >= 0 && needed.IndexOf(letter) < 0).ToArray())
        {
            (Dim here, Dim there) = (g.TypeOf(a).Shape[aNames.IndexOf(letter)], g.TypeOf(b).Shape[bNames.IndexOf(letter)]);
            if (here.Constant == 1 && there.Constant != 1)
            {
                (a, aNames) = SumOut(g, a, aNames, aNames.Replace(letter.ToString(), ""));
            }
            else if (there.Constant == 1 && here.Constant != 1)
            {
                (b, bNames) = SumOut(g, b, bNames, bNames.Replace(letter.ToString(), ""));
            }
        }

        (a, aNames) = SumOut(g, a, aNames, needed + bNames);
        (b, bNames) = SumOut(g, b, bNames, needed + aNames);
        string batch = new([.. aNames.Where(letter => bNames.IndexOf(letter) >= 0 && needed.IndexOf(letter) >= 0)]);
        string summed = new([.. aNames.Where(letter => bNames.IndexOf(letter) >= 0 && needed.IndexOf(letter) < 0)]);
        string left = new([.. aNames.Where(letter => bNames.IndexOf(letter) < 0)]);
        string right = new([.. bNames.Where(letter => aNames.IndexOf(letter) < 0)]);
        Dim Size(int value, string names, char letter) => g.TypeOf(value).Shape[names.IndexOf(letter)];
        Dim Product(int value, string names, string letters) => letters.Aggregate(Dim.One, (product, letter) => product * Size(value, names, letter));
        int Ordered(int value, string names, string order) => g.Permute(value, [.. order.Select(letter => (long)names.IndexOf(letter))]);
        foreach (char letter in batch + summed)
        {
            if (!Size(a, aNames, letter).Equals(Size(b, bNames, letter)) && Size(a, aNames, letter).Constant != 1 && Size(b, bNames, letter).Constant != 1)
            {
                throw new OpException($"einsum: the index {letter} has the sizes {Size(a, aNames, letter)} and {Size(b, bNames, letter)}");
            }
        }

        Dim[] batches = [.. batch.Select(letter => Size(a, aNames, letter).Constant == 1 ? Size(b, bNames, letter) : Size(a, aNames, letter))];
        int first = g.Reshape(Ordered(a, aNames, batch + left + summed), batch.Select(letter => Size(a, aNames, letter)).Concat([Product(a, aNames, left), Product(a, aNames, summed)]).ToEquatableArray());
        int second = g.Reshape(Ordered(b, bNames, batch + summed + right), batch.Select(letter => Size(b, bNames, letter)).Concat([Product(b, bNames, summed), Product(b, bNames, right)]).ToEquatableArray());
        int product = g.MatMul(first, second);
        Dim[] shape = [.. batches, .. left.Select(letter => Size(a, aNames, letter)), .. right.Select(letter => Size(b, bNames, letter))];
        return (g.Reshape(product, shape), batch + left + right);
    }

    private static CallArguments MeanOnly(CallArguments c, string name) =>
        c["reduction"] is null or SymEnum { Member: "Mean" } && c["weight"] is null && c.Any("pos_weights", "pos_weight") is null
            ? c
            : throw new UnsupportedException($"{name} in forward is supported with the mean and without weights; write the formula out");

    private static int CrossEntropy(CallArguments c)
    {
        MeanOnly(c, "cross_entropy");
        if (c["ignore_index"] is Dim { Constant: not -100 })
        {
            throw new UnsupportedException("cross_entropy with ignore_index is not supported in forward");
        }

        return c.Graph.Add("cross_entropy", [c.Self, c.Tensor("target")], ("label_smoothing", c.Number("label_smoothing", 0)));
    }

    private static int NegativeLikelihood(GraphBuilder g, int scores, int target)
    {
        TensorType type = g.TypeOf(scores);
        int index = g.Reshape(target, g.TypeOf(target).Shape.Take(1).Append(Dim.One).Concat(g.TypeOf(target).Shape.Skip(1)).ToEquatableArray());
        int picked = g.Add("gather", [scores, Whole(g, index)], ("axis", type.Rank == 1 ? 0L : 1L));
        return g.Unary("neg", picked);
    }

    private static int Averaged(CallArguments c, int values)
    {
        MeanOnly(c, "nll_loss");
        return c.Graph.Add("mean", [values], ("axes", Enumerable.Range(0, c.Graph.TypeOf(values).Rank).Select(static axis => (long)axis).ToArray()), ("keep", false));
    }
}
