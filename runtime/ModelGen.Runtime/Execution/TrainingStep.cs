using static TorchSharp.torch;

namespace ModelGen;

/// <summary>
/// One generated training step: forward, loss, backward and optimizer, differentiated during the build. There is no tape; every
/// intermediate is freed after its last use.
/// </summary>
/// <remarks>While a step exists, the model's parameters live in <see cref="Parameters"/>; the eager model sees every update.</remarks>
public abstract class TrainingStep : IDisposable
{
    /// <summary>Adopts the model's parameters into one buffer and allocates gradients and optimizer state of the same layout.</summary>
    /// <param name="parameters">State-dict keys and parameters, in the order the generated code numbers them.</param>
    /// <param name="optimizer">Update rule and its settings.</param>
    protected TrainingStep(IReadOnlyList<(string Name, Tensor Parameter)> parameters, OptimizerSettings optimizer)
    {
        Parameters = FlatBuffer.Adopt(parameters);
        Gradients = Parameters.Like();
        Optimizer = new FlatOptimizer(optimizer, Parameters, Gradients);
    }

    /// <summary>All trainable parameters.</summary>
    public FlatBuffer Parameters { get; }

    /// <summary>Gradients of the last step, same layout as <see cref="Parameters"/>.</summary>
    public FlatBuffer Gradients { get; }

    /// <summary>The optimizer over the flat buffers; its <see cref="FlatOptimizer.LearningRate"/> may change between steps.</summary>
    public FlatOptimizer Optimizer { get; }

    /// <summary>Runs one step: gradients are overwritten, parameters, running statistics and optimizer state are updated.</summary>
    /// <param name="inputs">Model inputs in order; any batch size.</param>
    /// <param name="target">Target of the loss.</param>
    /// <returns>The loss, a tensor without dimensions; the caller disposes it.</returns>
    public abstract Tensor Run(IReadOnlyList<Tensor> inputs, Tensor target);

    /// <summary>Frees gradients and optimizer state. The model keeps its parameters.</summary>
    public void Dispose()
    {
        Optimizer.Dispose();
        Gradients.Dispose();
        Parameters.Dispose();
        GC.SuppressFinalize(this);
    }
}
