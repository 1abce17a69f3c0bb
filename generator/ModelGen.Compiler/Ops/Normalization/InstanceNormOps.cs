using ModelGen.Compiler.Codegen;
using ModelGen.Compiler.Ir;
using ModelGen.Compiler.Lowering;

namespace ModelGen.Compiler.Ops;

/// <summary>Group normalisation of <c>[N, C, d...]</c> with optional weight and bias <c>[C]</c>; attributes groups and eps.</summary>
internal sealed class GroupNormOp : OpDefinition
{
    public override string Name => "group_norm";

    public override FusionKind Fusion => FusionKind.Reduction;

    public override QuantizationRule Quantization => QuantizationRule.Float;

    public override EquatableArray<TensorType> Infer(OpContext op)
    {
        OpContext.RequireFloat(Name, op[0]);
        long groups = op.Attributes.Int("groups");
        return op[0].Rank < 2 || groups < 1 || Dim.DivideExactly(op[0].Shape[1], groups) is null ? throw new OpException($"group_norm needs [N, C, ...] with C a multiple of {Invariant.Text(groups)} groups, got {op[0].ShapeText()}")
            : One(NormTypes.Checked(Name, op));
    }

    public override bool Lower(KernelContext k) => GroupNormLowering.PerSample(k, backward: false, k.Attributes.Int("groups"));

    public override bool LowerGradient(KernelContext k) => GroupNormLowering.PerSample(k, backward: true, k.Attributes.Int("groups"));

    public override string EmitCSharp(CSharpContext c) => $"F.group_norm({c[0]}, {Invariant.Text(c.Attributes.Int("groups"))}, {c[1]}, {c[2]}, {Invariant.Text(c.Attributes.Double("eps"))})";

    // ONNX Runtime has no kernel of GroupNormalization: groups become the channels of an instance normalisation.
    public override void EmitOnnx(OnnxContext c)
    {
        TensorType x = c.Type(0);
        long groups = c.Attributes.Int("groups");
        TensorType grouped = x.WithShape([x.Shape[0], groups, Dim.DivideExactly(x.Shape[1], groups)! * NormTypes.Places(x)]);
        TensorType vector = x.WithShape([groups]);
        string split = c.Intermediate("Reshape", [c.Input(0), NormTypes.Shape(c, grouped)], grouped);
        string normal = c.Intermediate(
            "InstanceNormalization",
            [split, NormTypes.Filled(vector, 1), NormTypes.Filled(vector, 0)],
            grouped,
            OnnxContext.Float("epsilon", c.Attributes.Double("eps")));
        NormTypes.Affine(c, "Reshape", [normal, NormTypes.Shape(c, x)], 1, 2);
    }

    public override Dim Flops(OpContext op, EquatableArray<TensorType> results) => results[0].Count * 8;
}

/// <summary>Instance normalisation of <c>[N, C, d...]</c> by each instance's own statistics, with optional weight and bias <c>[C]</c>.</summary>
internal sealed class InstanceNormOp : OpDefinition
{
    public override string Name => "instance_norm";

    public override FusionKind Fusion => FusionKind.Reduction;

    public override QuantizationRule Quantization => QuantizationRule.Float;

    public override EquatableArray<TensorType> Infer(OpContext op)
    {
        OpContext.RequireFloat(Name, op[0]);
        return op[0].Rank >= 3 ? One(NormTypes.Checked(Name, op)) : throw new OpException($"instance_norm needs [N, C, ...] with at least one spatial dimension, got {op[0].ShapeText()}");
    }

    public override bool Lower(KernelContext k) => GroupNormLowering.PerSample(k, backward: false, groups: 0);

    public override bool LowerGradient(KernelContext k) => GroupNormLowering.PerSample(k, backward: true, groups: 0);

    public override string EmitCSharp(CSharpContext c) =>
        $"F.instance_norm({c[0]}, weight: {c[1]}, bias: {c[2]}, eps: {Invariant.Text(c.Attributes.Double("eps"))})";

    public override void EmitOnnx(OnnxContext c) =>
        c.Node("InstanceNormalization", [c.Input(0), NormTypes.Weight(c, 1, 1), NormTypes.Weight(c, 2, 0)], OnnxContext.Float("epsilon", c.Attributes.Double("eps")));

    public override Dim Flops(OpContext op, EquatableArray<TensorType> results) => results[0].Count * 8;
}

/// <summary>
/// Instance normalisation that keeps running statistics: operands x, weight and bias (optional), running mean and variance. Inference normalises by the
/// running statistics; a pass writes the training form.
/// </summary>
internal sealed class InstanceNormRunningOp : OpDefinition
{
    public override string Name => "instance_norm_running";

    public override FusionKind Fusion => FusionKind.Elementwise;

    public override QuantizationRule Quantization => QuantizationRule.Float;

    public override string NotDifferentiable => "training uses instance_norm";

    public override EquatableArray<TensorType> Infer(OpContext op) => One(BatchNormOp.CheckedInput("instance_norm", op));

