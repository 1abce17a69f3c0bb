using System.ComponentModel;
using static TorchSharp.torch;

namespace ModelGen;

/// <summary>What the trainer and the checks need of a generated model. Implemented by generated code only.</summary>
public interface ICompiledModel
{
    /// <summary>Settings of <see cref="TrainAttribute"/>; null when the class has none and cannot be trained.</summary>
    TrainAttribute? TrainSettings { get; }

    /// <summary>Layers, shapes, parameters, FLOPs and planned memory, as the static <c>Summary</c>.</summary>
    ModelSummary Summary { get; }

    /// <summary>Creates the generated training step over this model's parameters.</summary>
    /// <param name="optimizer">Update rule and its settings.</param>
    /// <returns>The step; the caller disposes it.</returns>
    /// <exception cref="InvalidOperationException">The class has no <see cref="TrainAttribute"/>.</exception>
    TrainingStep CreateTrainingStep(OptimizerSettings optimizer);

    /// <summary>Fused inference on a batch, as the typed <c>Infer</c> does.</summary>
    /// <param name="inputs">Model inputs in order.</param>
    /// <returns>The model's first output; the caller disposes it.</returns>
    Tensor InferBatch(IReadOnlyList<Tensor> inputs);

    /// <summary>Inference on kernels; null where the model has none and runs on libtorch's operators.</summary>
    [EditorBrowsable(EditorBrowsableState.Never)]
    KernelInference? Inference => null;

    /// <summary>Scales of quantization-aware training; null when <see cref="TrainAttribute.QuantizationAware"/> does not ask for it.</summary>
    FakeQuantization? Quantization => null;

    /// <summary>Inference on a batch that rounds as the integer model does, as the typed <c>InferQuantized</c>.</summary>
    /// <param name="inputs">Model inputs in order.</param>
    /// <returns>The model's first output; the caller disposes it.</returns>
    /// <exception cref="InvalidOperationException">The model is not calibrated, or the class is not trained quantization-aware.</exception>
    Tensor InferQuantizedBatch(IReadOnlyList<Tensor> inputs) =>
        throw new InvalidOperationException($"{GetType().Name} is not trained quantization-aware; set QuantizationAware in [Train].");
}
