using System.Diagnostics;
using System.Diagnostics.Metrics;

namespace ModelGen.Monitoring;

/// <summary>
/// Publishes a fit through <see cref="System.Diagnostics.Metrics"/>, on the meter <c>ModelGen</c>, for <c>dotnet-counters</c>, OpenTelemetry and other listeners. Instruments carry the tag <c>model</c>.
/// </summary>
public sealed class MeterCallback : TrainerCallback
{
    /// <summary>Name of the meter.</summary>
    public const string MeterName = "ModelGen";

    private static readonly Meter Meter = CreateMeter();
    private static readonly Counter<long> Steps = Meter.CreateCounter<long>("modelgen.steps", "{step}", "Updates of the parameters");
    private static readonly Counter<long> Samples = Meter.CreateCounter<long>("modelgen.samples", "{sample}", "Training samples");
    private static readonly Histogram<double> StepTime = Meter.CreateHistogram<double>("modelgen.step.duration", "s", "Time from one step's end to the next one's");
    private static readonly Counter<double> Stall = Meter.CreateCounter<double>("modelgen.data.stall", "s", "Time that steps waited for data");
    private static readonly Gauge<double> LossGauge = Meter.CreateGauge<double>("modelgen.loss", null, "Loss of a step");
    private static readonly Gauge<double> LearningRate = Meter.CreateGauge<double>("modelgen.learning_rate", null, "Learning rate of a step");

    private long last;
    private double stalled;

    /// <summary>Steps from one reading of the loss to the next; default 10. It is read only while somebody listens.</summary>
    public int Interval { get; init; } = 10;

    /// <inheritdoc/>
    public override void OnEpochStart(TrainerContext context)
    {
        last = Stopwatch.GetTimestamp();
        stalled = 0;
    }

    /// <inheritdoc/>
    public override void OnStepEnd(TrainerContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        var model = new KeyValuePair<string, object?>("model", context.Model.GetType().Name);
        long now = Stopwatch.GetTimestamp();
        Steps.Add(1, model);
        Samples.Add(context.StepSamples, model);
        StepTime.Record(Stopwatch.GetElapsedTime(last, now).TotalSeconds, model);
        last = now;
        double waited = context.DataShare * context.SamplesInEpoch / context.SamplesPerSecond;
        Stall.Add(Math.Max(0, waited - stalled), model);
        stalled = waited;
        LearningRate.Record(context.LearningRate, model);
        if (LossGauge.Enabled && context.Steps % Interval == 0)
        {
            LossGauge.Record(context.ReadLoss(), model);
        }
    }

    private static Meter CreateMeter()
    {
        var meter = new Meter(MeterName, typeof(MeterCallback).Assembly.GetName().Version?.ToString());
        meter.CreateObservableGauge("modelgen.memory.resident", static () => MemorySample.Take().ResidentBytes, "By", "Physical memory of the process");
        meter.CreateObservableGauge("modelgen.memory.managed", static () => MemorySample.Take().ManagedBytes, "By", "Garbage-collected heap in use");
        meter.CreateObservableGauge("modelgen.memory.kernels", static () => MemorySample.Take().KernelBytes, "By", "Native memory of arenas and workspaces");
        return meter;
    }
}
