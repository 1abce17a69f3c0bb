namespace ModelGen;

/// <summary>How weights are averaged over a fit. Validation and the model at the end of <c>Fit</c> have the averages; training goes on with the weights themselves.</summary>
public abstract record WeightAveraging
{
    private protected WeightAveraging()
    {
    }

    internal abstract string Name { get; }
}

/// <summary>
/// Exponential moving average (Polyak and Juditsky, 1992; Tarvainen and Valpola, arXiv:1703.01780): after each step, average = decay * average + (1 - decay) * weights. It starts as the weights after
/// the first step. Running statistics are those of training.
/// </summary>
/// <param name="Decay">Decay per step; default 0.999.</param>
public sealed record ExponentialAveraging(double Decay = 0.999) : WeightAveraging
{
    internal override string Name => "ema";
}

/// <summary>
/// Stochastic weight averaging (Izmailov et al., arXiv:1803.05407): the plain mean of the weights after each epoch from one on. At the end, running statistics of batch normalisation are estimated anew
/// for the averages, by one pass over the training samples.
/// </summary>
/// <param name="StartEpoch">First epoch whose weights count, from 1.</param>
public sealed record StochasticAveraging(int StartEpoch) : WeightAveraging
{
    /// <summary>Learning rate from <see cref="StartEpoch"/> on; null keeps that of the schedule.</summary>
    public double? LearningRate { get; init; }

    internal override string Name => "swa";
}
