using static TorchSharp.torch;

namespace ModelGen;

/// <summary>
/// One generated training step: forward, loss, backward and optimizer, differentiated during the build. There is no tape; every
/// intermediate is freed after its last use.
/// </summary>
/// <remarks>While a step exists, the model's parameters live in <see cref="Parameters"/>; the eager model sees every update.</remarks>
public abstract unsafe partial class TrainingStep : IDisposable
{
    private FlatBuffer? sums;
    private double weights;
    private double weight;
    private Gathering gathering;

    /// <summary>Adopts the model's parameters into one buffer and allocates gradients and optimizer state of the same layout.</summary>
    /// <param name="parameters">State-dict keys and parameters, in the order the generated code numbers them.</param>
    /// <param name="optimizer">Update rule and its settings.</param>
    protected TrainingStep(IReadOnlyList<(string Name, Tensor Parameter)> parameters, OptimizerSettings optimizer)
    {
        Parameters = FlatBuffer.Adopt(parameters);
        HeapTrim.Run();
        Gradients = Parameters.Like();
        Optimizer = new FlatOptimizer(optimizer, Parameters, Gradients);
        foreach ((string name, Tensor parameter) in parameters)
        {
            if (!parameter.requires_grad)
            {
                Optimizer.Freeze(name);
            }
        }

        Loss = zeros([], Parameters.Data.dtype, Parameters.Data.device).DetachFromDisposeScope();
        evaluateParts = EvaluateParts;
    }

    /// <summary>All trainable parameters.</summary>
    public FlatBuffer Parameters { get; }

    /// <summary>Gradients of the last step, same layout as <see cref="Parameters"/>.</summary>
    public FlatBuffer Gradients { get; }

    /// <summary>The optimizer over the flat buffers; its <see cref="FlatOptimizer.LearningRate"/> may change between steps.</summary>
    public FlatOptimizer Optimizer { get; }

    /// <summary>The loss of the last step, a tensor without dimensions that every step overwrites; the step owns it.</summary>
    public Tensor Loss { get; }

    /// <summary>Bytes of parameters, gradients, optimizer state, and what a step keeps to evaluate its samples again.</summary>
    public long StateBytes => Parameters.Bytes + Gradients.Bytes + Optimizer.StateBytes + (sums?.Bytes ?? 0) + (statistics?.Bytes ?? 0) + parts.Sum(static part => part.Bytes);

    /// <summary>
    /// Whether a step looks at its loss before it changes the parameters and leaves them as they are when it is NaN or infinite: then <see cref="WasRefused"/> is set. Default false.
    /// On kernels this costs nothing; on libtorch's operators the gradients are looked at instead, which waits for the device.
    /// </summary>
    public bool ChecksLoss { get; set; }

    /// <summary>Whether a step also looks at all gradients, which reads them once more. Default false.</summary>
    public bool ChecksGradients { get; set; }

    /// <summary>
    /// Whether the last step left the parameters as they are because its loss or a gradient was NaN or infinite. <see cref="ModelGen.Optimizer.LBFGS"/> always looks, and takes a step back whose loss became so.
    /// </summary>
    public bool WasRefused { get; private set; }

    /// <summary>Runs of this step so far; those of <see cref="Accumulate"/> count.</summary>
    internal long RunCount { get; set; }

    /// <summary>Key of the random numbers of kernels; null while none was drawn, and for steps on libtorch's operators.</summary>
    internal virtual ulong? RandomKey { get; set; }

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
    /// <remarks>
    /// <see cref="ModelGen.Optimizer.LBFGS"/> evaluates the samples several times, with the same random numbers; each time moves running statistics, as in PyTorch, unless its loss is not finite. <see cref="Loss"/> is that
    /// before the step.
    /// </remarks>
    public void Run(IReadOnlyList<Tensor> inputs, Tensor target)
    {
        if (Optimizer.EvaluatesLoss)
        {
            Search(inputs, target, 1, last: true);
        }
        else
        {
            Evaluate(inputs, target);
        }
    }

