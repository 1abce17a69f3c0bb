using ModelGen.Compiler.Codegen;
using ModelGen.Compiler.Ir;
using ModelGen.Compiler.Lowering;

namespace ModelGen.Compiler.Ops;

/// <summary>A floating-point function of each element. The family's members are the table <see cref="All"/>.</summary>
internal sealed class UnaryOp(
    string name,
    Func<CSharpContext, string> csharp,
    Func<GradientContext, int>? gradient,
    Action<OnnxContext> onnx,
    QuantizationRule quantization = QuantizationRule.Float,
    int flops = 1,
    string? notDifferentiable = null) : OpDefinition
{
    public override string Name => name;

    public override FusionKind Fusion => FusionKind.Elementwise;

    public override Func<PointwiseContext, string>? Pointwise => VectorForms.Of(name);

    public override string? NotDifferentiable => notDifferentiable;

    public override QuantizationRule Quantization => quantization;

    public static IEnumerable<OpDefinition> All()
    {
        yield return new UnaryOp("neg", static c => $"{c[0]}.neg()", static g => g.Graph.Unary("neg", g.Grad), Direct("Neg"));
        yield return new UnaryOp("abs", static c => $"{c[0]}.abs()", static g => g.Graph.Times(g.Grad, g.Graph.Unary("sign", g.Input(0))), Direct("Abs"));
        yield return new UnaryOp("sign", static c => $"{c[0]}.sign()", null, Direct("Sign"), notDifferentiable: "its derivative is zero wherever it exists");
        yield return new UnaryOp("exp", static c => $"{c[0]}.exp()", static g => g.Graph.Times(g.Grad, g.Output()), Direct("Exp"), flops: 8);
        yield return new UnaryOp("log", static c => $"{c[0]}.log()", static g => g.Graph.Over(g.Grad, g.Input(0)), Direct("Log"), flops: 8);
        yield return new UnaryOp("sin", static c => $"{c[0]}.sin()", static g => g.Graph.Times(g.Grad, g.Graph.Unary("cos", g.Input(0))), Direct("Sin"), flops: 8);
        yield return new UnaryOp("cos", static c => $"{c[0]}.cos()", static g => g.Graph.Unary("neg", g.Graph.Times(g.Grad, g.Graph.Unary("sin", g.Input(0)))), Direct("Cos"), flops: 8);
        yield return new UnaryOp("sqrt", static c => $"{c[0]}.sqrt()", static g => g.Graph.Over(g.Graph.Times(g.Grad, 0.5), g.Output()), Direct("Sqrt"));
        yield return new UnaryOp("rsqrt", static c => $"{c[0]}.rsqrt()", RsqrtGradient, static c => c.Node("Reciprocal", [c.Intermediate("Sqrt", [c.Input(0)], c.Result())]));
        yield return new UnaryOp("reciprocal", static c => $"{c[0]}.reciprocal()", static g => g.Graph.Unary("neg", g.Graph.Times(g.Grad, g.Graph.Unary("square", g.Output()))), Direct("Reciprocal"));
        yield return new UnaryOp("square", static c => $"{c[0]}.square()", static g => g.Graph.Times(g.Grad, g.Graph.Times(g.Input(0), 2.0)), static c => c.Node("Mul", [c.Input(0), c.Input(0)]));
        yield return new UnaryOp("erf", static c => $"{c[0]}.erf()", ErfGradient, Direct("Erf"), flops: 10);
        yield return new UnaryOp("log1p", static c => $"{c[0]}.log1p()", static g => g.Graph.Over(g.Grad, g.Graph.Plus(g.Input(0), 1.0)), static c => c.Node("Log", [c.Intermediate("Add", [c.Input(0), c.Scalar(1)], c.Result())]), flops: 8);
        yield return new UnaryOp("expm1", static c => $"{c[0]}.expm1()", static g => g.Graph.Times(g.Grad, g.Graph.Plus(g.Output(), 1.0)), static c => c.Node("Sub", [c.Intermediate("Exp", [c.Input(0)], c.Result()), c.Scalar(1)]), flops: 8);
        yield return new UnaryOp("tanh", static c => $"{c[0]}.tanh()", static g => g.Graph.Times(g.Grad, g.Graph.Minus(1.0, g.Graph.Unary("square", g.Output()))), Direct("Tanh"), flops: 10);
        yield return new UnaryOp("sigmoid", static c => $"{c[0]}.sigmoid()", static g => g.Graph.Times(g.Grad, g.Graph.Times(g.Output(), g.Graph.Minus(1.0, g.Output()))), Direct("Sigmoid"), QuantizationRule.Integer, flops: 10);
        foreach (OpDefinition activation in Activations())
        {
            yield return activation;
        }
    }

    public override EquatableArray<TensorType> Infer(OpContext op)
    {
        // Of the family only these have a meaning for integers.
        if (name is not ("neg" or "abs" or "sign" or "square" or "relu" or "clamp") || op[0].DType == DType.Bool)
        {
            OpContext.RequireFloat(name, op[0]);
        }

        return One(op[0]);
    }

    public override void Differentiate(GradientContext g) => g.Set(0, () => gradient!(g));

    public override bool Lower(KernelContext k) => IntegerLowering.Unary(k, name);

    public override string EmitCSharp(CSharpContext c) => csharp(c);

    public override void EmitOnnx(OnnxContext c) => onnx(c);

    public override Dim Flops(OpContext op, EquatableArray<TensorType> results) => results[0].Count * flops;

    private static IEnumerable<OpDefinition> Activations()
    {
        yield return new UnaryOp("relu", static c => $"F.relu({c[0]})", static g => g.Graph.Times(g.Grad, g.Graph.Mask("gt", g.Output(), 0.0)), Direct("Relu"), QuantizationRule.Integer);
        yield return new UnaryOp("gelu", static c => c.Attributes.Bool("tanh") ? $"F.gelu({c[0]}, TorchSharp.Modules.GELU.Approximate.tanh)" : $"F.gelu({c[0]})", GeluGradient, static c => c.Node("Gelu", [c.Input(0)], OnnxContext.Text("approximate", c.Attributes.Bool("tanh") ? "tanh" : "none")), flops: 14);
        yield return new UnaryOp("silu", static c => $"F.silu({c[0]})", SiluGradient, static c => c.Node("Mul", [c.Input(0), c.Intermediate("Sigmoid", [c.Input(0)], c.Result())]), QuantizationRule.Integer, flops: 11);
        yield return new UnaryOp("leaky_relu", static c => $"F.leaky_relu({c[0]}, {Invariant.Text(c.Attributes.Double("slope"))})", LeakyReluGradient, static c => c.Node("LeakyRelu", [c.Input(0)], OnnxContext.Float("alpha", c.Attributes.Double("slope"))), QuantizationRule.Integer);
        yield return new UnaryOp("elu", static c => $"F.elu({c[0]}, {Invariant.Text(c.Attributes.Double("alpha"))})", EluGradient, static c => c.Node("Elu", [c.Input(0)], OnnxContext.Float("alpha", c.Attributes.Double("alpha"))), flops: 10);
        yield return new UnaryOp("clamp", static c => $"TensorOps.Clamp({c[0]}, {Invariant.Text(c.Attributes.Double("min"))}, {Invariant.Text(c.Attributes.Double("max"))})", ClampGradient, ClampOnnx, QuantizationRule.Integer);
        yield return new UnaryOp("hardsigmoid", static c => $"F.hardsigmoid({c[0]})", static g => g.Graph.Times(g.Grad, g.Graph.Times(Inside(g, 3), 1.0 / 6)), static c => c.Node("HardSigmoid", [c.Input(0)], OnnxContext.Float("alpha", 1.0 / 6), OnnxContext.Float("beta", 0.5)), flops: 3);
        yield return new UnaryOp("hardswish", static c => $"F.hardswish({c[0]})", HardswishGradient, static c => c.Node("HardSwish", [c.Input(0)]), flops: 4);
        yield return new UnaryOp("softplus", static c => $"F.softplus({c[0]}, {Invariant.Text(c.Attributes.Double("beta"))}, {Invariant.Text(c.Attributes.Double("threshold"))})", SoftplusGradient, SoftplusOnnx, flops: 16);
        yield return new UnaryOp("mish", static c => $"F.mish({c[0]})", MishGradient, static c => c.Node("Mish", [c.Input(0)]), flops: 26);
    }

    private static Action<OnnxContext> Direct(string op) => c => c.Node(op, [c.Input(0)]);

    private static int RsqrtGradient(GradientContext g) =>
        g.Graph.Times(g.Grad, g.Graph.Times(g.Graph.Times(g.Output(), g.Graph.Unary("square", g.Output())), -0.5));

    private static int ErfGradient(GradientContext g) =>
        g.Graph.Times(g.Grad, g.Graph.Times(g.Graph.Unary("exp", g.Graph.Unary("neg", g.Graph.Unary("square", g.Input(0)))), 2 / Math.Sqrt(Math.PI)));

    // d/dx of x * Phi(x) is Phi(x) + x * phi(x); the tanh form differentiates its own formula (Hendrycks and Gimpel, arXiv:1606.08415).
    private static int GeluGradient(GradientContext g)
    {
        GraphBuilder b = g.Graph;
        int x = g.Input(0);
        if (!g.Attributes.Bool("tanh"))
        {
            int cdf = b.Times(b.Plus(b.Unary("erf", b.Times(x, Math.Sqrt(0.5))), 1.0), 0.5);
            int pdf = b.Times(b.Unary("exp", b.Times(b.Unary("square", x), -0.5)), 1 / Math.Sqrt(2 * Math.PI));
            return b.Times(g.Grad, b.Plus(cdf, b.Times(x, pdf)));
        }

        double scale = Math.Sqrt(2 / Math.PI);
        int square = b.Unary("square", x);
        int t = b.Unary("tanh", b.Times(b.Times(x, scale), b.Plus(b.Times(square, 0.044715), 1.0)));
        int inner = b.Times(b.Plus(b.Times(square, 3 * 0.044715), 1.0), scale);
        int slope = b.Times(b.Times(x, 0.5), b.Times(b.Minus(1.0, b.Unary("square", t)), inner));
        return b.Times(g.Grad, b.Plus(b.Times(b.Plus(t, 1.0), 0.5), slope));
    }

    private static int SiluGradient(GradientContext g)
    {
        int s = g.Graph.Unary("sigmoid", g.Input(0));
        int slope = g.Graph.Times(s, g.Graph.Plus(g.Graph.Times(g.Input(0), g.Graph.Minus(1.0, s)), 1.0));
        return g.Graph.Times(g.Grad, slope);
    }

    private static int LeakyReluGradient(GradientContext g)
    {
        double slope = g.Attributes.Double("slope");
        return g.Graph.Times(g.Grad, g.Graph.Plus(g.Graph.Times(g.Graph.Mask("gt", g.Input(0), 0.0), 1 - slope), slope));
    }

    private static int EluGradient(GradientContext g)
    {
        int positive = g.Graph.Add("gt", [g.Input(0), g.Graph.Constant(0, g.TypeOf(g.Input(0)).DType)]);
        int negative = g.Graph.Times(g.Grad, g.Graph.Plus(g.Output(), g.Attributes.Double("alpha")));
        return g.Graph.Add("where", [positive, g.Grad, negative]);
    }

    private static int ClampGradient(GradientContext g)
    {
        int gradient = g.Grad;
        foreach ((string comparison, double bound) in new[] { ("ge", g.Attributes.Double("min")), ("le", g.Attributes.Double("max")) })
        {
            gradient = double.IsInfinity(bound) ? gradient : g.Graph.Times(gradient, g.Graph.Mask(comparison, g.Input(0), bound));
        }

        return gradient;
    }

    private static void ClampOnnx(OnnxContext c)
    {
        double min = c.Attributes.Double("min");
        double max = c.Attributes.Double("max");
        c.Node("Clip", [c.Input(0), double.IsInfinity(min) ? "\"\"" : c.Scalar(min, c.Type(0).DType), double.IsInfinity(max) ? "\"\"" : c.Scalar(max, c.Type(0).DType)]);
    }

    private static int Inside(GradientContext g, double bound) =>
        g.Graph.Times(g.Graph.Mask("gt", g.Input(0), -bound), g.Graph.Mask("lt", g.Input(0), bound));

    private static int HardswishGradient(GradientContext g)
    {
        int middle = g.Graph.Times(Inside(g, 3), g.Graph.Plus(g.Graph.Times(g.Input(0), 1.0 / 3), 0.5));
        return g.Graph.Times(g.Grad, g.Graph.Plus(middle, g.Graph.Mask("ge", g.Input(0), 3.0)));
    }

    private static int SoftplusGradient(GradientContext g)
    {
        double beta = g.Attributes.Double("beta");
        int scaled = g.Graph.Times(g.Input(0), beta);
        int linear = g.Graph.Add("gt", [scaled, g.Graph.Constant(g.Attributes.Double("threshold"), g.TypeOf(scaled).DType)]);
        return g.Graph.Add("where", [linear, g.Grad, g.Graph.Times(g.Grad, g.Graph.Unary("sigmoid", scaled))]);
    }

    // ONNX has no threshold: above 15 softplus equals its argument to within float32 rounding anyway, below that the choice is written out.
    private static void SoftplusOnnx(OnnxContext c)
    {
        (double beta, double threshold) = (c.Attributes.Double("beta"), c.Attributes.Double("threshold"));
        DType type = c.Type(0).DType;
        string scaled = beta == 1 ? c.Input(0) : c.Intermediate("Mul", [c.Input(0), c.Scalar(beta, type)], c.Result());
        if (beta == 1 && threshold >= 15)
        {
            c.Node("Softplus", [scaled]);
            return;
        }

        string smooth = c.Intermediate("Softplus", [scaled], c.Result());
        if (threshold >= 15)
        {
            c.Node("Div", [smooth, c.Scalar(beta, type)]);
            return;
        }

        string divided = beta == 1 ? smooth : c.Intermediate("Div", [smooth, c.Scalar(beta, type)], c.Result());
        string linear = c.Intermediate("Greater", [scaled, c.Scalar(threshold, type)], c.Result() with { DType = DType.Bool });
        c.Node("Where", [linear, c.Input(0), divided]);
    }

    private static int MishGradient(GradientContext g)
    {
        GraphBuilder b = g.Graph;
        int t = b.Unary("tanh", b.Unary("softplus", g.Input(0), ("beta", 1.0), ("threshold", 20.0)));
        int slope = b.Times(b.Times(g.Input(0), b.Unary("sigmoid", g.Input(0))), b.Minus(1.0, b.Unary("square", t)));
        return b.Times(g.Grad, b.Plus(t, slope));
    }
}
