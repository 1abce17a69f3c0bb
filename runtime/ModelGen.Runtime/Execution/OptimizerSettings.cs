namespace ModelGen;

/// <summary>Update rule and settings of a <see cref="FlatOptimizer"/>. See <see cref="TrainAttribute"/> for meanings; where a default depends on the rule, it is that of PyTorch's optimizer.</summary>
/// <param name="Kind">Update rule.</param>
/// <param name="LearningRate">Learning rate.</param>
public sealed record OptimizerSettings(Optimizer Kind, double LearningRate)
{
    /// <summary>Weight decay; decoupled for AdamW, Lion and Muon, an L2 term for the others. Default 0. Rprop has none.</summary>
    public double WeightDecay { get; init; }

    /// <summary>Momentum of SGD and RMSProp, default 0, and of Muon, default 0.95.</summary>
    public double Momentum { get; init; } = OptimizerDefaults.Momentum(Kind);

    /// <summary>Nesterov momentum for SGD; default false. Muon always uses it.</summary>
    public bool Nesterov { get; init; }

    /// <summary>Share of each gradient but the first that SGD's velocity leaves out; default 0. Not for use with <see cref="Nesterov"/>.</summary>
    public double Dampening { get; init; }

    /// <summary>Decay of the first moment; default 0.9.</summary>
    public double Beta1 { get; init; } = 0.9;

    /// <summary>Decay of the second moment; default 0.999, for Lion (where it is that of the momentum) 0.99.</summary>
    public double Beta2 { get; init; } = OptimizerDefaults.Beta2(Kind);

    /// <summary>Denominator term; default 1e-8, for Adagrad 1e-10, for Adadelta 1e-6.</summary>
    public double Epsilon { get; init; } = OptimizerDefaults.Epsilon(Kind);

    /// <summary>Whether Adam and AdamW divide by the largest second moment so far; default false.</summary>
    public bool AmsGrad { get; init; }

    /// <summary>Decay of the means of RMSProp, default 0.99, and of Adadelta (PyTorch's rho), default 0.9.</summary>
    public double Alpha { get; init; } = OptimizerDefaults.Alpha(Kind);

    /// <summary>Whether RMSProp subtracts the square of the mean gradient; default false.</summary>
    public bool Centered { get; init; }

    /// <summary>Decay of the learning rate of Adagrad (each step divides by 1 + decay * steps before it); default 0.</summary>
    public double RateDecay { get; init; }

    /// <summary>Decay of the momentum of NAdam; default 0.004.</summary>
    public double MomentumDecay { get; init; } = 0.004;

    /// <summary>Decay term of ASGD; default 1e-4.</summary>
    public double AverageDecay { get; init; } = 1e-4;

    /// <summary>Exponent by which ASGD lowers its learning rate; default 0.75.</summary>
    public double AverageExponent { get; init; } = 0.75;

    /// <summary>Step at which ASGD starts to average; default 1e6.</summary>
    public double AverageStart { get; init; } = 1e6;

    /// <summary>Factors of Rprop's step sizes where the gradient changed its sign and where it did not; default 0.5 and 1.2.</summary>
    public (double Minus, double Plus) Etas { get; init; } = (0.5, 1.2);

    /// <summary>Smallest and largest step size of Rprop; default 1e-6 and 50.</summary>
    public (double Smallest, double Largest) StepSizes { get; init; } = (1e-6, 50);

    /// <summary>Iterations of a step of LBFGS; default 20.</summary>
    public int MaxIterations { get; init; } = 20;

    /// <summary>Evaluations of loss and gradients after which a step of LBFGS begins no further iteration; null (default) for 5/4 of <see cref="MaxIterations"/>, 25.</summary>
    public int? MaxEvaluations { get; init; }

    /// <summary>Largest magnitude of a gradient at which a step of LBFGS ends, as it is at a minimum; default 1e-7.</summary>
    public double ToleranceGradient { get; init; } = 1e-7;

