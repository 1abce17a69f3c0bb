using ModelGen.Compiler.Codegen;
using ModelGen.Compiler.Ir;
using ModelGen.Compiler.Lowering;

namespace ModelGen.Compiler.Ops;

/// <summary>An operator that moves elements without computing.</summary>
internal abstract class ShapeOp : OpDefinition
{
    public override FusionKind Fusion => FusionKind.Injective;

    public override QuantizationRule Quantization => QuantizationRule.SameRange;

    public override int ViewOf => 0;
}

/// <summary>The same elements in another shape of equal count (view, flatten, squeeze, unsqueeze ...).</summary>
internal sealed class ReshapeOp : ShapeOp
{
    public override string Name => "reshape";

    public override EquatableArray<TensorType> Infer(OpContext op)
    {
        TensorType result = op[0].WithShape(op.Attributes.Dims("shape"));
        return result.Count.Equals(op[0].Count)
            ? One(result)
            : throw new OpException($"reshape: {op[0].ShapeText()} has {op[0].Count} elements and {result.ShapeText()} has {result.Count}; the counts must be equal");
    }

    public override void Differentiate(GradientContext g) => g.Set(0, () => g.Graph.Reshape(g.Grad, g.TypeOf(g.Input(0)).Shape));

    public override string EmitCSharp(CSharpContext c) => $"{c[0]}.reshape({CSharpContext.Longs(c.Result().Shape)})";

    public override void EmitOnnx(OnnxContext c) => c.Node("Reshape", [c.Input(0), c.Longs([.. c.Result().Shape.Select(static dim => dim.ToCSharp())])]);
}

/// <summary>Dimensions in another order.</summary>
internal sealed class PermuteOp : ShapeOp
{
    public override string Name => "permute";

    public override EquatableArray<TensorType> Infer(OpContext op)
    {
        EquatableArray<long> order = op.Attributes.Ints("order");
        return order.OrderBy(static axis => axis).SequenceEqual(Enumerable.Range(0, op[0].Rank).Select(static axis => (long)axis))
            ? One(op[0].WithShape(order.Select(axis => op[0].Shape[(int)axis])))
            : throw new OpException($"permute: {order} does not name each dimension of {op[0].ShapeText()} once");
    }

    public override void Differentiate(GradientContext g)
    {
        EquatableArray<long> order = g.Attributes.Ints("order");
        long[] inverse = new long[order.Count];
        for (int i = 0; i < inverse.Length; i++)
        {
            inverse[order[i]] = i;
        }

        g.Set(0, () => g.Graph.Permute(g.Grad, inverse));
    }

    public override string EmitCSharp(CSharpContext c) => $"{c[0]}.permute({CSharpContext.Longs(c.Attributes.Ints("order"))})";

    public override void EmitOnnx(OnnxContext c) => c.Node("Transpose", [c.Input(0)], OnnxContext.Ints("perm", c.Attributes.Ints("order")));
}

/// <summary>Repeats dimensions of size 1, and adds leading ones, without copying.</summary>
internal sealed class ExpandOp : ShapeOp
{
    public override string Name => "expand";

    public override EquatableArray<TensorType> Infer(OpContext op)
    {
        EquatableArray<Dim> shape = op.Attributes.Dims("shape");
        return OpContext.Broadcast(Name, op[0].Shape, shape).Equals(shape)
            ? One(op[0].WithShape(shape))
            : throw new OpException($"expand: {op[0].ShapeText()} does not expand to {shape}; only dimensions of size 1 can grow");
    }

    public override void Differentiate(GradientContext g) => g.Set(0, () => g.Grad);

    public override string EmitCSharp(CSharpContext c) => $"{c[0]}.expand({CSharpContext.Longs(c.Attributes.Dims("shape"))})";

    public override void EmitOnnx(OnnxContext c) => c.Node("Expand", [c.Input(0), c.Longs([.. c.Result().Shape.Select(static dim => dim.ToCSharp())])]);
}

/// <summary>A range of one dimension: attributes axis, start, length.</summary>
internal sealed class SliceOp : ShapeOp
{
    public override string Name => "slice";

    public override EquatableArray<TensorType> Infer(OpContext op)
    {
        int axis = (int)op.Attributes.Int("axis");
        Dim start = op.Attributes.Dims("start")[0];
        Dim length = op.Attributes.Dims("length")[0];
        Dim rest = op[0].Shape[axis] - start - length;
        if (start.Constant < 0 || length.Constant < 0 || rest.Constant < 0)
        {
            throw new OpException($"slice: elements {start} to {start + length} lie outside dimension {Invariant.Text(axis)} of {op[0].ShapeText()}");
        }

        return One(op[0].WithShape(op[0].Shape.Select((dim, index) => index == axis ? length : dim)));
    }

    public override void Differentiate(GradientContext g) =>
        g.Set(0, () => g.Graph.AddNode("slice_backward", new[] { g.Grad }, g.Attributes.With("shape", g.TypeOf(g.Input(0)).Shape))[0]);

    public override string EmitCSharp(CSharpContext c) =>
        $"{c[0]}.narrow({Invariant.Text(c.Attributes.Int("axis"))}, {c.Attributes.Dims("start")[0].ToCSharp()}, {c.Attributes.Dims("length")[0].ToCSharp()})";

