using System.Text.Json.Nodes;

namespace ModelGen.Schedulers;

/// <summary>Lowers the learning rate when the monitored value of the validations (<see cref="TrainerOptions.Monitor"/>) no longer gets better.</summary>
/// <param name="mode">Whether smaller or larger is better; default smaller.</param>
/// <param name="factor">Factor of the learning rate; default 0.1.</param>
/// <param name="patience">Validations without a better value before it is lowered; default 10.</param>
/// <param name="threshold">How much better counts, as a share of the best value; default 1e-4.</param>
/// <param name="relative">Whether <paramref name="threshold"/> is a share, not an amount; default true.</param>
/// <param name="cooldown">Validations after a lowering that do not count; default 0.</param>
/// <param name="smallest">Smallest learning rate; default 0.</param>
/// <param name="epsilon">A lowering by less than this is left out; default 1e-8.</param>
public sealed class ReduceLROnPlateau(
    MonitorMode mode = MonitorMode.Min, double factor = 0.1, int patience = 10, double threshold = 1e-4, bool relative = true, int cooldown = 0, double smallest = 0, double epsilon = 1e-8) : LearningRateScheduler
{
    private double best = mode == MonitorMode.Min ? double.PositiveInfinity : double.NegativeInfinity;
    private double? current;
    private double start;
    private int bad;
    private int resting;

    /// <inheritdoc/>
    public override double At(long step, double rate)
    {
        start = rate;
        return current ?? rate;
    }

    /// <inheritdoc/>
    public override void Observe(double value)
    {
        double limit = (mode, relative) switch
        {
            (MonitorMode.Min, true) => best * (1 - threshold),
            (MonitorMode.Min, false) => best - threshold,
            (_, true) => best * (1 + threshold),
            _ => best + threshold,
        };
        if (mode == MonitorMode.Min ? value < limit : value > limit)
        {
            best = value;
            bad = 0;
        }
        else
        {
            bad++;
        }

        if (resting > 0)
        {
            resting--;
            bad = 0;
        }

        if (bad > patience)
        {
            double now = current ?? start;
            double lower = Math.Max(now * factor, smallest);
            if (now - lower > epsilon)
            {
                current = lower;
            }

            resting = cooldown;
            bad = 0;
        }
    }

    /// <inheritdoc/>
    public override JsonNode SaveState() => new JsonArray(Number(best), current is double rate ? Number(rate) : null, bad, resting);

    /// <inheritdoc/>
    public override void LoadState(JsonNode? state)
    {
        if (state is not JsonArray { Count: 4 } parts)
        {
            throw new InvalidDataException("The checkpoint was made without ReduceLROnPlateau in this place.");
        }

        best = Number(parts[0]!);
        current = parts[1] is { } rate ? Number(rate) : null;
        bad = parts[2]!.GetValue<int>();
        resting = parts[3]!.GetValue<int>();
    }
}