    /// <summary>Change of the loss, and largest change of a parameter, below which a step of LBFGS ends; default 1e-9.</summary>
    public double ToleranceChange { get; init; } = 1e-9;

    /// <summary>Pairs of a step and the gradient's change over it that LBFGS remembers; default 100. Each takes twice the memory of the parameters.</summary>
    public int HistorySize { get; init; } = 100;

    /// <summary>How LBFGS finds the length of its steps; default <see cref="LineSearch.None"/>, as in PyTorch.</summary>
    public LineSearch LineSearch { get; init; }

    /// <summary>Factor of the sum of the parameters' magnitudes that is added to the loss as a penalty; default 0. Its gradient is added before clipping; the reported loss is without it.</summary>
    public double L1 { get; init; }

    /// <summary>Factor of half the sum of the parameters' squares that is added to the loss as a penalty; default 0. Its gradient is added before clipping; the reported loss is without it.</summary>
    public double L2 { get; init; }

    /// <summary>Whether the loss is maximized: gradients count with the opposite sign, weight decay as ever. Default false. Not for use with <see cref="L1"/> and <see cref="L2"/>.</summary>
    public bool Maximize { get; init; }

    /// <summary>Largest L2 norm of all gradients together, above which they are scaled down; default 0, no limit.</summary>
    public double ClipNorm { get; init; }

    /// <summary>Largest magnitude of a gradient; default 0, no limit.</summary>
    public double ClipValue { get; init; }

    /// <summary>
    /// Whether biases and the parameters of normalisations, which are those of fewer than two dimensions, are left out of weight decay and penalties; default false, as in PyTorch.
    /// </summary>
    public bool DecayMatricesOnly { get; init; }

    /// <summary>Settings of single parameters, by name; where several groups name one, the last counts. Default none.</summary>
    public IReadOnlyList<ParameterGroup> Groups { get; init; } = [];

    /// <summary>The settings of an attribute; an unset weight decay becomes 0.01 for AdamW, 0.1 for Muon and 0 otherwise.</summary>
    /// <param name="train">The attribute.</param>
    /// <returns>The settings.</returns>
    public static OptimizerSettings From(TrainAttribute train) => new(train.Optimizer, train.LearningRate)
    {
        WeightDecay = double.IsNaN(train.WeightDecay) ? OptimizerDefaults.WeightDecay(train.Optimizer) : train.WeightDecay,
        Momentum = train.Momentum,
        Nesterov = train.Nesterov,
        Beta1 = train.Beta1,
        Beta2 = train.Beta2,
        Epsilon = train.Epsilon,
        AmsGrad = train.AmsGrad,
        Alpha = train.Alpha,
        Centered = train.Centered,
        ClipNorm = train.ClipNorm,
        ClipValue = train.ClipValue,
        MaxIterations = train.MaxIterations,
        MaxEvaluations = train.MaxEvaluations == 0 ? null : train.MaxEvaluations,
        ToleranceGradient = train.ToleranceGradient,
        ToleranceChange = train.ToleranceChange,
        HistorySize = train.HistorySize,
        LineSearch = train.LineSearch,
    };

    internal void Check()
    {
        if (this is { Kind: ModelGen.Optimizer.SGD, Nesterov: true, Momentum: <= 0 })
        {
            throw new ArgumentException("Nesterov momentum needs Momentum above 0.");
        }

        if (this is { Nesterov: true, Dampening: not 0 })
        {
            throw new ArgumentException("Nesterov momentum has no dampening.");
        }

        if (ClipNorm < 0 || ClipValue < 0 || (ClipNorm > 0 && ClipValue > 0))
        {
            throw new ArgumentException("Set ClipNorm or ClipValue to a limit above 0, not both; 0 is no limit.");
        }

        if (this is { Maximize: true } and not { L1: 0, L2: 0 })
        {
            throw new ArgumentException("L1 and L2 are added to the loss, so Maximize would make the weights grow; use WeightDecay.");
        }

        if (L1 < 0 || L2 < 0 || WeightDecay < 0)
        {
            throw new ArgumentException("L1, L2 and WeightDecay must not be negative.");
        }

        if (Kind == ModelGen.Optimizer.Rprop && WeightDecay != 0)
        {
            throw new ArgumentException("Rprop looks at the signs of gradients alone and has no weight decay; set L1 or L2 for a penalty, or WeightDecay to 0.");
        }

        if (Kind == ModelGen.Optimizer.LBFGS)
        {
            CheckSearch();
        }
    }

