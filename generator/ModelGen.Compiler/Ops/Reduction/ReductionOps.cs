using ModelGen.Compiler.Codegen;
using ModelGen.Compiler.Ir;
using ModelGen.Compiler.Lowering;

namespace ModelGen.Compiler.Ops;

/// <summary>Reduction over <c>axes</c> (non-negative, sorted), keeping them as size 1 when <c>keep</c> is set.</summary>
internal abstract class ReductionOp : OpDefinition
{
    public override FusionKind Fusion => FusionKind.Reduction;

    public override QuantizationRule Quantization => QuantizationRule.Float;

    public override EquatableArray<TensorType> Infer(OpContext op)
    {
        if (Name == "mean" || op[0].DType is not (DType.Int32 or DType.Int64))
        {
            OpContext.RequireFloat(Name, op[0]);
        }

        return One(op[0].WithShape(Reduced(op[0], op.Attributes.Ints("axes"), op.Attributes.Bool("keep"))));
    }

    public override Dim Flops(OpContext op, EquatableArray<TensorType> results) => op[0].Count;

    protected static IEnumerable<Dim> Reduced(TensorType type, EquatableArray<long> axes, bool keep) =>
        type.Shape.Select((dim, axis) => (dim, reduced: axes.Contains(axis))).Where(pair => keep || !pair.reduced).Select(static pair => pair.reduced ? 1 : pair.dim);

    /// <summary>A reduced tensor with its reduced dimensions back, as size 1.</summary>
    protected static int WithAxes(GradientContext g, int reduced) => g.Graph.Reshape(reduced, Reduced(g.TypeOf(g.Input(0)), g.Attributes.Ints("axes"), keep: true).ToEquatableArray());

    protected static int Expanded(GradientContext g, int reduced) => g.Graph.Add("expand", [WithAxes(g, reduced)], ("shape", g.TypeOf(g.Input(0)).Shape));

    protected static string Arguments(CSharpContext c) => $"{CSharpContext.Longs(c.Attributes.Ints("axes"))}, keepdim: {Invariant.Text(c.Attributes.Bool("keep"))}";

    protected static string KeepDims(OnnxContext c) => OnnxContext.Int("keepdims", c.Attributes.Bool("keep") ? 1 : 0);
}

/// <summary>Sum over axes.</summary>
internal sealed class SumOp : ReductionOp
{
    public override string Name => "sum";

    public override bool Lower(KernelContext k) => ReductionLowering.Sum(k, k.Attributes.Ints("axes"), mean: false);

    public override void Differentiate(GradientContext g) => g.Set(0, () => Expanded(g, g.Grad));

    public override string EmitCSharp(CSharpContext c) => $"{c[0]}.sum(dim: new long[] {{ {string.Join(", ", c.Attributes.Ints("axes").Select(Invariant.Text))} }}, keepdim: {Invariant.Text(c.Attributes.Bool("keep"))})";

    public override void EmitOnnx(OnnxContext c) => c.Node("ReduceSum", [c.Input(0), c.Longs([.. c.Attributes.Ints("axes").Select(Invariant.Text)])], KeepDims(c));
}

/// <summary>Mean over axes.</summary>
internal sealed class MeanOp : ReductionOp
{
    public override string Name => "mean";

    public override bool Lower(KernelContext k) => ReductionLowering.Sum(k, k.Attributes.Ints("axes"), mean: true);

    public override void Differentiate(GradientContext g) =>
        g.Set(0, () =>
        {
            TensorType input = g.TypeOf(g.Input(0));
            Dim count = g.Attributes.Ints("axes").Aggregate(Dim.One, (product, axis) => product * input.Shape[(int)axis]);
            return Expanded(g, g.Graph.Add("divide_by_size", [g.Grad], ("size", new[] { count })));
        });

    public override string EmitCSharp(CSharpContext c) => $"{c[0]}.mean({Arguments(c)})";

    // ONNX Runtime keeps the mean over height and width in integers and in its blocked layout only as GlobalAveragePool.
    public override void EmitOnnx(OnnxContext c)
    {
        if (c.Type(0).Rank == 4 && c.Attributes.Ints("axes").Equals(new long[] { 2, 3 }))
        {
            TensorType kept = c.Type(0).WithShape([c.Type(0).Shape[0], c.Type(0).Shape[1], 1, 1]);
            if (c.Attributes.Bool("keep"))
            {
                c.Node("GlobalAveragePool", [c.Input(0)]);
                return;
            }

            string pooled = c.Intermediate("GlobalAveragePool", [c.Input(0)], kept);
            c.Node("Reshape", [pooled, c.Longs([.. c.Result().Shape.Select(static dim => dim.ToCSharp())])]);
            return;
        }

        c.Node("ReduceMean", [c.Input(0), c.Longs([.. c.Attributes.Ints("axes").Select(Invariant.Text)])], KeepDims(c));
    }
}

