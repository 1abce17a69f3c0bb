using ModelGen.Compiler.FrontEnd;
using ModelGen.Compiler.Ir;
using ModelGen.Compiler.Ops;

namespace ModelGen.Compiler.Modules;

/// <summary>Activations: TorchSharp's layer types.</summary>
internal static class MathModules
{
    public static IReadOnlyList<ModuleDefinition> All { get; } =
    [
        .. new[] { ("ReLU", "F.relu"), ("ReLU6", "F.relu6"), ("SiLU", "F.silu"), ("Hardswish", "F.hardswish"), ("Hardsigmoid", "F.hardsigmoid"), ("Mish", "F.mish"), ("Sigmoid", "Tensor.sigmoid"), ("Tanh", "Tensor.tanh"),
            ("LeakyReLU", "F.leaky_relu"), ("ELU", "F.elu"), ("CELU", "F.celu"), ("SELU", "F.selu"), ("GLU", "F.glu"), ("GELU", "F.gelu"), ("Hardshrink", "F.hardshrink"), ("Softshrink", "F.softshrink"),
            ("LogSigmoid", "F.logsigmoid"), ("Softplus", "F.softplus"), ("Softsign", "F.softsign"), ("Tanhshrink", "F.tanhshrink"), ("Threshold", "F.threshold"), ("Softmax", "F.softmax"),
            ("LogSoftmax", "F.log_softmax"), ("Softmax2d", "F.softmax2d"), ("Softmin", "F.softmin"), ("CrossEntropyLoss", "F.cross_entropy"), ("NLLLoss", "F.nll_loss"),
            ("MSELoss", "F.mse_loss"), ("L1Loss", "F.l1_loss"), ("SmoothL1Loss", "F.smooth_l1_loss"), ("BCEWithLogitsLoss", "F.binary_cross_entropy_with_logits"), }
            .Select(static pair => new FunctionModule(pair.Item1, pair.Item2)),
        SimpleModule.Of("Hardtanh", static c => c.Settings.Flag("inplace")
            ? TensorFunctions.Hardtanh(c.Graph, c.Input, c.Settings)
            : throw new UnsupportedException("the layer Hardtanh of TorchSharp 0.107 gives its input back unchanged unless it is made with inplace: true; make it so, or use clamp(min, max)")),
        SimpleModule.Of("PReLU", static c => TensorFunctions.Prelu(c.Graph, c.Input, c.Weight("weight")), static a => [ModuleTensor.Parameter("weight", a.Int("num_parameters", 1))]),
        new SimpleModule("RReLU", static c => throw new UnsupportedException("RReLU draws random slopes in training, which the compiled step does not reproduce; use LeakyReLU or PReLU")),
        SimpleModule.Of("CosineSimilarity", static c => SequenceLowering.CosineSimilarity(c.Graph, c.Inputs.Tensor("x1", "input1", "input"), c.Inputs.Tensor("x2", "input2"), c.Settings.Int("dim", 1), c.Settings.Number("eps", 1e-8))),
        SimpleModule.Of("PairwiseDistance", PairwiseDistance),
    ];

    private static int PairwiseDistance(ModuleCall c)
    {
        if (c.Settings.Number("p", 2) != 2)
        {
            throw new UnsupportedException("PairwiseDistance is supported for p = 2");
        }

        GraphBuilder g = c.Graph;
        int difference = g.Plus(g.Minus(c.Inputs.Tensor("input1", "x1", "input"), c.Inputs.Tensor("input2", "x2")), c.Settings.Number("eps", 1e-6));
        return g.Add("l2_norm", [difference], ("axis", (long)(g.TypeOf(difference).Rank - 1)), ("keep", c.Settings.Flag("keepdim")));
    }
}
