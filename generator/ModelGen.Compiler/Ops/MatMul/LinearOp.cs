using ModelGen.Compiler.Codegen;
using ModelGen.Compiler.Ir;
using ModelGen.Compiler.Lowering;

namespace ModelGen.Compiler.Ops;

/// <summary>Affine map of the last dimension: <c>x [..., in]</c>, weight <c>[out, in]</c>, optional bias <c>[out]</c>.</summary>
internal sealed class LinearOp : OpDefinition
{
    public override string Name => "linear";

    public override FusionKind Fusion => FusionKind.Anchor;

    public override QuantizationRule Quantization => QuantizationRule.Integer;

    public override EquatableArray<TensorType> Infer(OpContext op)
    {
        (TensorType x, TensorType weight) = (op[0], op[1]);
        OpContext.RequireFloat(Name, x);
        if (x.Rank < 1 || weight.Rank != 2)
        {
            throw new OpException($"linear needs an input with at least one dimension and a weight [out, in], got {x} and {weight}");
        }

        if (!x.Shape[x.Rank - 1].Equals(weight.Shape[1]))
        {
            throw new OpException(
                $"linear: the input {x.ShapeText()} ends in {x.Shape[x.Rank - 1]} features but the weight {weight.ShapeText()} takes {weight.Shape[1]}"
                + (x.Rank > 2 ? "; did you mean to flatten the input first, flatten(x, 1)?" : ""));
        }

        if (op.Has(2) && !op[2].Shape.Equals(new[] { weight.Shape[0] }))
        {
            throw new OpException($"linear: the bias {op[2].ShapeText()} does not fit the weight {weight.ShapeText()}; it must be [{weight.Shape[0]}]");
        }

        return One(x.WithShape([.. x.Shape.Take(x.Rank - 1), weight.Shape[0]]));
    }

    public override void Differentiate(GradientContext g)
    {
        GraphBuilder b = g.Graph;
        TensorType x = g.TypeOf(g.Input(0));
        TensorType y = g.TypeOf(g.Grad);
        // Rows of all leading dimensions together: dX = dY W, dW = dY^T X.
        int Rows(int value, TensorType type) => b.Reshape(value, new[] { type.Shape.Take(type.Rank - 1).Aggregate(Dim.One, static (product, dim) => product * dim), type.Shape[type.Rank - 1] });
        g.Set(0, () => b.Reshape(b.MatMul(Rows(g.Grad, y), g.Input(1)), x.Shape));
        g.Set(1, () => b.MatMul(b.Transposed(Rows(g.Grad, y)), Rows(g.Input(0), x)));
        g.Set(2, () => b.Sum(Rows(g.Grad, y), [0], keep: false));
    }

    public override string EmitCSharp(CSharpContext c) => $"F.linear({c[0]}, {c[1]}{(c.Has(2) ? ", " + c[2] : "")})";

    public override bool TakesEpilogue => true;

    /// <summary>All leading dimensions together are the rows of one product. A bias was split off before.</summary>
    public override bool Lower(KernelContext k)
    {
        if (k.IsStep || !LowerPacked(k))
        {
            MatMulOp.LowerProduct(k, k.Operand(1).Permute(new long[] { 1, 0 }));
        }

        return true;
    }

    /// <summary>
    /// Inference keeps the weights as the panels that products read, like those of a convolution of 1 x 1 over the rows (measured: 1.1 times as fast with 128 rows, twice with 16). With fewer
    /// rows, looking whether the weights are still the same would take as long as the product.
    /// </summary>
    /// <returns>False where there are few rows, they do not lie one after the other, or the weights have sizes that are not known.</returns>
    private static bool LowerPacked(KernelContext k)
    {
        const long FewestRows = 16;
        EquatableArray<Dim> shape = k.ResultType().Shape;
        if ((k.Type(1).Shape[0].Constant, k.Type(1).Shape[1].Constant) is not (long outputs, long inputs))
        {
            return false;
        }

        Dim rows = shape.Take(shape.Count - 1).Aggregate(Dim.One, static (product, dim) => product * dim);
        Place? left = k.Operand(0).Reshape(new[] { rows, inputs });
        if (rows.Evaluate(rows.Symbols().ToDictionary(static symbol => symbol, static _ => 1L)) < FewestRows || left?.IsDense(Place.Identity(2)) != true)
        {
            return false;
        }

        Place panels = ConvOp.Pack(k, k.OrderedOperand(1, new long[] { 1, 0 }), inputs, outputs, groups: 1);
        string row = $"new ConvolutionShape(1, 1, {rows.ToCSharp()}, {Invariant.Text(inputs)}, {Invariant.Text(outputs)}, 1, 1)";
        Place target = k.Result();
        k.Emit($"Convolution<V>.Forward({row}, {k.Read(left)}, new PackedWeights({k.Read(panels)}), {k.Write(target)}{k.Epilogue(outputs)});");
        return true;
    }

    // [K, N] weights as MatMul or Gemm takes them: the form whose quantized version ONNX Runtime turns into QGemm.
    public override void EmitOnnx(OnnxContext c)
    {
        TensorType weight = c.Type(1);
        string transposed = c.TransposedWeight(1)
            ?? c.Intermediate("Transpose", [c.Input(1)], weight.WithShape(weight.Shape.Reverse()), OnnxContext.Ints("perm", [1, 0]));
        if (c.Result().Rank == 2)
        {
            c.Node("Gemm", c.Has(2) ? [c.Input(0), transposed, c.Input(2)] : [c.Input(0), transposed]);
        }
        else if (c.Has(2))
        {
            c.Node("Add", [c.Intermediate("MatMul", [c.Input(0), transposed], c.Result()), c.Input(2)]);
        }
        else
        {
            c.Node("MatMul", [c.Input(0), transposed]);
        }
    }

    public override Dim Flops(OpContext op, EquatableArray<TensorType> results) => results[0].Count * op[1].Shape[1] * 2 + (op.Has(2) ? results[0].Count : 0);
}