    private void CheckSearch()
    {
        if (WeightDecay != 0)
        {
            throw new ArgumentException("LBFGS has no weight decay, as in PyTorch: set L2 for a penalty that is part of what it minimizes, and WeightDecay to 0.");
        }

        if (ClipNorm != 0 || ClipValue != 0)
        {
            throw new ArgumentException("LBFGS compares losses and gradients along its way, and clipped gradients are not those of the loss: set ClipNorm and ClipValue to 0. LineSearch.StrongWolfe keeps steps from being too long.");
        }

        if (Groups.FirstOrDefault(static group => group is not { RateFactor: 1, WeightDecay: null or 0 }) is { } group)
        {
            throw new ArgumentException($"LBFGS makes one step along one direction of all parameters, so the group '{group.Pattern}' can have no learning rate or weight decay of its own. Groups may freeze parameters, or leave them out of L1 and L2 with WeightDecay = 0.");
        }

        if (!(LearningRate > 0) || MaxIterations < 1 || MaxEvaluations < 1 || HistorySize < 1 || !(ToleranceGradient >= 0) || !(ToleranceChange >= 0))
        {
            throw new ArgumentException("LBFGS needs a LearningRate above 0, MaxIterations, MaxEvaluations and HistorySize of at least 1, and tolerances of at least 0.");
        }
    }
}

/// <summary>Defaults that depend on the update rule.</summary>
internal static class OptimizerDefaults
{
    public static double WeightDecay(Optimizer kind) => kind switch { Optimizer.AdamW => 0.01, Optimizer.Muon => 0.1, _ => 0 };

    public static double Momentum(Optimizer kind) => kind == Optimizer.Muon ? 0.95 : 0;

    public static double LearningRate(Optimizer kind) => kind == Optimizer.LBFGS ? 1 : 1e-3;

    /// <summary>Whether the decay of the first moment is what PyTorch's schedulers take for the momentum.</summary>
    public static bool HasBeta1(Optimizer kind) => kind is Optimizer.Adam or Optimizer.AdamW or Optimizer.Adamax or Optimizer.NAdam or Optimizer.RAdam or Optimizer.Lion;

    public static double Beta2(Optimizer kind) => kind == Optimizer.Lion ? 0.99 : 0.999;

    public static double Epsilon(Optimizer kind) => kind switch { Optimizer.Adagrad => 1e-10, Optimizer.Adadelta => 1e-6, _ => 1e-8 };

    public static double Alpha(Optimizer kind) => kind == Optimizer.Adadelta ? 0.9 : 0.99;

    /// <summary>Names of the states that an optimizer keeps for each parameter; null in the places that it leaves empty.</summary>
    public static string?[] States(OptimizerSettings settings) => settings.Kind switch
    {
        Optimizer.SGD => settings.Momentum != 0 ? ["velocity"] : [],
        Optimizer.Adam or Optimizer.AdamW => settings.AmsGrad ? ["moment1", "moment2", "moment2_max"] : ["moment1", "moment2"],
        Optimizer.Adagrad => ["square"],
        Optimizer.Adadelta => ["square", "delta"],
        Optimizer.Adamax => ["moment1", "infinity"],
        Optimizer.RMSProp => ["square", settings.Centered ? "mean" : null, settings.Momentum != 0 ? "velocity" : null],
        Optimizer.ASGD => ["average"],
        Optimizer.Rprop => ["previous", "size"],
        Optimizer.Lion => ["momentum"],
        Optimizer.LBFGS => [],
        _ => ["moment1", "moment2"],
    };
}
