using System.Text.Json.Nodes;

namespace ModelGen.Schedulers;

/// <summary>One scheduler after another; each starts with its own step 0.</summary>
public sealed class SequentialLR : LearningRateScheduler
{
    private readonly IReadOnlyList<LearningRateScheduler> schedulers;
    private readonly IReadOnlyList<long> milestones;

    /// <summary>Schedulers in order.</summary>
    /// <param name="schedulers">The schedulers; their <see cref="LearningRateScheduler.Unit"/> is that of this one.</param>
    /// <param name="milestones">Step at which each but the first takes over, rising.</param>
    /// <exception cref="ArgumentException">There is not one milestone less than schedulers, or they do not rise.</exception>
    public SequentialLR(IReadOnlyList<LearningRateScheduler> schedulers, IReadOnlyList<long> milestones)
    {
        if (milestones.Count != schedulers.Count - 1 || milestones.Zip(milestones.Skip(1)).Any(static pair => pair.First >= pair.Second))
        {
            throw new ArgumentException($"{schedulers.Count} schedulers need {schedulers.Count - 1} milestones, each above the one before.", nameof(milestones));
        }

        this.schedulers = schedulers;
        this.milestones = milestones;
    }

    /// <inheritdoc/>
    public override double At(long step, double rate)
    {
        (LearningRateScheduler scheduler, long own) = Current(step);
        return scheduler.At(own, rate);
    }

    /// <inheritdoc/>
    public override double? MomentumAt(long step)
    {
        (LearningRateScheduler scheduler, long own) = Current(step);
        return scheduler.MomentumAt(own);
    }

    /// <inheritdoc/>
    public override void Observe(double value) => CombinedState.Observe(schedulers, value);

    /// <inheritdoc/>
    public override JsonNode? SaveState() => CombinedState.Save(schedulers);

    /// <inheritdoc/>
    public override void LoadState(JsonNode? state) => CombinedState.Load(schedulers, state);

    private (LearningRateScheduler Scheduler, long Step) Current(long step)
    {
        int index = milestones.Count(milestone => milestone <= step);
        return (schedulers[index], index == 0 ? step : step - milestones[index - 1]);
    }
}

/// <summary>Several schedulers at once: their factors of the learning rate are multiplied. It equals PyTorch's for schedulers that only multiply.</summary>
/// <param name="schedulers">The schedulers; their <see cref="LearningRateScheduler.Unit"/> is that of this one.</param>
public sealed class ChainedScheduler(IReadOnlyList<LearningRateScheduler> schedulers) : LearningRateScheduler
{
    /// <inheritdoc/>
    public override double At(long step, double rate) => rate == 0 ? 0 : schedulers.Aggregate(rate, (product, scheduler) => product * (scheduler.At(step, rate) / rate));

    /// <inheritdoc/>
    public override double? MomentumAt(long step) => schedulers.Select(scheduler => scheduler.MomentumAt(step)).LastOrDefault(static momentum => momentum is not null);

    /// <inheritdoc/>
    public override void Observe(double value) => CombinedState.Observe(schedulers, value);

    /// <inheritdoc/>
    public override JsonNode? SaveState() => CombinedState.Save(schedulers);

    /// <inheritdoc/>
    public override void LoadState(JsonNode? state) => CombinedState.Load(schedulers, state);
}

/// <summary>State of schedulers that hold others.</summary>
internal static class CombinedState
{
    public static void Observe(IReadOnlyList<LearningRateScheduler> schedulers, double value)
    {
        foreach (LearningRateScheduler scheduler in schedulers)
        {
            scheduler.Observe(value);
        }
    }

    public static JsonArray Save(IReadOnlyList<LearningRateScheduler> schedulers) => [.. schedulers.Select(static scheduler => scheduler.SaveState())];

    public static void Load(IReadOnlyList<LearningRateScheduler> schedulers, JsonNode? state)
    {
        if (state is not JsonArray parts || parts.Count != schedulers.Count)
        {
            throw new InvalidDataException($"The checkpoint was made with {(state as JsonArray)?.Count ?? 0} schedulers in this place, now there are {schedulers.Count}.");
        }

        for (int i = 0; i < parts.Count; i++)
        {
            schedulers[i].LoadState(parts[i]);
        }
    }
}
