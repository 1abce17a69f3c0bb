using ModelGen.Compiler.Codegen;
using ModelGen.Compiler.Ir;
using ModelGen.Compiler.Lowering;

namespace ModelGen.Compiler.Ops;

/// <summary>Matrix product over the last two dimensions, broadcasting the leading ones; operands have at least two dimensions.</summary>
internal sealed class MatMulOp : OpDefinition
{
    public override string Name => "matmul";

    public override FusionKind Fusion => FusionKind.Anchor;

    public override QuantizationRule Quantization => QuantizationRule.Integer;

    public override EquatableArray<TensorType> Infer(OpContext op)
    {
        (TensorType a, TensorType b) = (op[0], op[1]);
        OpContext.RequireFloat(Name, a);
        if (a.Rank < 2 || b.Rank < 2 || a.DType != b.DType)
        {
            throw new OpException($"matmul needs two matrices (or batches of them) of one type, got {a} and {b}; use unsqueeze for vectors");
        }

        if (!a.Shape[a.Rank - 1].Equals(b.Shape[b.Rank - 2]))
        {
            throw new OpException(
                $"matmul: {a.ShapeText()} times {b.ShapeText()}: the inner sizes {a.Shape[a.Rank - 1]} and {b.Shape[b.Rank - 2]} differ. "
                + $"If the second operand is stored transposed, use transpose(-2, -1)");
        }

        EquatableArray<Dim> batch = OpContext.Broadcast(Name, Leading(a), Leading(b));
        return One(a.WithShape([.. batch, a.Shape[a.Rank - 2], b.Shape[b.Rank - 1]]));
    }

    public override void Differentiate(GradientContext g)
    {
        g.Set(0, () => g.Graph.MatMul(g.Grad, g.Graph.Transposed(g.Input(1))));
        g.Set(1, () => g.Graph.MatMul(g.Graph.Transposed(g.Input(0)), g.Grad));
    }

    public override bool TakesEpilogue => true;

    public override bool Lower(KernelContext k)
    {
        if (k.Type(1).Rank == 2)
        {
            LowerProduct(k, k.Operand(1));
            return true;
        }

        return LowerBatch(k);
    }

    private static bool LowerBatch(KernelContext k)
    {
        EquatableArray<Dim> shape = k.ResultType().Shape;
        int batches = shape.Count - 2;
        EquatableArray<Dim> leading = shape.Take(batches).ToEquatableArray();
        (Place a, Place b) = (k.Operand(0), k.Operand(1));
        Place Batched(Place place) => place.Expand((Dim[])[.. leading, place.Shape[place.Shape.Count - 2], place.Shape[place.Shape.Count - 1]]);
        (a, b) = (Batched(a), Batched(b));
        Place c = k.Result();
        LoopNest loops = LoopNest.Of(leading, Place.Identity(batches), [.. new[] { a, b, c }.Select(place => place.Strides.Take(batches).ToEquatableArray())]);
        if (loops.Sizes.Count > 2)
        {
            return false;
        }

        string Stride(int operand, int fromInner) => loops.Sizes.Count > fromInner ? loops.Strides[operand][loops.Sizes.Count - 1 - fromInner].ToCSharp() : "0";
        string Size(int fromInner) => loops.Sizes.Count > fromInner ? loops.Sizes[loops.Sizes.Count - 1 - fromInner].ToCSharp() : "1";
        string batch = $"new GemmBatch({Size(1)}, {Size(0)}) {{ AOuter = {Stride(0, 1)}, AInner = {Stride(0, 0)}, BOuter = {Stride(1, 1)}, BInner = {Stride(1, 0)}, COuter = {Stride(2, 1)}, CInner = {Stride(2, 0)} }}";
        string problem =
            $"new GemmProblem({shape[batches].ToCSharp()}, {shape[batches + 1].ToCSharp()}, {a.Shape[batches + 1].ToCSharp()}) {{ A = {k.Read(a)}, ARow = {a.Strides[batches].ToCSharp()}, AColumn = {a.Strides[batches + 1].ToCSharp()}, "
            + $"B = {k.Read(b)}, BRow = {b.Strides[batches].ToCSharp()}, BColumn = {b.Strides[batches + 1].ToCSharp()}, C = {k.Write(c)} }}";
        k.Emit($"{k.Product("Gemm")}.Run({problem}, {batch});");
        return true;
    }

    /// <summary>The product of the first operand, its leading dimensions taken together, and a matrix.</summary>
    public static void LowerProduct(KernelContext k, Place right)
    {
        TensorType result = k.ResultType();
        Dim columns = result.Shape[result.Rank - 1];
        Dim depth = right.Shape[0];
        Dim rows = result.Shape.Take(result.Rank - 1).Aggregate(Dim.One, static (product, dim) => product * dim);
        Place left = k.Operand(0).Reshape(new[] { rows, depth }) ?? k.RowMajorOperand(0).Reshape(new[] { rows, depth })!;
        Place target = k.Result();
        string problem =
            $"new GemmProblem({rows.ToCSharp()}, {columns.ToCSharp()}, {depth.ToCSharp()}) {{ A = {k.Read(left)}, ARow = {left.Strides[0].ToCSharp()}, AColumn = {left.Strides[1].ToCSharp()}, "
            + $"B = {k.Read(right)}, BRow = {right.Strides[0].ToCSharp()}, BColumn = {right.Strides[1].ToCSharp()}, C = {k.Write(target)} }}";
        k.Emit($"{k.Product("Gemm")}.Run({problem}{k.Epilogue(columns)});");
    }

    public override string EmitCSharp(CSharpContext c) => $"torch.matmul({c[0]}, {c[1]})";

    public override void EmitOnnx(OnnxContext c) => c.Node("MatMul", [c.Input(0), c.Input(1)]);

    public override Dim Flops(OpContext op, EquatableArray<TensorType> results) => results[0].Count * op[0].Shape[op[0].Rank - 1] * 2;

    private static EquatableArray<Dim> Leading(TensorType type) => type.Shape.Take(type.Rank - 2).ToEquatableArray();
}
