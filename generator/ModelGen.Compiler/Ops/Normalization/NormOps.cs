using ModelGen.Compiler.Codegen;
using ModelGen.Compiler.Ir;
using ModelGen.Compiler.Lowering;

namespace ModelGen.Compiler.Ops;

/// <summary>
/// Batch normalisation with running statistics: operands x <c>[N, C, d...]</c>, weight and bias (optional), running mean, running variance (all <c>[C]</c>)
/// and optionally the count of batches. A pass replaces it by <c>batch_norm_train</c> in the training step.
/// </summary>
internal sealed class BatchNormOp : OpDefinition
{
    public override string Name => "batch_norm";

    public override FusionKind Fusion => FusionKind.Elementwise;

    public override QuantizationRule Quantization => QuantizationRule.Float;

    public override string NotDifferentiable => "training uses batch_norm_train";

    public override EquatableArray<TensorType> Infer(OpContext op) => One(CheckedInput(Name, op));

    public override string EmitCSharp(CSharpContext c) => $"F.batch_norm({c[0]}, {c[3]}, {c[4]}, {c[1]}, {c[2]}, training: false, eps: {Invariant.Text(c.Attributes.Double("eps"))})";

    public override void EmitOnnx(OnnxContext c) =>
        c.Node("BatchNormalization", [c.Input(0), NormTypes.Weight(c, 1, 1), NormTypes.Weight(c, 2, 0), c.Input(3), c.Input(4)], OnnxContext.Float("epsilon", c.Attributes.Double("eps")));

    public override Dim Flops(OpContext op, EquatableArray<TensorType> results) => results[0].Count * 2;

    internal static TensorType CheckedInput(string name, OpContext op)
    {
        OpContext.RequireFloat(name, op[0]);
        return op[0].Rank >= 2 && op[0].Shape[1].Equals(op[3].Shape[0])
            ? op[0]
            : throw new OpException($"batch_norm over {op[3].Shape[0]} channels needs an input [N, {op[3].Shape[0]}, ...], got {op[0].ShapeText()}");
    }
}

/// <summary>Batch normalisation by the batch's own statistics, which also move the running ones. Results: y, batch mean, reciprocal standard deviation.</summary>
internal sealed class BatchNormTrainOp : OpDefinition
{
    public override string Name => "batch_norm_train";

    public override FusionKind Fusion => FusionKind.Reduction;

    public override QuantizationRule Quantization => QuantizationRule.TrainingOnly;

    public override string NotExportable => "only the training step uses it";

    public override bool HasSideEffect => true;

    public override EquatableArray<TensorType> Infer(OpContext op)
    {
        TensorType x = BatchNormOp.CheckedInput(Name, op);
        TensorType statistic = x.WithShape([x.Shape[1]]);
        return new[] { x, statistic, statistic };
    }

    public override void Differentiate(GradientContext g)
    {
        EquatableArray<int> results = g.Graph.AddNode("batch_norm_backward", new[] { g.Grad, g.Input(0), g.HasInput(1) ? g.Input(1) : -1, g.Output(1), g.Output(2) }, OpAttributes.None);
        for (int i = 0; i < 3; i++)
        {
            int result = results[i];
            g.Set(i, () => result);
        }
    }

    public override bool TakesEpilogue => true;

    /// <summary>Channels last; the result is not written where those who read it can compute it.</summary>
    public override bool Lower(KernelContext k)
    {
        Place x = k.OrderedOperand(0, NormTypes.ChannelsLast(k.Type(0).Rank));
        (string rows, string channels) = NormTypes.RowsAndChannels(k.Type(0));
        Node node = k.ProducerOf(k.Output(0));
        Place? measured = BatchNormLowering.Measured(k);
        Place statistics = measured ?? BatchNormLowering.Numbers(k, k.Type(0).Shape[1], 2);
        if (measured is null)
        {
            k.Emit($"BatchNorm<V>.Measure({k.Read(x)}, {rows}, {channels}, {k.Write(statistics)});");
        }

        string Optional(int operand) => k.Has(operand) ? k.Read(k.RowMajorOperand(operand)) : "default";
        string State(int operand) => k.Has(operand) ? k.Write(k.Operand(operand)) : "default";
        string settings = $"{PointwiseContext.Number(k.Attributes.Double("momentum"))}, {PointwiseContext.Number(k.Attributes.Double("eps"))}";
        (string weight, string bias) = (Optional(1), Optional(2));
        (Place mean, Place reciprocal, Place numbers) = (k.Result(1), k.Result(2), BatchNormLowering.Numbers(k, k.Type(0).Shape[1], 3));
        BatchNormLowering.KeepNumbers(k, numbers);
        string call = $"BatchNorm<V>.Settle({k.Read(statistics)}, {rows}, {channels}, {weight}, {bias}, {settings}, {State(3)}, {State(4)}, {k.Write(mean)}, {k.Write(reciprocal)}, {k.Write(numbers)});";
        k.Check($"CheckBatch({rows}, {Invariant.Literal(k.Source)});");
        k.Emit(k.Has(5) ? [call, $"{k.Write(k.Operand(5))}[0]++;"] : [call]);
        if (BatchNormLowering.IsReadNormalised(k))
        {
            BatchNormLowering.Replace(k, x, numbers);
            return true;
        }

        Place y = k.Result(0, NormTypes.ChannelsLast(k.Type(0).Rank));
        k.Emit($"BatchNorm<V>.Apply({k.Read(x)}, {rows}, {channels}, {BatchNormLowering.Normal(k, node, numbers)}, {k.Write(y)}{k.Epilogue(k.Type(0).Shape[1])});");
        return true;
    }

