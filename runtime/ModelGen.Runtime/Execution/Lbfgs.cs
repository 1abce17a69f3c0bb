namespace ModelGen;

/// <summary>The numbers of <see cref="Lbfgs"/> that go on from step to step.</summary>
/// <param name="Started">Whether there was an iteration before the next one, which its gradient is compared with.</param>
/// <param name="Step">Length of the last step along the direction; 0 when none was made.</param>
/// <param name="Scale">Factor of the unit matrix that the approximation starts from.</param>
/// <param name="Curvatures">1 / yᵀs of the pairs in memory, oldest first.</param>
/// <param name="Iterations">Iterations so far.</param>
/// <param name="Evaluations">Evaluations so far.</param>
internal sealed record LbfgsCounters(bool Started, double Step, double Scale, double[] Curvatures, long Iterations, long Evaluations);

/// <summary>
/// Limited-memory BFGS (Nocedal and Wright, Numerical Optimization, 2nd ed., algorithms 7.4 and 7.5) over flat buffers: several iterations a step, each with one evaluation of loss and gradient or a line
/// search. It makes the iterations of PyTorch's <c>torch.optim.LBFGS</c>, end by end.
/// </summary>
/// <remarks>
/// Beyond PyTorch, an evaluation that is not finite is never taken: a line search tries shorter steps, and without one the step is taken back and the memory starts anew.
/// </remarks>
internal sealed class Lbfgs : ILine, IDisposable
{
    /// <summary>Curvature that a pair needs to be remembered, as in PyTorch.</summary>
    private const double LeastCurvature = 1e-10;

    private readonly OptimizerSettings settings;
    private readonly FlatBuffer parameters;
    private readonly FlatBuffer gradients;
    private readonly Func<double> objective;
    private readonly FlatBuffer direction;
    private readonly FlatBuffer previous;
    private readonly FlatBuffer origin;
    private readonly FlatBuffer? kept;
    private readonly List<(FlatBuffer Step, FlatBuffer Change)> memory = [];
    private readonly double[] curvatures;
    private readonly double[] shares;
    private int count;
    private int oldest;
    private bool started;
    private double length;
    private double scale = 1;
    private bool keptIsStart;

    /// <summary>Creates it with an empty memory.</summary>
    /// <param name="settings">Settings, which were checked.</param>
    /// <param name="parameters">Parameters, updated in place.</param>
    /// <param name="gradients">Gradients of the same layout.</param>
    /// <param name="objective">Computes the gradients at the parameters as they are and returns the function's value.</param>
    public Lbfgs(OptimizerSettings settings, FlatBuffer parameters, FlatBuffer gradients, Func<double> objective)
    {
        this.settings = settings;
        this.parameters = parameters;
        this.gradients = gradients;
        this.objective = objective;
        direction = parameters.Like();
        previous = parameters.Like();
        origin = parameters.Like();
        kept = settings.LineSearch == LineSearch.StrongWolfe ? parameters.Like() : null;
        curvatures = new double[settings.HistorySize];
        shares = new double[settings.HistorySize];
    }

    /// <summary>Iterations so far.</summary>
    public long Iterations { get; private set; }

    /// <summary>Evaluations of the function so far.</summary>
    public long Evaluations { get; private set; }

    /// <summary>Whether the last step left the parameters as they were because the function was not finite.</summary>
    public bool WasRefused { get; private set; }

    /// <summary>Whether that was after an iteration, which was taken back.</summary>
    public bool TookBack { get; private set; }

    /// <summary>Bytes of all buffers so far; the memory grows pair by pair up to <see cref="OptimizerSettings.HistorySize"/>.</summary>
    public long Bytes => parameters.Bytes * (3 + (kept is null ? 0 : 1) + (2 * memory.Count));

    /// <summary>What a checkpoint must hold: buffers by name, pairs oldest first.</summary>
    public IEnumerable<(string Name, FlatBuffer Buffer)> State =>
    [
        ("direction", direction),
        ("gradient", previous),
        .. Enumerable.Range(0, count).SelectMany(k => new[] { ($"step{k}", Pair(k).Step), ($"change{k}", Pair(k).Change) }),
    ];

    /// <summary>The numbers besides them; setting them makes room for as many pairs.</summary>
    public LbfgsCounters Counters
    {
        get => new(started, length, scale, [.. Enumerable.Range(0, count).Select(k => curvatures[Slot(k)])], Iterations, Evaluations);
        set
        {
            (started, length, scale, Iterations, Evaluations) = (value.Started, value.Step, value.Scale, value.Iterations, value.Evaluations);
            (count, oldest) = (value.Curvatures.Length, 0);
            value.Curvatures.CopyTo(curvatures, 0);
            while (memory.Count < count)
            {
                memory.Add((parameters.Like(), parameters.Like()));
            }
        }
    }

    /// <summary>Forgets what it knows of the function's curvature; the next iteration goes down the gradient.</summary>
    public void Forget()
    {
        (count, oldest, started, scale, length) = (0, 0, false, 1, 0);
    }

