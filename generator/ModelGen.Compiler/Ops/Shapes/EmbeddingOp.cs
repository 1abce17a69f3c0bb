using ModelGen.Compiler.Codegen;
using ModelGen.Compiler.Ir;
using ModelGen.Compiler.Lowering;

namespace ModelGen.Compiler.Ops;

/// <summary>Rows of a table: weight <c>[count, dimension]</c>, int64 or int32 indices <c>[...]</c>, result <c>[..., dimension]</c>. The row <c>padding_index</c>, if given, has no gradient.</summary>
internal sealed class EmbeddingOp : OpDefinition
{
    public override string Name => "embedding";

    public override FusionKind Fusion => FusionKind.Injective;

    public override QuantizationRule Quantization => QuantizationRule.Float;

    public override EquatableArray<TensorType> Infer(OpContext op)
    {
        if (op[1].DType is not (DType.Int64 or DType.Int32))
        {
            throw new OpException($"an embedding takes whole-number indices, got {op[1]}; declare the input with [Shape(..., Type = ElementType.Int64)]");
        }

        return One(op[0].WithShape([.. op[1].Shape, op[0].Shape[1]]));
    }

    public override void Differentiate(GradientContext g) =>
        g.Set(0, () => g.Graph.AddNode("embedding_backward", new[] { g.Grad, g.Graph.Cast(g.Input(1), DType.Int64) }, g.Attributes.With("shape", g.TypeOf(g.Input(0)).Shape))[0]);

    public override bool Lower(KernelContext k)
    {
        if (k.Type(1).DType != DType.Int64 || k.Type(0).DType != DType.Float32)
        {
            return false;
        }

        Place table = k.RowMajorOperand(0);
        Place numbers = k.RowMajorOperand(1);
        string indices = k.Read(numbers);
        EquatableArray<Dim> shape = k.Type(0).Shape;
        string call = $"Embedding<V>.Forward({k.ReadPart(table, k.ResultType().Count)}, {shape[0].ToCSharp()}, {shape[1].ToCSharp()}, {indices}, {k.Type(1).Count.ToCSharp()}, {k.Write(k.Result())})";
        if (k.IsInput(numbers))
        {
            k.Check($"CheckIndex(Indexing.Outside({indices}, {k.Type(1).Count.ToCSharp()}, {shape[0].ToCSharp()}), {indices}, {shape[0].ToCSharp()}, {Invariant.Literal(k.Source)});", numbers);
            k.Emit(call + ";");
        }
        else
        {
            k.Emit($"CheckIndex({call}, {indices}, {shape[0].ToCSharp()}, {Invariant.Literal(k.Source)});");
        }

        return true;
    }

    public override string EmitCSharp(CSharpContext c) => $"TensorOps.Embedding({c[0]}, {c[1]})";

    public override void EmitOnnx(OnnxContext c) => c.Node("Gather", [c.Input(0), c.Input(1)], OnnxContext.Int("axis", 0));
}

/// <summary>Gradient of an embedding table: output gradients summed by index.</summary>
internal sealed class EmbeddingBackwardOp : OpDefinition
{
    public override string Name => "embedding_backward";

    public override FusionKind Fusion => FusionKind.Opaque;

    public override QuantizationRule Quantization => QuantizationRule.TrainingOnly;

    public override string NotDifferentiable => "second derivatives are not needed for training";

    public override string NotExportable => "only gradients use it";

    public override EquatableArray<TensorType> Infer(OpContext op) => One(op[0].WithShape(op.Attributes.Dims("shape")));

    public override bool Lower(KernelContext k)
    {
        if (k.Type(0).DType != DType.Float32)
        {
            return false;
        }

        EquatableArray<Dim> shape = k.ResultType().Shape;
        string operands = $"{k.Read(k.RowMajorOperand(0))}, {shape[0].ToCSharp()}, {shape[1].ToCSharp()}, {k.Read(k.RowMajorOperand(1))}, {k.Type(1).Count.ToCSharp()}, {Invariant.Text(k.Attributes.IntOr("padding_index", -1))}";
        k.Emit($"Embedding<V>.Backward({operands}, {k.Write(k.Result())});");
        return true;
    }

    public override string EmitCSharp(CSharpContext c) =>
        $"TensorOps.EmbeddingBackward({c[0]}, {c[1]}, {CSharpContext.Longs(c.Attributes.Dims("shape"))}, {Invariant.Text(c.Attributes.IntOr("padding_index", -1))})";
}
