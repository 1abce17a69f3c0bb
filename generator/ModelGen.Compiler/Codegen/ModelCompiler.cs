using ModelGen.Compiler.Ir;
using ModelGen.Compiler.Lowering;
using ModelGen.Compiler.Models;
using ModelGen.Compiler.Ops;
using ModelGen.Compiler.Passes;
using ModelGen.Compiler.Text;

namespace ModelGen.Compiler.Codegen;

/// <summary>The graphs of a root model after all passes.</summary>
/// <param name="Spec">The model.</param>
/// <param name="Inference">Forward in inference form.</param>
/// <param name="Step">The whole training step; null without <c>[Train]</c>.</param>
internal sealed record CompiledModel(ModelSpec Spec, Graph? Inference, Graph? Step)
{
    /// <summary>Inference as calls of kernels; null where an operator has none.</summary>
    public LoweredGraph? InferenceKernels { get; init; }

    /// <summary>The training step as calls of kernels; null where an operator has none.</summary>
    public LoweredGraph? StepKernels { get; init; }

    /// <summary>The same model with rounding to integers, for quantization-aware training; null without it.</summary>
    public CompiledModel? Rounded { get; init; }

    /// <summary>Where it rounds, by values of <see cref="Inference"/> of the model without rounding; null without quantization-aware training.</summary>
    public QuantizationSites? Sites { get; init; }
}

/// <summary>A graph that runs on kernels.</summary>
/// <param name="Graph">The graph that was lowered.</param>
/// <param name="Program">Its kernels.</param>
internal sealed record LoweredGraph(Graph Graph, KernelProgram Program);

/// <summary>Runs the passes over a model.</summary>
internal static class ModelCompiler
{
    /// <summary>Compiles a model.</summary>
    /// <exception cref="OpException">The loss does not fit the model's output.</exception>
    public static CompiledModel Compile(ModelSpec spec)
    {
        if (spec.Graph is null)
        {
            return new CompiledModel(spec, null, null);
        }

        Graph written = spec.IsQuantizationAware ? new WriteOutSilu().Run(spec.Graph) : spec.Graph;
        Graph inference = PassPipeline.Inference.Run(written);
        CompiledModel model = WithInference(spec, inference);
        if (spec.Train is null)
        {
            return model;
        }

        model = WithStep(model, TrainingStep(spec.TrainingGraph ?? spec.Graph, spec.Train));
        if (!spec.IsQuantizationAware)
        {
            return model;
        }

        QuantizationSites sites = QuantizationSites.Find(inference);
        Graph evaluation = PassPipeline.Rounded.Run(new InsertFakeQuantize(sites, [.. Enumerable.Range(0, inference.Values.Count)], spec.Train.LearnsScales).Run(inference));
        return model with { Rounded = WithStep(WithInference(spec, evaluation), TrainingStep(RoundedTraining(written, inference, sites, spec.Train), spec.Train)), Sites = sites };
    }

    /// <summary>Checks that training can round to the integers of the quantized model.</summary>
    /// <exception cref="OpException">It cannot; the message says why.</exception>
    public static void CheckQuantizationAware(ModelSpec spec, TrainSpec train)
    {
        if (spec.TrainingGraph is not null)
        {
            throw new OpException("quantization-aware training needs a model that computes the same in training and in evaluation, but for dropout and batch normalisation; its code branches on 'training'");
        }

        Graph written = new WriteOutSilu().Run(spec.Graph!);
        Graph inference = PassPipeline.Inference.Run(written);
        if (OnnxEmitter.Problem(inference) is string problem)
        {
            throw new OpException($"quantization-aware training needs a model that can be exported to ONNX: {problem}");
        }

        QuantizationSites sites = QuantizationSites.Find(inference);
        if (sites.Products.Count == 0)
        {
            throw new OpException("quantization-aware training has nothing to round: the model has no float32 convolution, linear layer or matrix product with weights");
        }

        RoundedTraining(written, inference, sites, train);
    }

    private static Graph RoundedTraining(Graph written, Graph inference, QuantizationSites sites, TrainSpec train)
    {
        Graph forward = PassPipeline.QuantizationAware.Run(written);
        if (forward.Nodes.FirstOrDefault(static node => node.Op == "instance_norm_running") is { } norm)
        {
            throw new OpException($"quantization-aware training cannot freeze the running statistics of an instance normalisation ('{norm.Source}'); create it with track_running_stats: false");
        }

        return new FreezeBatchNorm().Run(new InsertFakeQuantize(sites, InferenceValues.Of(forward, inference), train.LearnsScales).Run(forward));
    }

