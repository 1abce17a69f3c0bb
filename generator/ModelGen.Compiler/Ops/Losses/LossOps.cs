using ModelGen.Compiler.Codegen;
using ModelGen.Compiler.Ir;
using ModelGen.Compiler.Lowering;

namespace ModelGen.Compiler.Ops;

/// <summary>A loss averaged to a number; operands: prediction and target. The family's members are the table <see cref="All"/>.</summary>
internal sealed class LossOp(string name, Func<CSharpContext, string> csharp, Action<string, OpContext> check) : OpDefinition
{
    public override string Name => name;

    public override FusionKind Fusion => FusionKind.Reduction;

    public override QuantizationRule Quantization => QuantizationRule.Float;

    public static IEnumerable<OpDefinition> All()
    {
        yield return new LossOp("cross_entropy", static c => $"F.cross_entropy({c[0]}, {c[1]}, label_smoothing: {Invariant.Text(c.Attributes.Double("label_smoothing"))})", CheckClasses);
        yield return new LossOp("mse_loss", static c => $"F.mse_loss({c[0]}, {c[1]})", CheckSame);
        yield return new LossOp("bce_with_logits", static c => $"F.binary_cross_entropy_with_logits({c[0]}, {c[1]})", CheckSame);
        yield return new LossOp("l1_loss", static c => $"F.l1_loss({c[0]}, {c[1]})", CheckSame);
        yield return new LossOp("smooth_l1_loss", static c => $"F.smooth_l1_loss({c[0]}, {c[1]}, beta: {Invariant.Text(c.Attributes.Double("beta"))})", CheckSame);
    }

    public override EquatableArray<TensorType> Infer(OpContext op)
    {
        OpContext.RequireFloat(name, op[0]);
        check(name, op);
        return One(TensorType.Scalar(op[0].DType));
    }

    public override void Differentiate(GradientContext g)
    {
        Dim count = g.TypeOf(g.Input(name == "cross_entropy" ? 1 : 0)).Count;
        int Averaged(int slope) => g.Graph.Times(g.Graph.Add("divide_by_size", [slope], ("size", new[] { count })), g.Grad);
        g.Set(0, () => Averaged(name == "cross_entropy" ? CrossEntropySlope(g) : PointwiseSlope(g)));
        if (name != "cross_entropy")
        {
            // A loss in the middle of a model may compare two results of it.
            g.Set(1, () => Averaged(g.Graph.Unary("neg", name == "bce_with_logits" ? g.Input(0) : PointwiseSlope(g))));
        }
    }

    /// <summary>Cross-entropy; a pass writes the others out as loops.</summary>
    public override bool Lower(KernelContext k)
    {
        if (name != "cross_entropy" || k.Type(0).DType != DType.Float32)
        {
            return false;
        }

        CrossEntropyWithSlopeOp.EmitChecked(k, $"CrossEntropy<V>.Loss({CrossEntropyWithSlopeOp.Operands(k)}, {k.Write(k.Result())})");
        return true;
    }

    public override string EmitCSharp(CSharpContext c) => csharp(c);

    /// <summary>For models whose forward returns a loss; the training step has no ONNX form.</summary>
    public override void EmitOnnx(OnnxContext c)
    {
        if (name == "cross_entropy")
        {
            CrossEntropyOnnx(c);
            return;
        }

        TensorType type = c.Type(0);
        string Op(string op, params string[] inputs) => c.Intermediate(op, inputs, type);
        string Number(double value) => c.Scalar(value, type.DType);
        string difference = name == "bce_with_logits" ? "" : Op("Sub", c.Input(0), c.Input(1));
        string each = name switch
        {
            "mse_loss" => Op("Mul", difference, difference),
            "l1_loss" => Op("Abs", difference),
            "bce_with_logits" => Op("Add", Op("Sub", Op("Relu", c.Input(0)), Op("Mul", c.Input(0), c.Input(1))), Op("Softplus", Op("Neg", Op("Abs", c.Input(0))))),
            _ => SmoothL1Onnx(c, difference),
        };
        c.Node("ReduceMean", [each], OnnxContext.Int("keepdims", 0));

        string SmoothL1Onnx(OnnxContext context, string distance)
        {
            double beta = context.Attributes.Double("beta");
            string magnitude = Op("Abs", distance);
            string near = context.Intermediate("Less", [magnitude, Number(beta)], type with { DType = DType.Bool });
            string square = Op("Mul", Op("Mul", magnitude, magnitude), Number(0.5 / beta));
            return Op("Where", near, square, Op("Sub", magnitude, Number(0.5 * beta)));
        }
    }

