using System.Globalization;
using System.Text.Json.Nodes;

namespace ModelGen.Schedulers;

/// <summary>When a scheduler moves on.</summary>
public enum SchedulerUnit
{
    /// <summary>With every update of the parameters.</summary>
    Step,

    /// <summary>With every epoch.</summary>
    Epoch,
}

/// <summary>
/// The learning rate over a fit. The schedulers of this namespace give what PyTorch's of the same name give (<c>torch.optim.lr_scheduler</c>, release 2.10, in closed form); what they count is set by
/// <see cref="Unit"/>.
/// </summary>
/// <example><c>new TrainerOptions { Scheduler = new SequentialLR([new LinearLR(0.01, 1, 500), new CosineAnnealingLR(10_000)], [500]) }</c></example>
public abstract class LearningRateScheduler
{
    /// <summary>What the scheduler counts; default <see cref="SchedulerUnit.Step"/>. PyTorch's examples count epochs.</summary>
    public SchedulerUnit Unit { get; init; } = SchedulerUnit.Step;

    /// <summary>The learning rate of a step.</summary>
    /// <param name="step">Steps (or epochs) before this one.</param>
    /// <param name="rate">The learning rate that was set for the fit.</param>
    /// <returns>The learning rate.</returns>
    public abstract double At(long step, double rate);

    /// <summary>The momentum of a step, for schedulers that change it (<see cref="OneCycleLR.Momentum"/>, <see cref="CyclicLR.Momentum"/>); null leaves it as set.</summary>
    /// <param name="step">Steps (or epochs) before this one.</param>
    /// <returns>The momentum (<see cref="FlatOptimizer.Momentum"/>), or null.</returns>
    public virtual double? MomentumAt(long step) => null;

    /// <summary>Is told a monitored value after each validation; only <see cref="ReduceLROnPlateau"/> cares.</summary>
    /// <param name="value">The value.</param>
    public virtual void Observe(double value)
    {
    }

    /// <summary>What a checkpoint keeps of the scheduler; null for schedulers that depend on the step alone.</summary>
    /// <returns>State, or null.</returns>
    public virtual JsonNode? SaveState() => null;

    /// <summary>Restores what <see cref="SaveState"/> gave.</summary>
    /// <param name="state">State, or null.</param>
    public virtual void LoadState(JsonNode? state)
    {
    }

    /// <summary>The scheduler of a member of <see cref="Schedule"/>.</summary>
    /// <param name="schedule">Which.</param>
    /// <param name="steps">Steps of the whole fit.</param>
    /// <returns>The scheduler; it counts steps.</returns>
    public static LearningRateScheduler For(Schedule schedule, long steps)
    {
        steps = Math.Max(steps, 1);
        return schedule switch
        {
            Schedule.OneCycle => new OneCycleLR(steps),
            Schedule.Cosine => new CosineAnnealingLR(steps),
            Schedule.Linear => new LinearLR(1, 0, steps),
            _ => new ConstantLR(1, 0),
        };
    }

    private protected static double Cosine(double start, double end, double share) => end + ((start - end) / 2 * (1 + Math.Cos(Math.PI * share)));

    private protected static JsonNode Number(double value) => JsonValue.Create(value.ToString("R", CultureInfo.InvariantCulture));

    private protected static double Number(JsonNode node) => double.Parse(node.GetValue<string>(), CultureInfo.InvariantCulture);
}