    /// <summary>
    /// Runs one part of a step: gradients are computed and added to those of the parts before it, and the last part updates the parameters. The update is that of one step over all
    /// samples of the parts, up to the order of sums; batch normalisation takes its statistics from each part alone.
    /// </summary>
    /// <param name="inputs">Model inputs in order.</param>
    /// <param name="target">Target of the loss.</param>
    /// <param name="samples">Samples of this part: its weight, as losses are means.</param>
    /// <param name="last">Whether it is the last one. A first part that is the last one too is a <see cref="Run"/>.</param>
    /// <remarks><see cref="ModelGen.Optimizer.LBFGS"/> keeps copies of all parts but the last, to evaluate them again.</remarks>
    public void Accumulate(IReadOnlyList<Tensor> inputs, Tensor target, double samples, bool last)
    {
        if (Optimizer.EvaluatesLoss)
        {
            Search(inputs, target, samples, last);
            return;
        }

        weight = samples;
        gathering = !last ? Gathering.Add : weights > 0 ? Gathering.Finish : Gathering.None;
        try
        {
            Evaluate(inputs, target);
        }
        finally
        {
            gathering = Gathering.None;
        }
    }

    /// <summary>Runs a step that leaves the parameters and the optimizer as they are: gradients, <see cref="Loss"/> and running statistics alone.</summary>
    /// <param name="inputs">Model inputs in order.</param>
    /// <param name="target">Target of the loss.</param>
    public void Measure(IReadOnlyList<Tensor> inputs, Tensor target)
    {
        gathering = Gathering.Measure;
        try
        {
            Evaluate(inputs, target);
        }
        finally
        {
            gathering = Gathering.None;
        }
    }

    /// <summary>Frees gradients and optimizer state. The model keeps its parameters.</summary>
    public void Dispose()
    {
        Free();
        Loss.Dispose();
        Optimizer.Dispose();
        Gradients.Dispose();
        Parameters.Dispose();
        sums?.Dispose();
        FreeParts();
        GC.SuppressFinalize(this);
    }

    /// <summary>The parameters and then the tensors that the step reads or changes besides them; null when there are none.</summary>
    protected virtual ParameterTable? Weights => null;

    /// <summary>Computes loss and gradients and calls <see cref="Update"/>; written by the generator.</summary>
    /// <param name="inputs">Model inputs in order.</param>
    /// <param name="target">Target of the loss.</param>
    protected abstract void Evaluate(IReadOnlyList<Tensor> inputs, Tensor target);

    /// <summary>Updates the parameters from the gradients, or adds the gradients up; generated code calls it when all gradients are computed.</summary>
    protected void Update()
    {
        RunCount++;
        if (gathering == Gathering.Measure)
        {
            WasRefused = false;
            return;
        }

        WasRefused = (ChecksLoss && !LossIsFinite()) || (ChecksGradients && !GradientsAreFinite());
        if (gathering == Gathering.None && !WasRefused)
        {
            Optimizer.Step();
            return;
        }

        if (gathering != Gathering.None)
        {
            Gather();
        }
    }

    /// <summary>Whether the loss of this run is neither NaN nor infinite.</summary>
    private protected virtual bool LossIsFinite() => GradientsAreFinite();

    private bool GradientsAreFinite() => double.IsFinite(Optimizer.MeasureNorm());

    /// <summary>Forgets gradients that were added up but not applied.</summary>
    internal void Drop()
    {
        weights = 0;
        DropParts();
    }

    // A refused part counts for nothing, so the others' mean stays right.
    private void Gather()
    {
        sums ??= Parameters.Like();
        double share = WasRefused ? 0 : weight;
        if (gathering == Gathering.Add)
        {
            if (share > 0)
            {
                FlatVectors.Combine(sums, Gradients, weights > 0 ? 1 : 0, share);
                weights += share;
            }

            return;
        }

        double total = weights + share;
        weights = 0;
        if (share > 0)
        {
            FlatVectors.Combine(Gradients, sums, share / total, 1 / total);
        }
        else
        {
            FlatVectors.Combine(Gradients, sums, 0, 1 / total);
        }

        Optimizer.Step();
    }

    private enum Gathering
    {
        None,
        Add,
        Finish,
        Measure,
    }

    /// <summary>Frees what a derived class owns.</summary>
    protected virtual void Free()
    {
    }
}