    /// <summary>Makes the iterations of a step.</summary>
    /// <param name="rate">Learning rate: the length of steps, or with a line search the first one that is tried.</param>
    /// <returns>The function's value at the parameters as they were.</returns>
    public double Step(double rate)
    {
        (WasRefused, TookBack) = (false, false);
        double first = Evaluate();
        if (!double.IsFinite(first) || !double.IsFinite(FlatVectors.Dot(gradients, gradients)))
        {
            WasRefused = true;
            return first;
        }

        if (FlatVectors.Largest(gradients) <= settings.ToleranceGradient)
        {
            return first;
        }

        FlatVectors.Copy(origin, parameters);
        int limit = settings.MaxEvaluations ?? settings.MaxIterations * 5 / 4;
        long before = Evaluations - 1;
        double value = first;
        for (int i = 1; ; i++)
        {
            Iterations++;
            double next = Direct(rate);
            FlatVectors.Copy(previous, gradients);
            double slope = FlatVectors.Dot(gradients, direction);
            if (!(slope <= -settings.ToleranceChange))
            {
                // No way down: no step was made that the next gradient could be compared over.
                length = 0;
                if (!double.IsFinite(slope))
                {
                    Forget();
                }

                break;
            }

            double last = value;
            if (settings.LineSearch == LineSearch.StrongWolfe)
            {
                value = Search(next, new LinePoint(0, value, slope));
            }
            else
            {
                length = next;
                FlatVectors.Combine(parameters, direction, 1, length);
                if (i < settings.MaxIterations)
                {
                    value = Evaluate();
                    if (!double.IsFinite(value) || !double.IsFinite(FlatVectors.Dot(gradients, gradients)))
                    {
                        FlatVectors.Copy(parameters, origin);
                        Forget();
                        (WasRefused, TookBack) = (true, true);
                        break;
                    }
                }
            }

            if (i == settings.MaxIterations
                || Evaluations - before >= limit
                || FlatVectors.Largest(gradients) <= settings.ToleranceGradient
                || Math.Abs(length) * FlatVectors.Largest(direction) <= settings.ToleranceChange
                || Math.Abs(value - last) < settings.ToleranceChange)
            {
                break;
            }
        }

        return first;
    }

    /// <inheritdoc/>
    LinePoint ILine.At(double step)
    {
        FlatVectors.Copy(parameters, origin);
        FlatVectors.Combine(parameters, direction, 1, step);
        double value = Evaluate();
        double slope = FlatVectors.Dot(gradients, direction);
        length = step;
        return new LinePoint(step, double.IsFinite(value) && double.IsFinite(slope) ? value : double.PositiveInfinity, slope);
    }

    /// <inheritdoc/>
    void ILine.Keep()
    {
        FlatVectors.Copy(kept!, gradients);
        keptIsStart = false;
    }

    /// <inheritdoc/>
    void ILine.KeepStart() => keptIsStart = true;

    /// <summary>Frees the buffers.</summary>
    public void Dispose()
    {
        direction.Dispose();
        previous.Dispose();
        origin.Dispose();
        kept?.Dispose();
        foreach ((FlatBuffer step, FlatBuffer change) in memory)
        {
            step.Dispose();
            change.Dispose();
        }
    }

    private double Evaluate()
    {
        Evaluations++;
        return objective();
    }

    /// <summary>Sets the direction of the next step, and remembers the last one.</summary>
    /// <returns>The length to try.</returns>
    private double Direct(double rate)
    {
        if (!started)
        {
            started = true;
            FlatVectors.Combine(direction, gradients, 0, -1);
            return Math.Min(1, 1 / FlatVectors.SumOfMagnitudes(gradients, 0, gradients.Count)) * rate;
        }

        Remember();
        FlatVectors.Combine(direction, gradients, 0, -1);
        for (int k = count - 1; k >= 0; k--)
        {
            (FlatBuffer step, FlatBuffer change) = Pair(k);
            shares[k] = FlatVectors.Dot(step, direction) * curvatures[Slot(k)];
            FlatVectors.Combine(direction, change, 1, -shares[k]);
        }

        FlatVectors.Combine(direction, direction, scale, 0);
        for (int k = 0; k < count; k++)
        {
            (FlatBuffer step, FlatBuffer change) = Pair(k);
            double share = FlatVectors.Dot(change, direction) * curvatures[Slot(k)];
            FlatVectors.Combine(direction, step, 1, shares[k] - share);
        }

        return rate;
    }

    /// <summary>Takes the last step and the change of the gradient over it into the memory, where the function curves upwards.</summary>
    private void Remember()
    {
        // Both buffers are written anew after this.
        FlatVectors.Combine(previous, gradients, -1, 1);
        FlatVectors.Combine(direction, direction, length, 0);
        double curvature = FlatVectors.Dot(previous, direction);
        if (!(curvature > LeastCurvature))
        {
            return;
        }

        int slot = oldest;
        if (count < settings.HistorySize)
        {
            slot = count++;
            if (slot == memory.Count)
            {
                memory.Add((parameters.Like(), parameters.Like()));
            }
        }
        else
        {
            oldest = (oldest + 1) % count;
        }

        FlatVectors.Copy(memory[slot].Step, direction);
        FlatVectors.Copy(memory[slot].Change, previous);
        curvatures[slot] = 1 / curvature;
        scale = curvature / FlatVectors.Dot(previous, previous);
    }

    /// <summary>Moves to the point that a line search finds.</summary>
    /// <returns>The function's value there.</returns>
    private double Search(double step, LinePoint start)
    {
        FlatVectors.Copy(origin, parameters);
        LinePoint found = StrongWolfe.Search(this, start, step, FlatVectors.Largest(direction)).Point;
        if (found.Step != length)
        {
            length = found.Step;
            FlatVectors.Copy(parameters, origin);
            FlatVectors.Combine(parameters, direction, 1, length);
            FlatVectors.Copy(gradients, keptIsStart ? previous : kept!);
        }

        return found.Value;
    }

    private int Slot(int k) => (oldest + k) % count;

    private (FlatBuffer Step, FlatBuffer Change) Pair(int k) => memory[Slot(k)];
}