/// <summary>Largest element over axes; at ties the gradient is shared evenly, as PyTorch's <c>amax</c> does.</summary>
internal sealed class AmaxOp : ReductionOp
{
    public override string Name => "amax";

    public override bool Lower(KernelContext k) => ReductionLowering.Fold(k, k.Attributes.Ints("axes"), "Reduction<V>.Max", "Integers.Max");

    public override void Differentiate(GradientContext g) =>
        g.Set(0, () =>
        {
            int wins = g.Graph.Mask("eq", g.Input(0), WithAxes(g, g.Output()));
            int count = g.Graph.Sum(wins, g.Attributes.Ints("axes").ToArray(), keep: true);
            return g.Graph.Times(wins, g.Graph.Over(WithAxes(g, g.Grad), count));
        });

    public override string EmitCSharp(CSharpContext c) => $"{c[0]}.amax({Arguments(c)})";

    public override void EmitOnnx(OnnxContext c) => c.Node("ReduceMax", [c.Input(0), c.Longs([.. c.Attributes.Ints("axes").Select(Invariant.Text)])], KeepDims(c));
}

/// <summary>Index of the largest element along one axis.</summary>
internal sealed class ArgmaxOp : OpDefinition
{
    public override string Name => "argmax";

    public override FusionKind Fusion => FusionKind.Reduction;

    public override string NotDifferentiable => "its result is an index";

    public override QuantizationRule Quantization => QuantizationRule.Float;

    public override EquatableArray<TensorType> Infer(OpContext op)
    {
        long axis = op.Attributes.Int("axis");
        bool keep = op.Attributes.Bool("keep");
        IEnumerable<Dim> shape = op[0].Shape.Select((dim, index) => (dim, index)).Where(pair => keep || pair.index != axis).Select(pair => pair.index == axis ? 1 : pair.dim);
        return One(new TensorType(DType.Int64, shape.ToEquatableArray()));
    }

    public override bool Lower(KernelContext k) => ReductionLowering.Fold(k, new[] { k.Attributes.Int("axis") }, "Reduction<V>.ArgMax");

    public override string EmitCSharp(CSharpContext c) => $"{c[0]}.argmax({Invariant.Text(c.Attributes.Int("axis"))}, {Invariant.Text(c.Attributes.Bool("keep"))})";

    public override void EmitOnnx(OnnxContext c) =>
        c.Node("ArgMax", [c.Input(0)], OnnxContext.Int("axis", c.Attributes.Int("axis")), OnnxContext.Int("keepdims", c.Attributes.Bool("keep") ? 1 : 0));
}

/// <summary>Divides by a size known when the code runs, such as the batch size.</summary>
internal sealed class DivideBySizeOp : OpDefinition
{
    public override string Name => "divide_by_size";

    public override FusionKind Fusion => FusionKind.Elementwise;

    public override Func<PointwiseContext, string>? Pointwise => VectorForms.Of(Name);

    public override QuantizationRule Quantization => QuantizationRule.TrainingOnly;

    public override string NotExportable => "only gradients use it";

    public override EquatableArray<TensorType> Infer(OpContext op) => One(op[0]);

    public override void Differentiate(GradientContext g) => g.Set(0, () => g.Graph.Add("divide_by_size", [g.Grad], ("size", g.Attributes.Dims("size"))));

    public override string EmitCSharp(CSharpContext c) => $"TensorOps.Divide({c[0]}, (double)({c.Attributes.Dims("size")[0].ToCSharp()}))";
}

/// <summary>Sums broadcast dimensions away until the tensor has the given shape: the gradient of broadcasting.</summary>
internal sealed class SumToOp : OpDefinition
{
    public override string Name => "sum_to";

    public override bool Lower(KernelContext k)
    {
        (EquatableArray<Dim> from, EquatableArray<Dim> to) = (k.Type(0).Shape, k.ResultType().Shape);
        int added = from.Count - to.Count;
        return ReductionLowering.Sum(k, Place.Identity(from.Count).Where(axis => axis < added || (to[(int)axis - added].Constant == 1 && from[(int)axis].Constant != 1)).ToEquatableArray(), mean: false);
    }

    public override FusionKind Fusion => FusionKind.Reduction;

    public override QuantizationRule Quantization => QuantizationRule.TrainingOnly;

    public override string NotExportable => "only gradients use it";

    public override EquatableArray<TensorType> Infer(OpContext op) => One(op[0].WithShape(op.Attributes.Dims("shape")));

    public override void Differentiate(GradientContext g) => g.Set(0, () => g.Graph.Add("expand", [g.Grad], ("shape", g.TypeOf(g.Input(0)).Shape)));

    public override string EmitCSharp(CSharpContext c) => $"TensorOps.SumTo({c[0]}, {CSharpContext.Longs(c.Attributes.Dims("shape"))})";

    public override Dim Flops(OpContext op, EquatableArray<TensorType> results) => op[0].Count;
}