    public override string EmitCSharp(CSharpContext c) => $"F.batch_norm({c[0]}, {c[3]}, {c[4]}, {c[1]}, {c[2]}, training: false, eps: {Invariant.Text(c.Attributes.Double("eps"))})";

    public override void EmitOnnx(OnnxContext c) =>
        c.Node("BatchNormalization", [c.Input(0), NormTypes.Weight(c, 1, 1), NormTypes.Weight(c, 2, 0), c.Input(3), c.Input(4)], OnnxContext.Float("epsilon", c.Attributes.Double("eps")));

    public override Dim Flops(OpContext op, EquatableArray<TensorType> results) => results[0].Count * 2;
}

/// <summary>Moves the running statistics of instance normalisation in the training step: operands x, running mean and variance.</summary>
internal sealed class InstanceNormMoveOp : OpDefinition
{
    public override string Name => "instance_norm_move";

    public override FusionKind Fusion => FusionKind.Opaque;

    public override QuantizationRule Quantization => QuantizationRule.TrainingOnly;

    public override string NotDifferentiable => "running statistics are not differentiated";

    public override string NotExportable => "only the training step uses it";

    public override bool HasSideEffect => true;

    public override EquatableArray<TensorType> Infer(OpContext op) => default;

    public override string EmitCSharp(CSharpContext c) => $"TensorOps.MoveInstanceStatistics({c[0]}, {c[1]}, {c[2]}, {Invariant.Text(c.Attributes.Double("momentum"))})";

    public override Dim Flops(OpContext op, EquatableArray<TensorType> results) => op[0].Count * 4;
}

/// <summary>Batch normalisation without running statistics: by the batch's own in inference too. Weight and bias <c>[C]</c> are optional.</summary>
internal sealed class BatchStatisticsNormOp : OpDefinition
{
    public override string Name => "batch_statistics_norm";

    public override FusionKind Fusion => FusionKind.Reduction;

    public override QuantizationRule Quantization => QuantizationRule.Float;

    public override EquatableArray<TensorType> Infer(OpContext op)
    {
        OpContext.RequireFloat(Name, op[0]);
        return op[0].Rank >= 2 ? One(NormTypes.Checked("batch_norm", op)) : throw new OpException($"batch_norm needs [N, C, ...], got {op[0].ShapeText()}");
    }

    public override bool Lower(KernelContext k) => GroupNormLowering.WholeBatch(k, backward: false);

    public override bool LowerGradient(KernelContext k) => GroupNormLowering.WholeBatch(k, backward: true);

    public override string EmitCSharp(CSharpContext c) => $"F.batch_norm({c[0]}, null, null, {c[1]}, {c[2]}, training: true, eps: {Invariant.Text(c.Attributes.Double("eps"))})";

    // With the batch moved behind the channels it is the normalisation of a single instance.
    public override void EmitOnnx(OnnxContext c)
    {
        TensorType x = c.Type(0);
        long[] order = [1, 0, .. Enumerable.Range(2, x.Rank - 2).Select(static axis => (long)axis)];
        TensorType turned = x.WithShape(order.Select(axis => x.Shape[(int)axis]));
        TensorType single = x.WithShape([1, x.Shape[1], x.Shape[0] * NormTypes.Places(x)]);
        string transposed = c.Intermediate("Transpose", [c.Input(0)], turned, OnnxContext.Ints("perm", order));
        string joined = c.Intermediate("Reshape", [transposed, NormTypes.Shape(c, single)], single);
        string normal = c.Intermediate(
            "InstanceNormalization",
            [joined, NormTypes.Weight(c, 1, 1), NormTypes.Weight(c, 2, 0)],
            single,
            OnnxContext.Float("epsilon", c.Attributes.Double("eps")));
        string split = c.Intermediate("Reshape", [normal, NormTypes.Shape(c, turned)], turned);
        c.Node("Transpose", [split], OnnxContext.Ints("perm", order));
    }

    public override Dim Flops(OpContext op, EquatableArray<TensorType> results) => results[0].Count * 8;
}

/// <summary>Local response normalisation across <c>size</c> neighbouring channels of <c>[N, C, d...]</c>: attributes size, alpha, beta, k.</summary>
internal sealed class LocalResponseNormOp : OpDefinition
{
    public override string Name => "local_response_norm";

    public override FusionKind Fusion => FusionKind.Reduction;

    public override QuantizationRule Quantization => QuantizationRule.Float;

    public override EquatableArray<TensorType> Infer(OpContext op)
    {
        OpContext.RequireFloat(Name, op[0]);
        return op[0].Rank >= 3 && op.Attributes.Int("size") >= 1
            ? One(op[0])
            : throw new OpException($"local_response_norm over {Invariant.Text(op.Attributes.Int("size"))} channels needs [N, C, ...] with a spatial dimension, got {op[0].ShapeText()}");
    }