    private static CompiledModel WithInference(ModelSpec spec, Graph inference) => new(spec, inference, null) { InferenceKernels = Lower(inference, PassPipeline.InferenceKernels, isStep: false) };

    private static CompiledModel WithStep(CompiledModel model, Graph step)
    {
        CompiledModel With(Graph chosen) => model with { Step = PassPipeline.StepLibrary.Run(chosen), StepKernels = Lower(chosen, PassPipeline.StepKernels, isStep: true) };
        return model.Spec.Train!.Recompute == RecomputeMode.None ? With(step) : Recomputation.Choose(model.Spec, step, With);
    }

    /// <summary>What a model's plan takes beyond its budget, as a sentence; null when it fits or has none.</summary>
    public static string? ExceededBudget(CompiledModel model)
    {
        if (model.Spec.MemoryBudget is not long budget || model.Inference is null)
        {
            return null;
        }

        bool trains = model.Step is not null;
        int batch = trains ? model.Spec.Train!.BatchSize : model.Spec.ExportBatch;
        string what = trains ? $"a training step with {Invariant.Text(batch)} samples" : $"inference with {Invariant.Text(batch)} samples";
        if (PlannedMemory.Sizes(model.Spec.Graph!, batch) is not { } sizes)
        {
            return $"the memory of {what} cannot be planned, because the inputs have other named sizes than the batch ({string.Join(", ", GraphFunction.Symbols(model.Spec.Graph!))}); write numbers for them in [Shape]";
        }

        long bytes = trains ? Math.Max(PlannedMemory.Training(model, sizes), model.Rounded is null ? 0 : PlannedMemory.Training(model.Rounded, sizes)) : PlannedMemory.Inference(model, sizes);
        if (bytes <= budget)
        {
            return null;
        }

        string advice = trains ? "use a smaller BatchSize" : "use a smaller batch in [ExportOnnx]";
        if (model.Spec.Train is { Recompute: RecomputeMode.None } train)
        {
            long least = PlannedMemory.Training(Compile(model.Spec with { Train = train with { Recompute = RecomputeMode.Full } }), sizes);
            advice = least <= budget ? "Recompute = Recompute.ToBudget in [Train] makes it fit"
                : least < bytes ? $"Recompute = Recompute.Full in [Train] brings it down to {ByteSize.Format(least)}, and a smaller BatchSize further"
                : advice;
        }

        return $"{what} takes {ByteSize.Format(bytes)}, above the budget of {ByteSize.Format(budget)}; {advice}";
    }

    /// <summary>A graph as calls of kernels; null where something in it has none, so that it runs on libtorch's operators.</summary>
    private static LoweredGraph? Lower(Graph graph, PassPipeline passes, bool isStep)
    {
        try
        {
            Graph prepared = passes.Run(graph);
            return new LoweredGraph(prepared, Lowerer.Lower(prepared, isStep));
        }
        catch (NoKernelException)
        {
            return null;
        }
    }

    /// <summary>Forward, loss, gradients and optimizer in one graph.</summary>
    public static Graph TrainingStep(Graph forward, TrainSpec train)
    {
        Graph training = PassPipeline.Training.Run(forward);
        var builder = new GraphBuilder(training) { Source = "loss" };
        Graph step = PassPipeline.AfterAutodiff.Run(new Differentiate().Run(builder.Build(AddLoss(builder, training.Outputs[0], train))));
        return train.BFloat16 ? PassPipeline.MixedPrecision.Run(step) : step;
    }

    /// <summary>Checks that the loss fits the model's first output.</summary>
    /// <exception cref="OpException">It does not.</exception>
    public static void CheckLoss(Graph forward, TrainSpec train) => AddLoss(new GraphBuilder(forward), forward.Outputs[0], train);

    private static int AddLoss(GraphBuilder builder, int prediction, TrainSpec train)
    {
        TensorType type = builder.TypeOf(prediction);
        TensorType target = train.Loss == "CrossEntropy" && type.Rank >= 2
            ? new TensorType(DType.Int64, type.Shape.Where(static (_, axis) => axis != 1).ToEquatableArray())
            : type;
        int expected = builder.AddValue("target", target, ValueKind.Target);
        (string op, (string, object)[] attributes) = train.Loss switch
        {
            "CrossEntropy" => ("cross_entropy", new (string, object)[] { ("label_smoothing", train.LabelSmoothing) }),
            "MSE" => ("mse_loss", []),
            "BCEWithLogits" => ("bce_with_logits", []),
            "L1" => ("l1_loss", []),
            _ => ("smooth_l1_loss", [("beta", train.SmoothL1Beta)]),
        };
        int loss = builder.Add(op, [prediction, expected], attributes);
        builder.NameValue(loss, "loss");
        return loss;
    }
}
