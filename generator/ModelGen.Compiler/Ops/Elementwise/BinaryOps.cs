using ModelGen.Compiler.Codegen;
using ModelGen.Compiler.Ir;
using ModelGen.Compiler.Lowering;

namespace ModelGen.Compiler.Ops;

/// <summary>Arithmetic of two broadcast operands of one type. The family's members are the table <see cref="All"/>.</summary>
internal sealed class BinaryOp(
    string name,
    string csharp,
    string kernel,
    string onnx,
    Action<GradientContext> gradient,
    QuantizationRule quantization = QuantizationRule.Float) : OpDefinition
{
    public override string Name => name;

    public override FusionKind Fusion => FusionKind.Elementwise;

    public override Func<PointwiseContext, string>? Pointwise => VectorForms.Of(name);

    public override QuantizationRule Quantization => quantization;

    public static IEnumerable<OpDefinition> All()
    {
        yield return new BinaryOp("add", "{0} + {1}", "Add", "Add", Sum(subtract: false), QuantizationRule.Integer);
        yield return new BinaryOp("sub", "{0} - {1}", "Subtract", "Sub", Sum(subtract: true));
        yield return new BinaryOp("mul", "{0} * {1}", "Multiply", "Mul", Product, QuantizationRule.Integer);
        yield return new BinaryOp("div", "{0} / {1}", "Divide", "Div", Quotient);
        yield return new BinaryOp("pow", "{0}.pow({1})", "Power", "Pow", Power);
        yield return new BinaryOp("maximum", "torch.maximum({0}, {1})", "Maximum", "Max", Extreme);
        yield return new BinaryOp("minimum", "torch.minimum({0}, {1})", "Minimum", "Min", Extreme);
    }

    public override EquatableArray<TensorType> Infer(OpContext op)
    {
        if (op[0].DType != op[1].DType)
        {
            throw new OpException($"{name}: operands are {op[0]} and {op[1]}; convert one of them with .to(...)");
        }

        return One(new TensorType(op[0].DType, OpContext.Broadcast(name, op[0].Shape, op[1].Shape)));
    }

    public override void Differentiate(GradientContext g) => gradient(g);

    public override bool Lower(KernelContext k) => IntegerLowering.Binary(k, name);

    public override string EmitCSharp(CSharpContext c)
    {
        string? left = c.Scalar(0);
        string? right = c.Scalar(1);
        return left is null && right is null
            ? string.Format(System.Globalization.CultureInfo.InvariantCulture, csharp, c[0], c[1])
            : $"TensorOps.{kernel}({(right is not null ? c[0] : left)}, {right ?? c[1]})";
    }

    public override void EmitOnnx(OnnxContext c) => c.Node(onnx, [c.Input(0), c.Input(1)]);

    public override Dim Flops(OpContext op, EquatableArray<TensorType> results) => results[0].Count;

    private static Action<GradientContext> Sum(bool subtract) => g =>
    {
        g.Set(0, () => g.Grad);
        g.Set(1, () => subtract ? g.Graph.Unary("neg", g.Grad) : g.Grad);
    };

    private static void Product(GradientContext g)
    {
        g.Set(0, () => g.Graph.Times(g.Grad, g.Input(1)));
        g.Set(1, () => g.Graph.Times(g.Grad, g.Input(0)));
    }

    private static void Quotient(GradientContext g)
    {
        g.Set(0, () => g.Graph.Over(g.Grad, g.Input(1)));
        g.Set(1, () => g.Graph.Unary("neg", g.Graph.Over(g.Graph.Times(g.Grad, g.Output()), g.Input(1))));
    }

    private static void Power(GradientContext g)
    {
        GraphBuilder b = g.Graph;
        g.Set(0, () => b.Times(g.Grad, b.Times(g.Input(1), b.Add("pow", [g.Input(0), b.Plus(g.Input(1), -1.0)]))));
        g.Set(1, () => b.Times(g.Grad, b.Times(g.Output(), b.Unary("log", g.Input(0)))));
    }

    // At a tie PyTorch gives each operand half of the gradient.
    private static void Extreme(GradientContext g)
    {
        GraphBuilder b = g.Graph;
        int Share(int operand)
        {
            int wins = b.Mask("eq", g.Input(operand), g.Output());
            int tie = b.Mask("eq", g.Input(0), g.Input(1));
            return b.Times(g.Grad, b.Minus(wins, b.Times(tie, 0.5)));
        }

        g.Set(0, () => Share(0));
        g.Set(1, () => Share(1));
    }
}