    public override string EmitCSharp(CSharpContext c) =>
        $"TensorOps.BatchNormTrain({c[0]}, {c[1]}, {c[2]}, {c[3]}, {c[4]}, {c[5]}, momentum: {Invariant.Text(c.Attributes.Double("momentum"))}, eps: {Invariant.Text(c.Attributes.Double("eps"))})";

    public override Dim Flops(OpContext op, EquatableArray<TensorType> results) => results[0].Count * 6;
}

/// <summary>The result of batch normalisation by statistics that are known already; nothing is moved. Operands: x, weight, bias, mean, reciprocal standard deviation.</summary>
internal sealed class BatchNormApplyOp : OpDefinition
{
    public override string Name => "batch_norm_apply";

    public override FusionKind Fusion => FusionKind.Anchor;

    public override QuantizationRule Quantization => QuantizationRule.TrainingOnly;

    public override string NotDifferentiable => "only what backward computes again uses it";

    public override string NotExportable => "only the training step uses it";

    public override bool TakesEpilogue => true;

    public override EquatableArray<TensorType> Infer(OpContext op) => One(BatchNormOp.CheckedInput(Name, op));

    /// <summary>Channels last.</summary>
    public override bool Lower(KernelContext k)
    {
        EquatableArray<long> last = NormTypes.ChannelsLast(k.Type(0).Rank);
        (string rows, string channels) = NormTypes.RowsAndChannels(k.Type(0));
        Node node = k.ProducerOf(k.Output(0));
        string normal = BatchNormLowering.Normal(k, node, BatchNormLowering.NumbersOf(k, node));
        k.Emit($"BatchNorm<V>.Apply({k.Read(k.OrderedOperand(0, last))}, {rows}, {channels}, {normal}, {k.Write(k.Result(0, last))}{k.Epilogue(k.Type(0).Shape[1])});");
        return true;
    }

    public override string EmitCSharp(CSharpContext c) => $"TensorOps.BatchNormApply({c[0]}, {c[1]}, {c[2]}, {c[3]}, {c[4]})";

    public override Dim Flops(OpContext op, EquatableArray<TensorType> results) => results[0].Count * 3;
}

/// <summary>Gradients of batch normalisation: of the input, the weight and the bias.</summary>
internal sealed class BatchNormBackwardOp : OpDefinition
{
    public override string Name => "batch_norm_backward";

    public override FusionKind Fusion => FusionKind.Reduction;

    public override QuantizationRule Quantization => QuantizationRule.TrainingOnly;

    public override string NotDifferentiable => "second derivatives are not needed for training";

    public override string NotExportable => "only gradients use it";

    public override EquatableArray<TensorType> Infer(OpContext op) => new[] { op[1], op[3], op[3] };

    public override bool Lower(KernelContext k)
    {
        EquatableArray<long> last = NormTypes.ChannelsLast(k.Type(0).Rank);
        (string rows, string channels) = NormTypes.RowsAndChannels(k.Type(0));
        Node node = k.ProducerOf(k.Output(0));
        Place numbers = BatchNormLowering.NumbersOf(k, node);
        (Place gradient, Place x) = (k.OrderedOperand(0, last), k.OrderedOperand(1, last));
        Place? summed = BatchNormLowering.Slopes(k);
        Place slopes = summed ?? BatchNormLowering.Numbers(k, k.Type(0).Shape[1], 2);
        if (summed is null)
        {
            k.Emit($"BatchNorm<V>.Slopes({k.Read(gradient)}, {k.Read(x)}, {rows}, {channels}, {BatchNormLowering.Normal(k, node, numbers)}, {k.Write(slopes)});");
        }

        Place result = k.Result(0, last);
        k.EmitInPlace(
            result,
            gradient,
            $"BatchNorm<V>.Backward({k.Read(gradient)}, {k.Read(x)}, {rows}, {channels}, {BatchNormLowering.Normal(k, node, numbers)}, {k.Read(k.Operand(4))}, {k.Read(slopes)}, {k.Write(result)}, {k.Write(k.Result(1))}, {k.Write(k.Result(2))});");
        return true;
    }

