namespace ModelGen;

/// <summary>The learning rate of every step of a fit.</summary>
public static class LearningRates
{
    /// <summary>The learning rate of a step.</summary>
    /// <param name="schedule">Schedule.</param>
    /// <param name="peak">Peak learning rate.</param>
    /// <param name="step">Number of the step, from 0.</param>
    /// <param name="steps">Steps of the whole fit.</param>
    /// <returns>The learning rate.</returns>
    public static double At(Schedule schedule, double peak, long step, long steps) => schedule switch
    {
        Schedule.OneCycle => OneCycle(peak, step, steps),
        Schedule.Cosine => peak * (1 + Math.Cos(Math.PI * step / Math.Max(steps, 1))) / 2,
        Schedule.Linear => peak * (1 - ((double)step / Math.Max(steps, 1))),
        _ => peak,
    };

    // PyTorch's OneCycleLR with its defaults: pct_start 0.3, div_factor 25, final_div_factor 1e4, two cosine phases.
    private static double OneCycle(double peak, long step, long steps)
    {
        double initial = peak / 25;
        double final = initial / 1e4;
        double up = (0.3 * steps) - 1;
        double down = steps - 1 - up;
        return step <= up
            ? Anneal(initial, peak, up <= 0 ? 1 : step / up)
            : Anneal(peak, final, down <= 0 ? 1 : (step - up) / down);
    }

    private static double Anneal(double start, double end, double share) => end + ((start - end) / 2 * (1 + Math.Cos(Math.PI * share)));
}
