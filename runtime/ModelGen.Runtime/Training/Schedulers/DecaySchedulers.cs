namespace ModelGen.Schedulers;

/// <summary>Multiplies the learning rate by a factor every so many steps.</summary>
/// <param name="stepSize">Steps between two multiplications.</param>
/// <param name="gamma">The factor; default 0.1.</param>
public sealed class StepLR(long stepSize, double gamma = 0.1) : LearningRateScheduler
{
    /// <inheritdoc/>
    public override double At(long step, double rate) => rate * Math.Pow(gamma, step / stepSize);
}

/// <summary>Multiplies the learning rate by a factor at given steps.</summary>
/// <param name="milestones">The steps.</param>
/// <param name="gamma">The factor; default 0.1.</param>
public sealed class MultiStepLR(IReadOnlyList<long> milestones, double gamma = 0.1) : LearningRateScheduler
{
    /// <inheritdoc/>
    public override double At(long step, double rate) => rate * Math.Pow(gamma, milestones.Count(milestone => milestone <= step));
}

/// <summary>Multiplies the learning rate by a factor at every step.</summary>
/// <param name="gamma">The factor.</param>
public sealed class ExponentialLR(double gamma) : LearningRateScheduler
{
    /// <inheritdoc/>
    public override double At(long step, double rate) => rate * Math.Pow(gamma, step);
}

/// <summary>Multiplies the learning rate by a factor for the first steps.</summary>
/// <param name="factor">The factor; default 1/3.</param>
/// <param name="totalSteps">How many steps; default 5.</param>
public sealed class ConstantLR(double factor = 1.0 / 3, long totalSteps = 5) : LearningRateScheduler
{
    /// <inheritdoc/>
    public override double At(long step, double rate) => step < totalSteps ? rate * factor : rate;
}

/// <summary>Changes the factor of the learning rate evenly over the first steps: a warm-up when it rises, a decay when it falls.</summary>
/// <param name="startFactor">Factor at the first step; default 1/3.</param>
/// <param name="endFactor">Factor after the last of these steps; default 1.</param>
/// <param name="totalSteps">How many steps; default 5.</param>
public sealed class LinearLR(double startFactor = 1.0 / 3, double endFactor = 1, long totalSteps = 5) : LearningRateScheduler
{
    /// <inheritdoc/>
    public override double At(long step, double rate) => rate * (startFactor + ((endFactor - startFactor) * ((double)Math.Min(step, totalSteps) / totalSteps)));
}

/// <summary>Lets the learning rate fall to 0 as a power of the steps that are left.</summary>
/// <param name="totalSteps">Steps until 0; default 5.</param>
/// <param name="power">The power; default 1.</param>
public sealed class PolynomialLR(long totalSteps = 5, double power = 1) : LearningRateScheduler
{
    /// <inheritdoc/>
    public override double At(long step, double rate) => rate * Math.Pow(1 - ((double)Math.Min(step, totalSteps) / totalSteps), power);
}

/// <summary>Multiplies the learning rate by a function of the step.</summary>
/// <param name="factor">The function; a resumed fit needs the same one.</param>
public sealed class LambdaLR(Func<long, double> factor) : LearningRateScheduler
{
    /// <inheritdoc/>
    public override double At(long step, double rate) => rate * factor(step);
}

/// <summary>Multiplies the learning rate of the step before by a function of the step.</summary>
/// <param name="factor">The function, called from step 1 on; a resumed fit needs the same one.</param>
public sealed class MultiplicativeLR(Func<long, double> factor) : LearningRateScheduler
{
    private (long Step, double Product) last = (0, 1);

    /// <inheritdoc/>
    public override double At(long step, double rate)
    {
        if (step < last.Step)
        {
            last = (0, 1);
        }

        while (last.Step < step)
        {
            last = (last.Step + 1, last.Product * factor(last.Step + 1));
        }

        return rate * last.Product;
    }
}

/// <summary>
/// Goes from the learning rate that was set for the fit to that of stochastic weight averaging, and stays there (PyTorch's <c>torch.optim.swa_utils.SWALR</c>). Behind another scheduler in a
/// <see cref="SequentialLR"/> it begins at the set learning rate again, not where the other one ended.
/// </summary>
/// <param name="last">The learning rate at the end.</param>
/// <param name="annealSteps">Steps until it is reached; default 10.</param>
/// <param name="linear">Whether the way is a line; default false, half a cosine.</param>
public sealed class SWALR(double last, long annealSteps = 10, bool linear = false) : LearningRateScheduler
{
    /// <inheritdoc/>
    public override double At(long step, double rate)
    {
        double share = annealSteps <= 0 ? 1 : Math.Min(1, (double)step / annealSteps);
        return linear ? rate + ((last - rate) * share) : Cosine(rate, last, share);
    }
}
