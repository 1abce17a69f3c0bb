namespace ModelGen.Schedulers;

/// <summary>Half a period of a cosine from the learning rate to a smallest one (Loshchilov and Hutter, arXiv:1608.03983), and up again if the fit goes on.</summary>
/// <param name="period">Steps until the smallest learning rate.</param>
/// <param name="smallest">The smallest learning rate; default 0.</param>
public sealed class CosineAnnealingLR(long period, double smallest = 0) : LearningRateScheduler
{
    /// <inheritdoc/>
    public override double At(long step, double rate) => Cosine(rate, smallest, (double)step / period);
}

/// <summary>Cosine annealing that starts again from the full learning rate, after longer and longer periods (Loshchilov and Hutter, arXiv:1608.03983).</summary>
/// <param name="period">Steps until the first restart.</param>
/// <param name="growth">Whole factor from each period to the next; default 1.</param>
/// <param name="smallest">The smallest learning rate; default 0.</param>
public sealed class CosineAnnealingWarmRestarts(long period, int growth = 1, double smallest = 0) : LearningRateScheduler
{
    /// <inheritdoc/>
    public override double At(long step, double rate)
    {
        long length = period;
        if (growth == 1)
        {
            step %= length;
        }

        while (step >= length)
        {
            step -= length;
            length *= growth;
        }

        return Cosine(rate, smallest, (double)step / length);
    }
}

/// <summary>Shapes of <see cref="CyclicLR"/>.</summary>
public enum CyclicMode
{
    /// <summary>All cycles are alike.</summary>
    Triangular,

    /// <summary>Each cycle is half as high as the one before.</summary>
    Triangular2,

    /// <summary>The height falls by a factor with every step.</summary>
    ExponentialRange,
}

/// <summary>Goes up and down between two learning rates (Smith, arXiv:1506.01186).</summary>
/// <param name="lowest">The lower learning rate; the upper one is that of the fit.</param>
/// <param name="stepsUp">Steps of the first half of a cycle; default 2000.</param>
/// <param name="stepsDown">Steps of the second half; null for as many.</param>
/// <param name="mode">How the height changes; default <see cref="CyclicMode.Triangular"/>.</param>
/// <param name="gamma">Factor for <see cref="CyclicMode.ExponentialRange"/>; default 1.</param>
public sealed class CyclicLR(double lowest, long stepsUp = 2000, long? stepsDown = null, CyclicMode mode = CyclicMode.Triangular, double gamma = 1) : LearningRateScheduler
{
    /// <summary>Bounds between which the momentum goes down while the learning rate goes up, PyTorch's <c>cycle_momentum</c> (there 0.8 and 0.9); null (default) leaves it as set.</summary>
    public (double Lowest, double Highest)? Momentum { get; init; }

    /// <inheritdoc/>
    public override double At(long step, double rate) => lowest + ((rate - lowest) * Height(step));

    /// <inheritdoc/>
    public override double? MomentumAt(long step) => Momentum is var (low, high) ? high - ((high - low) * Height(step)) : null;

    private double Height(long step)
    {
        double total = stepsUp + (stepsDown ?? stepsUp);
        double ratio = stepsUp / total;
        double cycle = Math.Floor(1 + (step / total));
        double x = 1 + (step / total) - cycle;
        double share = x <= ratio ? x / ratio : (x - 1) / (ratio - 1);
        double factor = mode switch
        {
            CyclicMode.Triangular2 => 1 / Math.Pow(2, cycle - 1),
            CyclicMode.ExponentialRange => Math.Pow(gamma, step),
            _ => 1,
        };
        return share * factor;
    }
}

/// <summary>The 1cycle policy (Smith and Topin, arXiv:1708.07120): up to the learning rate of the fit, then down far below where it started.</summary>
/// <param name="totalSteps">Steps of the whole fit.</param>
/// <param name="rise">Share of the steps that go up; default 0.3.</param>
/// <param name="startDivisor">The first learning rate is the highest one divided by this; default 25.</param>
/// <param name="endDivisor">The last one is the first one divided by this; default 1e4.</param>
/// <param name="linear">Whether the ways up and down are straight instead of cosines; default false.</param>
/// <param name="threePhases">Whether the way down leads back to the first learning rate before it goes on to the last; default false.</param>
public sealed class OneCycleLR(long totalSteps, double rise = 0.3, double startDivisor = 25, double endDivisor = 1e4, bool linear = false, bool threePhases = false) : LearningRateScheduler
{
    /// <summary>
    /// Bounds between which the momentum goes down while the learning rate goes up, and up again while it goes down: PyTorch's <c>cycle_momentum</c> (there 0.85 and 0.95, on by default). Null (default)
    /// leaves it as set.
    /// </summary>
    public (double Lowest, double Highest)? Momentum { get; init; }

    /// <inheritdoc/>
    /// <exception cref="ArgumentOutOfRangeException">The step lies after the last one.</exception>
    public override double At(long step, double rate) => Along(step, rate / startDivisor, rate, rate / startDivisor / endDivisor);

    /// <inheritdoc/>
    /// <exception cref="ArgumentOutOfRangeException">The step lies after the last one.</exception>
    public override double? MomentumAt(long step) => Momentum is var (low, high) ? Along(step, high, low, high) : null;

    /// <summary>From a first value to the one of the top, and to the last one: with three phases by way of the first.</summary>
    private double Along(long step, double first, double top, double last)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(step, totalSteps);
        double up = (rise * totalSteps) - 1;
        if (step <= up)
        {
            return Anneal(first, top, up <= 0 ? 1 : step / up);
        }

        double start = up;
        if (threePhases)
        {
            double back = (2 * rise * totalSteps) - 2;
            if (step <= back)
            {
                return Anneal(top, first, (step - up) / (back - up));
            }

            (top, start) = (first, back);
        }

        double rest = totalSteps - 1 - start;
        return Anneal(top, last, rest <= 0 ? 1 : (step - start) / rest);
    }

    private double Anneal(double start, double end, double share) => linear ? start + ((end - start) * share) : Cosine(start, end, share);
}