    public override string EmitCSharp(CSharpContext c)
    {
        OpAttributes a = c.Attributes;
        return $"F.local_response_norm({c[0]}, {Invariant.Text(a.Int("size"))}, {Invariant.Text(a.Double("alpha"))}, {Invariant.Text(a.Double("beta"))}, {Invariant.Text(a.Double("k"))})";
    }

    // ONNX Runtime's kernel takes four dimensions.
    public override void EmitOnnx(OnnxContext c)
    {
        OpAttributes a = c.Attributes;
        string[] attributes =
        [
            OnnxContext.Int("size", a.Int("size")), OnnxContext.Float("alpha", a.Double("alpha")), OnnxContext.Float("beta", a.Double("beta")), OnnxContext.Float("bias", a.Double("k")),
        ];
        TensorType x = c.Type(0);
        if (x.Rank == 4)
        {
            c.Node("LRN", [c.Input(0)], attributes);
            return;
        }

        TensorType image = x.WithShape([x.Shape[0], x.Shape[1], NormTypes.Places(x), 1]);
        string shaped = c.Intermediate("Reshape", [c.Input(0), NormTypes.Shape(c, image)], image);
        c.Node("Reshape", [c.Intermediate("LRN", [shaped], image, attributes), NormTypes.Shape(c, x)]);
    }

    public override string? ExportProblem(OpContext op) => op.Attributes.Int("size") % 2 == 0
        ? $"local_response_norm over an even number of channels ({Invariant.Text(op.Attributes.Int("size"))}) has no ONNX form; choose an odd size"
        : null;

    public override Dim Flops(OpContext op, EquatableArray<TensorType> results) => results[0].Count * (op.Attributes.Int("size") + 12);
}

/// <summary>What the normalisations share.</summary>
internal static class NormTypes
{
    /// <summary>Checks that optional weight and bias (operands 1 and 2) have one number per channel.</summary>
    public static TensorType Checked(string name, OpContext op)
    {
        for (int i = 1; i <= 2; i++)
        {
            if (op.Has(i) && !(op[i].Rank == 1 && op[i].Shape[0].Equals(op[0].Shape[1])))
            {
                throw new OpException($"{name}: {(i == 1 ? "weight" : "bias")} {op[i].ShapeText()} does not have one number for each of the {op[0].Shape[1]} channels of {op[0].ShapeText()}");
            }
        }

        return op[0];
    }

    /// <summary>Number of elements of one channel of one sample.</summary>
    public static Dim Places(TensorType x) => x.Shape.Skip(2).Aggregate(Dim.One, static (product, dim) => product * dim);

    /// <summary>The dimensions of <c>[N, C, d...]</c> with channels last, outermost first.</summary>
    public static EquatableArray<long> ChannelsLast(int rank) => Place.Identity(rank).Where(static axis => axis != 1).Append(1).ToEquatableArray();

    /// <summary>The C# text of the number of values of a channel, and of the number of channels.</summary>
    public static (string Rows, string Channels) RowsAndChannels(TensorType x) => ((x.Shape[0] * Places(x)).ToCSharp(), x.Shape[1].ToCSharp());

    /// <summary>The C# text of the product of the dimensions before those that are normalised.</summary>
    public static string Rows(TensorType x, TensorType normalized) => x.Shape.Take(x.Rank - normalized.Rank).Aggregate(Dim.One, static (product, dim) => product * dim).ToCSharp();

    public static string Shape(OnnxContext c, TensorType type) => c.Longs([.. type.Shape.Select(static dim => dim.ToCSharp())]);

    /// <summary>The ONNX name of a tensor of one number.</summary>
    public static string Filled(TensorType type, double value) => $"OnnxExport.Filled(onnx, {Invariant.Text(value)}, {string.Join(", ", type.Shape.Select(static dim => dim.ToCSharp()))})";

    /// <summary>The ONNX name of an operand, or of a tensor of one number per channel in its place.</summary>
    public static string Weight(OnnxContext c, int operand, double otherwise) => c.Has(operand) ? c.Input(operand) : Filled(c.Type(0).WithShape([c.Type(0).Shape[1]]), otherwise);

    /// <summary>Writes a last node, followed by the product with an optional weight per channel and the sum with an optional bias.</summary>
    public static void Affine(OnnxContext c, string op, string[] inputs, int weight, int bias)
    {
        if (!c.Has(weight) && !c.Has(bias))
        {
            c.Node(op, inputs);
            return;
        }

        string value = c.Intermediate(op, inputs, c.Result());
        TensorType channel = c.Type(0).WithShape(c.Type(0).Shape.Select(static (dim, axis) => axis == 1 ? dim : Dim.One));
        string Shaped(int operand) => c.Intermediate("Reshape", [c.Input(operand), Shape(c, channel)], channel);
        if (!c.Has(bias))
        {
            c.Node("Mul", [value, Shaped(weight)]);
            return;
        }

        c.Node("Add", [c.Has(weight) ? c.Intermediate("Mul", [value, Shaped(weight)], c.Result()) : value, Shaped(bias)]);
    }
}