    public override void EmitOnnx(OnnxContext c)
    {
        Dim start = c.Attributes.Dims("start")[0];
        Dim end = start + c.Attributes.Dims("length")[0];
        c.Node("Slice", [c.Input(0), c.Longs(start.ToCSharp()), c.Longs(end.ToCSharp()), c.Longs(Invariant.Text(c.Attributes.Int("axis")))]);
    }
}

/// <summary>Zeros of a shape with the operand put into the range it was sliced from.</summary>
internal sealed class SliceBackwardOp : OpDefinition
{
    public override string Name => "slice_backward";

    public override FusionKind Fusion => FusionKind.Injective;

    public override QuantizationRule Quantization => QuantizationRule.TrainingOnly;

    public override string NotExportable => "only gradients use it";

    public override EquatableArray<TensorType> Infer(OpContext op) => One(op[0].WithShape(op.Attributes.Dims("shape")));

    public override void Differentiate(GradientContext g) =>
        g.Set(0, () => g.Graph.Slice(g.Grad, g.Attributes.Int("axis"), g.Attributes.Dims("start")[0], g.Attributes.Dims("length")[0]));

    public override bool Lower(KernelContext k)
    {
        if (k.Type(0).DType != DType.Float32)
        {
            return false;
        }

        Place result = k.ResultLike(0);
        k.Emit($"Movement<V>.Fill({k.Write(result)}, {k.ResultType().Count.ToCSharp()}, 0);");
        k.Copy(k.Operand(0), result.Slice((int)k.Attributes.Int("axis"), k.Attributes.Dims("start")[0], k.Type(0).Shape[(int)k.Attributes.Int("axis")]));
        return true;
    }

    public override string EmitCSharp(CSharpContext c) =>
        $"TensorOps.SliceBackward({c[0]}, {CSharpContext.Longs(c.Attributes.Dims("shape"))}, {Invariant.Text(c.Attributes.Int("axis"))}, {c.Attributes.Dims("start")[0].ToCSharp()})";
}

/// <summary>Joins tensors along one dimension.</summary>
internal sealed class CatOp : OpDefinition
{
    public override string Name => "cat";

    public override FusionKind Fusion => FusionKind.Injective;

    public override QuantizationRule Quantization => QuantizationRule.Integer;

    public override EquatableArray<TensorType> Infer(OpContext op)
    {
        int axis = (int)op.Attributes.Int("axis");
        Dim total = Dim.Zero;
        for (int i = 0; i < op.Inputs.Length; i++)
        {
            bool fits = op[i].DType == op[0].DType && op[i].Rank == op[0].Rank
                && op[i].Shape.Select((dim, index) => index == axis || dim.Equals(op[0].Shape[index])).All(static same => same);
            if (!fits)
            {
                throw new OpException($"cat: {op[i]} does not join {op[0]} along dimension {Invariant.Text(axis)}; all other sizes and the element type must be equal");
            }

            total += op[i].Shape[axis];
        }

        return One(op[0].WithShape(op[0].Shape.Select((dim, index) => index == axis ? total : dim)));
    }

    public override void Differentiate(GradientContext g)
    {
        long axis = g.Attributes.Int("axis");
        Dim start = Dim.Zero;
        for (int i = 0; g.HasInput(i); i++)
        {
            (Dim from, Dim length) = (start, g.TypeOf(g.Input(i)).Shape[(int)axis]);
            g.Set(i, () => g.Graph.Slice(g.Grad, axis, from, length));
            start += length;
        }
    }

    public override bool Lower(KernelContext k)
    {
        int axis = (int)k.Attributes.Int("axis");
        Place result = k.ResultLike(0);
        Dim start = Dim.Zero;
        for (int i = 0; k.Has(i); i++)
        {
            Dim length = k.Type(i).Shape[axis];
            k.Copy(k.Operand(i), result.Slice(axis, start, length));
            start += length;
        }

        return true;
    }

    public override string EmitCSharp(CSharpContext c) =>
        $"torch.cat(new Tensor[] {{ {string.Join(", ", Enumerable.Range(0, c.InputCount).Select(index => c[index]))} }}, {Invariant.Text(c.Attributes.Int("axis"))})";

    public override void EmitOnnx(OnnxContext c) => c.Node("Concat", [.. Enumerable.Range(0, c.InputCount).Select(c.Input)], OnnxContext.Int("axis", c.Attributes.Int("axis")));
}

/// <summary>True above the main diagonal of a <c>[rows, columns]</c> matrix: the positions that causal attention must not see.</summary>
internal sealed class CausalMaskOp : OpDefinition
{
    public override string Name => "causal_mask";

    public override FusionKind Fusion => FusionKind.Injective;

    public override QuantizationRule Quantization => QuantizationRule.Float;

    public override string NotDifferentiable => "it has no operands";

    public override EquatableArray<TensorType> Infer(OpContext op) => One(new TensorType(DType.Bool, op.Attributes.Dims("shape")));

    public override string EmitCSharp(CSharpContext c)
    {
        EquatableArray<Dim> shape = c.Attributes.Dims("shape");
        return $"TensorOps.CausalMask({shape[0].ToCSharp()}, {shape[1].ToCSharp()}, device)";
    }

    public override bool Lower(KernelContext k)
    {
        EquatableArray<Dim> shape = k.Attributes.Dims("shape");
        k.Emit($"Patterns.Causal({k.Write(k.Result())}, {shape[0].ToCSharp()}, {shape[1].ToCSharp()});");
        return true;
    }

    public override string NotExportable => "the exporter computes it and writes an initialiser";
}