    public override Dim Flops(OpContext op, EquatableArray<TensorType> results) => op[0].Count * 15;

    // (1 - s) * mean(-log p[target]) + s * mean(-log p).
    private static void CrossEntropyOnnx(OnnxContext c)
    {
        TensorType type = c.Type(0);
        TensorType scalar = c.Result();
        string logarithms = c.Intermediate("LogSoftmax", [c.Input(0)], type, OnnxContext.Int("axis", 1));
        TensorType column = type.WithShape(type.Shape.Select(static (dim, axis) => axis == 1 ? Dim.One : dim));
        string index = c.Intermediate("Unsqueeze", [c.Input(1), c.Longs("1")], column with { DType = DType.Int64 });
        string chosen = c.Intermediate("GatherElements", [logarithms, index], column, OnnxContext.Int("axis", 1));
        string mean = c.Intermediate("ReduceMean", [chosen], scalar, OnnxContext.Int("keepdims", 0));
        double smoothing = c.Attributes.Double("label_smoothing");
        if (smoothing == 0)
        {
            c.Node("Neg", [mean]);
            return;
        }

        string all = c.Intermediate("ReduceMean", [logarithms], scalar, OnnxContext.Int("keepdims", 0));
        string weighted = c.Intermediate("Mul", [mean, c.Scalar(smoothing - 1, type.DType)], scalar);
        c.Node("Sub", [weighted, c.Intermediate("Mul", [all, c.Scalar(smoothing, type.DType)], scalar)]);
    }

    // softmax(x) minus the smoothed one-hot target.
    private static int CrossEntropySlope(GradientContext g)
    {
        int probabilities = g.Graph.Unary("softmax", g.Input(0), ("axis", 1L));
        return g.Graph.Add("subtract_target", [probabilities, g.Input(1)], ("label_smoothing", g.Attributes.Double("label_smoothing")));
    }

    private int PointwiseSlope(GradientContext g)
    {
        GraphBuilder b = g.Graph;
        if (name == "bce_with_logits")
        {
            return b.Minus(b.Unary("sigmoid", g.Input(0)), g.Input(1));
        }

        int difference = b.Minus(g.Input(0), g.Input(1));
        return name switch
        {
            "mse_loss" => b.Times(difference, 2.0),
            "l1_loss" => b.Unary("sign", difference),
            _ => b.Unary("clamp", b.Times(difference, 1 / g.Attributes.Double("beta")), ("min", -1.0), ("max", 1.0)),
        };
    }

    private static void CheckClasses(string name, OpContext op)
    {
        TensorType x = op[0];
        if (x.Rank < 2)
        {
            throw new OpException($"cross-entropy needs scores [N, classes, ...], got {x.ShapeText()}");
        }

        TensorType expected = new(DType.Int64, x.Shape.Where(static (_, axis) => axis != 1).ToEquatableArray());
        if (!op[1].Equals(expected))
        {
            throw new OpException($"cross-entropy of scores {x.ShapeText()} needs class indices {expected}, got {op[1]}");
        }
    }

    private static void CheckSame(string name, OpContext op)
    {
        if (!op[0].Equals(op[1]))
        {
            throw new OpException($"{name} needs a target of the prediction's type {op[0]}, got {op[1]}");
        }
    }
}

/// <summary>Subtracts the (smoothed) one-hot target from class probabilities <c>[N, C, d...]</c>: the core of the cross-entropy gradient.</summary>
internal sealed class SubtractTargetOp : OpDefinition
{
    public override string Name => "subtract_target";

