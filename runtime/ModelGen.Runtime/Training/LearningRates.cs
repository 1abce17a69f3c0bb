using ModelGen.Schedulers;

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
    public static double At(Schedule schedule, double peak, long step, long steps) => LearningRateScheduler.For(schedule, steps).At(Math.Min(step, Math.Max(steps, 1)), peak);
}
