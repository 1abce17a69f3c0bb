using ModelGen.Compiler.Codegen;
using ModelGen.Compiler.Ir;
using ModelGen.Compiler.Lowering;

namespace ModelGen.Compiler.Ops;

/// <summary>
/// <c>softmax(scale * q kᵀ + mask) v</c>, the probabilities multiplied by factors of dropout: operands q <c>[..., T, d]</c>, k <c>[..., S, d]</c>, v <c>[..., S, e]</c>, a mask of
/// added numbers and the factors (both optional). Results: y <c>[..., T, e]</c> and the logarithms of the sums of exponentials <c>[..., T]</c>, which the gradient needs.
/// A pass writes it in training steps; scores never exist in memory where it runs on a kernel.
/// </summary>
internal sealed class AttentionOp : OpDefinition
{
    public override string Name => "attention";

    public override FusionKind Fusion => FusionKind.Anchor;

    public override QuantizationRule Quantization => QuantizationRule.TrainingOnly;

    public override string NotExportable => "only the training step uses it";

    public override EquatableArray<TensorType> Infer(OpContext op)
    {
        (TensorType q, TensorType k, TensorType v) = (op[0], op[1], op[2]);
        OpContext.RequireFloat(Name, q);
        int rank = q.Rank;
        bool fits = rank is 3 or 4 && k.Rank == rank && v.Rank == rank
            && Enumerable.Range(0, rank - 2).All(axis => q.Shape[axis].Equals(k.Shape[axis]) && q.Shape[axis].Equals(v.Shape[axis]))
            && q.Shape[rank - 1].Equals(k.Shape[rank - 1]) && k.Shape[rank - 2].Equals(v.Shape[rank - 2]);
        return fits
            ? new[] { q.WithShape(q.Shape.Take(rank - 1).Append(v.Shape[rank - 1])), q.WithShape(q.Shape.Take(rank - 1)) }
            : throw new OpException($"attention needs queries [..., T, d], keys [..., S, d] and values [..., S, e], got {q.ShapeText()}, {k.ShapeText()} and {v.ShapeText()}");
    }

    public override void Differentiate(GradientContext g)
    {
        int Optional(int index) => g.HasInput(index) ? g.Input(index) : -1;
        EquatableArray<int> results = g.Graph.AddNode("attention_backward", new[] { g.Grad, g.Input(0), g.Input(1), g.Input(2), Optional(3), Optional(4), g.Output(0), g.Output(1) }, g.Attributes.With("mask_gradient", g.Needs(3)));
        for (int i = 0; i < results.Count; i++)
        {
            int result = results[i];
            g.Set(i, () => result);
        }
    }

    public override string EmitCSharp(CSharpContext c) => $"TensorOps.Attention({c[0]}, {c[1]}, {c[2]}, {Optional(c, 3)}, {Optional(c, 4)}, {Settings(c.Attributes)})";

    public override bool Lower(KernelContext k)
    {
        Place[] operands = [Contiguous(k, 0), Contiguous(k, 1), Contiguous(k, 2)];
        Place y = k.Result(0, Order(k, 0));
        Place logs = k.Result(1);
        k.Emit($"Attention<V>.Forward({Problem(k, operands, 3, y, logs, forward: true)});");
        return true;
    }

    public override Dim Flops(OpContext op, EquatableArray<TensorType> results) => Products(op[0], op[1]) * (op[0].Shape[op[0].Rank - 1] + op[2].Shape[op[2].Rank - 1]) * 2;

    /// <summary>Number of scores.</summary>
    internal static Dim Products(TensorType q, TensorType k) => q.Shape.Take(q.Rank - 1).Aggregate(k.Shape[k.Rank - 2], static (product, dim) => product * dim);

    internal static string Optional(CSharpContext c, int index) => c.Has(index) ? c[index] : "null";

    internal static string Settings(OpAttributes attributes) => $"{Invariant.Text(attributes.Double("scale"))}, causal: {Invariant.Text(attributes.Bool("causal"))}";

    /// <summary>An operand whose last dimension is contiguous.</summary>
    internal static Place Contiguous(KernelContext k, int operand)
    {
        Place place = k.Operand(operand);
        return place.Strides[place.Strides.Count - 1].Constant == 1 || place.Shape[place.Shape.Count - 1].Constant == 1 ? place : k.RowMajorOperand(operand);
    }

    /// <summary>The order in which a result is kept: its reader's, as long as the last dimension is contiguous.</summary>
    internal static EquatableArray<long> Order(KernelContext k, int result)
    {
        EquatableArray<long> order = k.OrderOfReader(result);
        return order[order.Count - 1] == order.Count - 1 ? order : Place.Identity(order.Count);
    }

    /// <summary>C# text of strides.</summary>
    internal static string Strides(Place place)
    {
        int rank = place.Shape.Count;
        return $"new AttentionStrides({place.Strides[0].ToCSharp()}, {(rank == 4 ? place.Strides[1].ToCSharp() : "0")}, {place.Strides[rank - 2].ToCSharp()})";
    }