    public override string EmitCSharp(CSharpContext c) => $"TensorOps.BatchNormBackward({c[0]}, {c[1]}, {c[2]}, {c[3]}, {c[4]})";

    public override Dim Flops(OpContext op, EquatableArray<TensorType> results) => op[1].Count * 10;
}

/// <summary>Layer normalisation over the trailing dimensions that weight and bias have.</summary>
internal sealed class LayerNormOp : OpDefinition
{
    public override string Name => "layer_norm";

    public override FusionKind Fusion => FusionKind.Reduction;

    public override QuantizationRule Quantization => QuantizationRule.Float;

    public override EquatableArray<TensorType> Infer(OpContext op)
    {
        OpContext.RequireFloat(Name, op[0]);
        int rank = op[1].Rank;
        return op[0].Rank >= rank && op[0].Shape.Skip(op[0].Rank - rank).SequenceEqual(op[1].Shape)
            ? One(op[0])
            : throw new OpException($"layer_norm over {op[1].ShapeText()} needs an input that ends in these sizes, got {op[0].ShapeText()}");
    }

    public override void Differentiate(GradientContext g)
    {
        EquatableArray<int> results = g.Graph.AddNode("layer_norm_backward", new[] { g.Grad, g.Input(0), g.Input(1) }, g.Attributes);
        for (int i = 0; i < 3; i++)
        {
            int result = results[i];
            g.Set(i, () => result);
        }
    }

    public override bool Lower(KernelContext k)
    {
        if (k.Type(1).Count.Constant is not > 0)
        {
            return false;
        }

        string call = $"LayerNorm<V>.Forward({k.Read(k.RowMajorOperand(0))}, {NormTypes.Rows(k.Type(0), k.Type(1))}, {k.Type(1).Count.ToCSharp()}";
        string parameters = $"{k.Read(k.RowMajorOperand(1))}, {k.Read(k.RowMajorOperand(2))}, {PointwiseContext.Number(k.Attributes.Double("eps"))}";
        k.Emit($"{call}, {parameters}, {k.Write(k.Result())});");
        return true;
    }

    public override string EmitCSharp(CSharpContext c) => $"F.layer_norm({c[0]}, {CSharpContext.Longs(c.Type(1).Shape)}, {c[1]}, {c[2]}, {Invariant.Text(c.Attributes.Double("eps"))})";

    public override void EmitOnnx(OnnxContext c) =>
        c.Node("LayerNormalization", [c.Input(0), c.Input(1), c.Input(2)], OnnxContext.Int("axis", -c.Type(1).Rank), OnnxContext.Float("epsilon", c.Attributes.Double("eps")));

    public override Dim Flops(OpContext op, EquatableArray<TensorType> results) => results[0].Count * 8;
}

/// <summary>Gradients of layer normalisation: of the input, the weight and the bias.</summary>
internal sealed class LayerNormBackwardOp : OpDefinition
{
    public override string Name => "layer_norm_backward";

    public override FusionKind Fusion => FusionKind.Reduction;

    public override QuantizationRule Quantization => QuantizationRule.TrainingOnly;

    public override string NotDifferentiable => "second derivatives are not needed for training";

    public override string NotExportable => "only gradients use it";

    public override EquatableArray<TensorType> Infer(OpContext op) => new[] { op[1], op[2], op[2] };

    public override bool Lower(KernelContext k)
    {
        if (k.Type(2).Count.Constant is not > 0)
        {
            return false;
        }

        string operands = $"{k.Read(k.RowMajorOperand(0))}, {k.Read(k.RowMajorOperand(1))}, {NormTypes.Rows(k.Type(1), k.Type(2))}, {k.Type(2).Count.ToCSharp()}, {k.Read(k.RowMajorOperand(2))}, {PointwiseContext.Number(k.Attributes.Double("eps"))}";
        k.Emit($"LayerNorm<V>.Backward({operands}, {k.Write(k.Result(0))}, {k.Write(k.Result(1))}, {k.Write(k.Result(2))});");
        return true;
    }

    public override string EmitCSharp(CSharpContext c) => $"TensorOps.LayerNormBackward({c[0]}, {c[1]}, {c[2]}, {Invariant.Text(c.Attributes.Double("eps"))})";

    public override Dim Flops(OpContext op, EquatableArray<TensorType> results) => op[1].Count * 12;
}
