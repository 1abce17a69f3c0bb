using ModelGen.Compiler.Codegen;
using ModelGen.Compiler.Ir;

namespace ModelGen.Compiler.Ops;

/// <summary>
/// A tensor of random numbers, other ones at every call. Drawn from torch's generator in the order of the user's code, so that the same seed gives the numbers that
/// the eager model draws.
/// </summary>
internal sealed class RandomOp : OpDefinition
{
    public override string Name => "random";

    public override FusionKind Fusion => FusionKind.Opaque;

    public override QuantizationRule Quantization => QuantizationRule.Float;

    public override string NotDifferentiable => "it has no operands";

    // It advances the generator: never merged, and never removed even where nobody reads it.
    public override bool HasSideEffect => true;

    public override EquatableArray<TensorType> Infer(OpContext op)
    {
        DType type = op.Attributes.DType("dtype");
        string kind = op.Attributes.String("kind");
        return kind is "normal" or "uniform" && !type.IsFloat()
            ? throw new OpException($"random numbers of a {kind} distribution are floating-point, not {type}")
            : One(new TensorType(type, op.Attributes.Dims("shape")));
    }

    public override string? ExportProblem(OpContext op) => op.Attributes.String("kind") == "permutation" ? "a random permutation has no ONNX form" : null;

    public override string EmitCSharp(CSharpContext c)
    {
        string shape = CSharpContext.Longs(c.Attributes.Dims("shape"));
        string where = c.Result().DType.Torch() + ", device";
        (string a, string b) = (Invariant.Text(c.Attributes.Double("a")), Invariant.Text(c.Attributes.Double("b")));
        return c.Attributes.String("kind") switch
        {
            "normal" => $"TensorOps.RandomNormal({shape}, {a}, {b}, {where})",
            "uniform" => $"TensorOps.RandomUniform({shape}, {a}, {b}, {where})",
            "bernoulli" => $"TensorOps.RandomBernoulli({shape}, {a}, {where})",
            "permutation" => $"torch.randperm({c.Attributes.Dims("shape")[0].ToCSharp()}, {where})",
            _ => $"torch.randint((long){a}, (long){b}, {shape}, {where})",
        };
    }

    public override void EmitOnnx(OnnxContext c)
    {
        string shape = $"OnnxAttribute.Ints(\"shape\", {CSharpContext.Longs(c.Attributes.Dims("shape"))})";
        (double a, double b) = (c.Attributes.Double("a"), c.Attributes.Double("b"));
        TensorType numbers = c.Result() with { DType = DType.Float32 };
        string drawn = c.Attributes.String("kind") switch
        {
            "normal" => c.Intermediate("RandomNormal", [], numbers, shape, OnnxContext.Float("mean", a), OnnxContext.Float("scale", b)),
            "uniform" => c.Intermediate("RandomUniform", [], numbers, shape, OnnxContext.Float("low", a), OnnxContext.Float("high", b)),
            "bernoulli" => c.Intermediate(
                "Less", [c.Intermediate("RandomUniform", [], numbers, shape), c.Scalar(a)], numbers with { DType = DType.Bool }),
            _ => c.Intermediate("Floor", [c.Intermediate("RandomUniform", [], numbers, shape, OnnxContext.Float("low", a), OnnxContext.Float("high", b))], numbers),
        };
        c.Node("Cast", [drawn], OnnxContext.Type("to", c.Result().DType));
    }

    public override Dim Flops(OpContext op, EquatableArray<TensorType> results) => results[0].Count * 10;
}

/// <summary>1 with the probability that the operand gives for each element, 0 otherwise.</summary>
internal sealed class BernoulliOp : OpDefinition
{
    public override string Name => "bernoulli";

    public override FusionKind Fusion => FusionKind.Opaque;

    public override QuantizationRule Quantization => QuantizationRule.Float;

    public override string NotDifferentiable => "a draw has no gradient";

    public override bool HasSideEffect => true;

    public override EquatableArray<TensorType> Infer(OpContext op)
    {
        OpContext.RequireFloat(Name, op[0]);
        return One(op[0]);
    }

    public override string EmitCSharp(CSharpContext c) => $"torch.bernoulli({c[0]})";

    public override void EmitOnnx(OnnxContext c)
    {
        string drawn = c.Intermediate("RandomUniformLike", [c.Input(0)], c.Result() with { DType = DType.Float32 }, OnnxContext.Type("dtype", DType.Float32));
        string less = c.Intermediate("Less", [drawn, c.Input(0)], c.Result() with { DType = DType.Bool });
        c.Node("Cast", [less], OnnxContext.Type("to", c.Result().DType));
    }
}
