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
        HeapTrim.Run();
        Gradients = Parameters.Like();
        Optimizer = new FlatOptimizer(optimizer, Parameters, Gradients);
        Loss = zeros([], Parameters.Data.dtype, Parameters.Data.device).DetachFromDisposeScope();
    }

    /// <summary>All trainable parameters.</summary>
    public FlatBuffer Parameters { get; }

    /// <summary>Gradients of the last step, same layout as <see cref="Parameters"/>.</summary>
    public FlatBuffer Gradients { get; }

    /// <summary>The optimizer over the flat buffers; its <see cref="FlatOptimizer.LearningRate"/> may change between steps.</summary>
    public FlatOptimizer Optimizer { get; }

    /// <summary>The loss of the last step, a tensor without dimensions that every step overwrites; the step owns it.</summary>
    public Tensor Loss { get; }

    /// <summary>Bytes of parameters, gradients and optimizer state.</summary>
    public long StateBytes => Parameters.Bytes + Gradients.Bytes + Optimizer.StateBytes;

    /// <summary>Every tensor of the step that running it changes.</summary>
    internal IEnumerable<Tensor> StateTensors => [Parameters.Data, Gradients.Data, Loss, .. Optimizer.StateTensors];

    /// <summary>
    /// Whether dropout draws from torch's generator in the order of eager code, so that the same seed drops the same elements: for comparisons. Default false: kernels draw
    /// with Philox4x32-10 instead, in parallel. Steps on libtorch's operators always draw like eager code.
    /// </summary>
    public virtual bool DrawsLikeEager { get; set; }

    /// <summary>Runs one step: gradients are overwritten, parameters, running statistics and optimizer state are updated, and <see cref="Loss"/> is set.</summary>
    /// <param name="inputs">Model inputs in order; any batch size.</param>
    /// <param name="target">Target of the loss.</param>
    public abstract void Run(IReadOnlyList<Tensor> inputs, Tensor target);

    /// <summary>Frees gradients and optimizer state. The model keeps its parameters.</summary>
    public void Dispose()
    {
        Free();
        Loss.Dispose();
        Optimizer.Dispose();
        Gradients.Dispose();
        Parameters.Dispose();
        GC.SuppressFinalize(this);
    }

    /// <summary>Frees what a derived class owns.</summary>
    protected virtual void Free()
    {
    }
}