    public override FusionKind Fusion => FusionKind.Elementwise;

    public override QuantizationRule Quantization => QuantizationRule.TrainingOnly;

    public override string NotDifferentiable => "second derivatives are not needed for training";

    public override string NotExportable => "only gradients use it";

    public override EquatableArray<TensorType> Infer(OpContext op) => One(op[0]);

    public override bool Lower(KernelContext k)
    {
        if (k.Type(0).DType != DType.Float32)
        {
            return false;
        }

        Place result = k.Result(0, CrossEntropyWithSlopeOp.ClassesLast(k.Type(0).Rank));
        string call = $"CrossEntropy<V>.SubtractTarget({CrossEntropyWithSlopeOp.Operands(k)}, {k.Write(result)})";

        // No target is ignored here, so that what the check before everything else lets pass may still be none.
        k.Emit($"CheckTarget({call}, {k.Read(k.RowMajorOperand(1))}, {k.Type(0).Shape[1].ToCSharp()});");
        return true;
    }

    public override string EmitCSharp(CSharpContext c) => $"TensorOps.SubtractTarget({c[0]}, {c[1]}, {Invariant.Text(c.Attributes.Double("label_smoothing"))})";

    public override Dim Flops(OpContext op, EquatableArray<TensorType> results) => results[0].Count;
}

/// <summary>Cross-entropy of scores <c>[N, C]</c> together with its gradient: what the training step needs of it, in one pass over the scores.</summary>
internal sealed class CrossEntropyWithSlopeOp : OpDefinition
{
    public override string Name => "cross_entropy_with_slope";

    public override FusionKind Fusion => FusionKind.Reduction;

    public override QuantizationRule Quantization => QuantizationRule.TrainingOnly;

    public override string NotDifferentiable => "second derivatives are not needed for training";

    public override string NotExportable => "only the training step uses it";

    public override EquatableArray<TensorType> Infer(OpContext op) => new[] { TensorType.Scalar(op[0].DType), op[0] };

    public override bool Lower(KernelContext k)
    {
        (Place loss, Place slope) = (k.Result(0), k.Result(1, ClassesLast(k.Type(0).Rank)));
        EmitChecked(k, $"CrossEntropy<V>.Run({Operands(k)}, {k.Write(loss)}, {k.Write(slope)})");
        return true;
    }

    /// <summary>The operands of the kernels of cross-entropy.</summary>
    public static string Operands(KernelContext k)
    {
        TensorType type = k.Type(0);
        string scores = k.Read(k.OrderedOperand(0, ClassesLast(type.Rank)));
        return $"{scores}, {k.Read(k.RowMajorOperand(1))}, {k.Type(1).Count.ToCSharp()}, {type.Shape[1].ToCSharp()}, {PointwiseContext.Number(k.Attributes.Double("label_smoothing"))}";
    }

    /// <summary>Writes a call that gives the first target that is no class, and the check of it: before everything else where the targets are an input.</summary>
    public static void EmitChecked(KernelContext k, string call)
    {
        Place targets = k.RowMajorOperand(1);
        string target = k.Read(targets);
        string classes = k.Type(0).Shape[1].ToCSharp();
        if (k.IsInput(targets))
        {
            k.Check($"CheckTarget(CrossEntropy<V>.FirstInvalid({target}, {k.Type(1).Count.ToCSharp()}, {classes}), {target}, {classes});", targets);
            k.Emit(call + ";");
        }
        else
        {
            k.Emit($"CheckTarget({call}, {target}, {classes});");
        }
    }

    /// <summary>The order of the scores in memory.</summary>
    public static EquatableArray<long> ClassesLast(int rank) => Place.Identity(rank).Where(static axis => axis != 1).Append(1).ToEquatableArray();

    public override string EmitCSharp(CSharpContext c) => $"TensorOps.CrossEntropyWithSlope({c[0]}, {c[1]}, {Invariant.Text(c.Attributes.Double("label_smoothing"))})";

    public override Dim Flops(OpContext op, EquatableArray<TensorType> results) => op[0].Count * 15;
}