    /// <summary>C# text of the problem.</summary>
    /// <param name="k">The context.</param>
    /// <param name="operands">Queries, keys and values.</param>
    /// <param name="mask">Operand with the mask; the one after it has the factors of dropout.</param>
    /// <param name="y">The result of the forward pass.</param>
    /// <param name="logs">Its logarithms.</param>
    /// <param name="forward">Whether both are written rather than read.</param>
    internal static string Problem(KernelContext k, Place[] operands, int mask, Place y, Place logs, bool forward)
    {
        (Place q, Place keys, Place values) = (operands[0], operands[1], operands[2]);
        int rank = q.Shape.Count;
        var fields = new List<string>
        {
            $"Batch = {q.Shape[0].ToCSharp()}",
            $"Heads = {(rank == 4 ? q.Shape[1].ToCSharp() : "1")}",
            $"KeyValueHeads = {(rank == 4 ? q.Shape[1].ToCSharp() : "1")}",
            $"Queries = {q.Shape[rank - 2].ToCSharp()}",
            $"Keys = {keys.Shape[rank - 2].ToCSharp()}",
            $"HeadSize = {q.Shape[rank - 1].ToCSharp()}",
            $"ValueSize = {values.Shape[rank - 1].ToCSharp()}",
            $"Scale = {PointwiseContext.Number(k.Attributes.Double("scale"))}",
            "EmptyIsNaN = true",
            $"Q = {k.Read(q)}",
            $"QStrides = {Strides(q)}",
            $"K = {k.Read(keys)}",
            $"KStrides = {Strides(keys)}",
            $"V = {k.Read(values)}",
            $"VStrides = {Strides(values)}",
            $"Out = {(forward ? k.Write(y) : k.Read(y))}",
            $"OutStrides = {Strides(y)}",
            $"LogSumExp = {(forward ? k.Write(logs) : k.Read(logs))}",
        };
        if (k.Attributes.Bool("causal"))
        {
            fields.Add("Causal = true");
        }

        if (k.Has(mask))
        {
            Place added = k.Operand(mask).Expand(q.Shape.Take(rank - 1).Append(keys.Shape[rank - 2]).ToEquatableArray());
            fields.Add($"Mask = {k.Read(added)}");
            string[] names = rank == 4 ? ["MaskBatch", "MaskHead", "MaskQuery", "MaskKey"] : ["MaskBatch", "MaskQuery", "MaskKey"];
            fields.AddRange(names.Select((name, axis) => (Name: name, Stride: added.Strides[axis])).Where(static pair => pair.Stride.Constant != 0).Select(static pair => $"{pair.Name} = {pair.Stride.ToCSharp()}"));
        }

        if (k.Has(mask + 1))
        {
            fields.AddRange(k.Dropout(mask + 1));
        }

        return $"new AttentionProblem {{ {string.Join(", ", fields)} }}";
    }
}

/// <summary>Gradients of attention: of queries, keys and values, and with <c>mask_gradient</c> of the mask as if it had the shape of the scores. Operands: gradient of the result, q, k, v, mask, factors of dropout, result and logarithms.</summary>
internal sealed class AttentionBackwardOp : OpDefinition
{
    public override string Name => "attention_backward";

    public override FusionKind Fusion => FusionKind.Anchor;

    public override QuantizationRule Quantization => QuantizationRule.TrainingOnly;

    public override string NotDifferentiable => "second derivatives are not needed for training";

    public override string NotExportable => "only gradients use it";

    public override EquatableArray<TensorType> Infer(OpContext op) => op.Attributes.Bool("mask_gradient")
        ? new[] { op[1], op[2], op[3], op[1].WithShape(op[1].Shape.Take(op[1].Rank - 1).Append(op[2].Shape[op[2].Rank - 2])) }
        : new[] { op[1], op[2], op[3] };

    public override string EmitCSharp(CSharpContext c) =>
        $"TensorOps.AttentionBackward{(c.Attributes.Bool("mask_gradient") ? "WithMask" : "")}({c[0]}, {c[1]}, {c[2]}, {c[3]}, {AttentionOp.Optional(c, 4)}, {AttentionOp.Optional(c, 5)}, {c[7]}, {AttentionOp.Settings(c.Attributes)})";

    public override bool Lower(KernelContext k)
    {
        if (k.Attributes.Bool("mask_gradient"))
        {
            return false;
        }

        Place gradient = AttentionOp.Contiguous(k, 0);
        Place[] operands = [AttentionOp.Contiguous(k, 1), AttentionOp.Contiguous(k, 2), AttentionOp.Contiguous(k, 3)];
        string problem = AttentionOp.Problem(k, operands, 4, AttentionOp.Contiguous(k, 6), k.RowMajorOperand(7), forward: false);
        Place[] results = [.. Enumerable.Range(0, 3).Select(index => k.Result(index, AttentionOp.Order(k, index)))];
        string[] fields =
        [
            $"Out = {k.Read(gradient)}, OutStrides = {AttentionOp.Strides(gradient)}",
            .. results.Zip(new[] { "Q", "K", "V" }, (place, name) => $"{name} = {k.Write(place)}, {name}Strides = {AttentionOp.Strides(place)}"),
        ];
        k.Emit($"Attention<V>.Backward({problem}, new AttentionGradients {{ {string.Join(", ", fields)} }});");
        return true;
    }

    public override Dim Flops(OpContext op, EquatableArray<TensorType> results) => AttentionOp.Products(op[1], op[2]) * ((op[1].Shape[op[1].Rank - 1] * 3) + (op[3].Shape[op[3].Rank - 1] * 2)) * 2;
}
