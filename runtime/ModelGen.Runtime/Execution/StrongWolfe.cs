namespace ModelGen;

/// <summary>A point of a line search.</summary>
/// <param name="Step">How far along the direction.</param>
/// <param name="Value">Value of the function there; infinite where it is not finite.</param>
/// <param name="Slope">Its derivative along the direction.</param>
internal readonly record struct LinePoint(double Step, double Value, double Slope);

/// <summary>A function along a direction, for a line search.</summary>
internal interface ILine
{
    /// <summary>Evaluates the function; infinite where its value or slope is not finite.</summary>
    LinePoint At(double step);

    /// <summary>Keeps what belongs to the point that was evaluated last; it may be the best one.</summary>
    void Keep();

    /// <summary>The same for the start of the line.</summary>
    void KeepStart();
}

/// <summary>
/// A line search for a step that fulfils the strong Wolfe conditions: bracketing and then narrowing by cubic interpolation (Nocedal and Wright, Numerical Optimization, 2nd ed., algorithms 3.5 and 3.6,
/// equation 3.59), with the constants and safeguards of PyTorch's <c>strong_wolfe</c>, whose steps it takes. Beyond it, a point that is not finite counts as infinitely high, and the interval is halved then.
/// </summary>
internal static class StrongWolfe
{
    /// <summary>Points that a search evaluates at most, beyond the first.</summary>
    private const int MaxTrials = 25;

    private const double SufficientDecrease = 1e-4;

    private const double Curvature = 0.9;

    /// <summary>Interval that is not narrowed further, in terms of the largest change of a parameter.</summary>
    private const double LeastInterval = 1e-9;

    /// <summary>Searches.</summary>
    /// <param name="line">The function. What it was told last to keep is that of the result, unless that is the point evaluated last.</param>
    /// <param name="start">Value and slope at step 0; the slope is negative.</param>
    /// <param name="step">First step.</param>
    /// <param name="largest">Largest magnitude of the direction.</param>
    /// <returns>The point, and the number of evaluations. Step 0 where no better one was found.</returns>
    public static (LinePoint Point, int Evaluations) Search(ILine line, LinePoint start, double step, double largest)
    {
        bool Rises(LinePoint point) => point.Value > start.Value + (SufficientDecrease * point.Step * start.Slope);
        bool IsFlat(LinePoint point) => Math.Abs(point.Slope) <= -Curvature * start.Slope;
        LinePoint before = start;
        line.KeepStart();
        LinePoint now = line.At(step);
        int trials = 0;
        while (trials < MaxTrials)
        {
            if (Rises(now) || (trials > 1 && now.Value >= before.Value))
            {
                break;
            }

            if (IsFlat(now))
            {
                return (now, trials + 1);
            }

            if (now.Slope >= 0)
            {
                break;
            }

            double next = Interpolate(before, now, now.Step + (0.01 * (now.Step - before.Step)), now.Step * 10);
            line.Keep();
            before = now;
            now = line.At(next);
            trials++;
        }

        if (trials == MaxTrials)
        {
            before = start;
            line.KeepStart();
        }

        // The bracket: a minimum lies between the two.
        (LinePoint first, LinePoint second) = (before, now);
        bool lowIsFirst = first.Value <= second.Value;
        if (!lowIsFirst)
        {
            line.Keep();
        }

        bool slow = false;
        while (trials < MaxTrials && Math.Abs(second.Step - first.Step) * largest >= LeastInterval)
        {
            double left = Math.Min(first.Step, second.Step);
            double right = Math.Max(first.Step, second.Step);
            double next = Interpolate(first, second, left, right);

            // Twice in turn near an end of the interval, or on it: further inside.
            double margin = 0.1 * (right - left);
            bool near = Math.Min(right - next, next - left) < margin;
            if (near && (slow || next >= right || next <= left))
            {
                next = Math.Abs(next - right) < Math.Abs(next - left) ? right - margin : left + margin;
                near = false;
            }

            slow = near;
            now = line.At(next);
            trials++;
            (LinePoint low, LinePoint high) = lowIsFirst ? (first, second) : (second, first);
            if (Rises(now) || now.Value >= low.Value)
            {
                (first, second) = lowIsFirst ? (low, now) : (now, low);
                bool lowWasFirst = lowIsFirst;
                lowIsFirst = first.Value <= second.Value;
                if (lowIsFirst != lowWasFirst)
                {
                    line.Keep();
                }

                continue;
            }

            line.Keep();
            if (IsFlat(now))
            {
                return (now, trials + 1);
            }

            high = now.Slope * (high.Step - low.Step) >= 0 ? low : high;
            (first, second) = lowIsFirst ? (now, high) : (high, now);
        }

        return (lowIsFirst ? first : second, trials + 1);
    }

    /// <summary>Minimum of the cubic through two points with their slopes, within bounds; the middle of the bounds where there is none.</summary>
    internal static double Interpolate(LinePoint a, LinePoint b, double lowest, double highest)
    {
        double first = a.Slope + b.Slope - (3 * (a.Value - b.Value) / (a.Step - b.Step));
        double square = (first * first) - (a.Slope * b.Slope);
        if (square >= 0)
        {
            double second = Math.Sqrt(square);
            double place = a.Step <= b.Step
                ? b.Step - ((b.Step - a.Step) * ((b.Slope + second - first) / (b.Slope - a.Slope + (2 * second))))
                : a.Step - ((a.Step - b.Step) * ((a.Slope + second - first) / (a.Slope - b.Slope + (2 * second))));
            if (double.IsFinite(place))
            {
                return Math.Min(Math.Max(place, lowest), highest);
            }
        }

        return (lowest + highest) / 2;
    }
}
