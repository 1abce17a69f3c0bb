using System.Diagnostics;
using System.Globalization;
using System.Text;
using System.Text.Json;

namespace ModelGen;

/// <summary>Where the time of a training step goes. <see cref="ToString()"/> is a table of the layers and one of the operations.</summary>
public sealed class StepProfile
{
    private const string Gradient = "gradient of ";
    private const int LongestSource = 44;

    private readonly StepClock clock;

    internal StepProfile(string model, int batch, StepOperation[] operations, StepClock clock, double wholeSeconds, HardwareLimits limits)
    {
        this.clock = clock;
        Model = model;
        Batch = batch;
        Limits = limits;
        StepSeconds = wholeSeconds;
        Operations = [.. operations.Select((operation, index) => new ProfiledOperation(operation, Median(index), limits.LeastSeconds(operation)))];
        Layers = [.. Operations.GroupBy(static profiled => NameOf(profiled.Operation)).Select(static group => Sum(group.Key, [.. group]))];
    }

    /// <summary>Name of the model class.</summary>
    public string Model { get; }

    /// <summary>Samples of the profiled batch.</summary>
    public int Batch { get; }

    /// <summary>Steps that were profiled.</summary>
    public int Steps => clock.Finished;

    /// <summary>Median time of a whole step: its operations, and the copy of the inputs.</summary>
    public double StepSeconds { get; }

    /// <summary>What the machine can do at best.</summary>
    public HardwareLimits Limits { get; }

    /// <summary>Operations in the order in which they run.</summary>
    public IReadOnlyList<ProfiledOperation> Operations { get; }

    /// <summary>Operations summed by layer, in the order of the forward pass.</summary>
    public IReadOnlyList<ProfiledLayer> Layers { get; }

    /// <summary>The tables. Lines end in a line feed; numbers do not depend on the culture.</summary>
    /// <returns>Several lines of text.</returns>
    public override string ToString() => ToString(operations: 20);

    /// <summary>The tables.</summary>
    /// <param name="operations">How many of the operations are listed, those that take longest first.</param>
    /// <returns>Several lines of text.</returns>
    public string ToString(int operations)
    {
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $"{Model}: a step of {Batch} samples takes {Milliseconds(StepSeconds)} ms, {Batch / StepSeconds:0} samples/s (median of {Steps} steps)\n");
        text.Append(CultureInfo.InvariantCulture, $"limits of this machine: {Limits}\n\n");
        var layers = new TextTable("layer", ">forward", ">backward", ">ms", ">share", ">GFLOP/s", ">GB/s", ">of limit");
        foreach (ProfiledLayer layer in Layers)
        {
            layers.Add(
                Short(layer.Name),
                layer.ForwardSeconds > 0 ? Milliseconds(layer.ForwardSeconds) : "-",
                layer.BackwardSeconds > 0 ? Milliseconds(layer.BackwardSeconds) : "-",
                Milliseconds(layer.Seconds),
                Percent(layer.Seconds / StepSeconds),
                Rate(layer.Flops, layer.Seconds),
                Rate(layer.Bytes, layer.Seconds),
                Percent(layer.LeastSeconds / layer.Seconds));
        }

        double measured = Operations.Sum(static operation => operation.Seconds);
        layers.AddRule();
        layers.Add(
            "all",
            Milliseconds(Layers.Sum(static layer => layer.ForwardSeconds)),
            Milliseconds(Layers.Sum(static layer => layer.BackwardSeconds)),
            Milliseconds(measured),
            Percent(measured / StepSeconds),
            Rate(Operations.Sum(static operation => operation.Operation.Flops), measured),
            Rate(Operations.Sum(static operation => operation.Operation.Bytes), measured),
            Percent(Operations.Sum(static operation => operation.LeastSeconds) / measured));
        text.Append(layers).Append('\n');
        var table = new TextTable("operation", "kernel", "phase", ">ms", ">share", ">GFLOP/s", ">GB/s", ">of limit");
        ProfiledOperation[] listed = [.. Operations.OrderByDescending(static operation => operation.Seconds).Take(operations)];
        foreach (ProfiledOperation operation in listed)
        {
            table.Add(
                Short(NameOf(operation.Operation)),
                Short(operation.Operation.Kernel),
                operation.Operation.Phase.ToString().ToLowerInvariant(),
                Milliseconds(operation.Seconds),
                Percent(operation.Seconds / StepSeconds),
                Rate(operation.Operation.Flops, operation.Seconds),
                Rate(operation.Operation.Bytes, operation.Seconds),
                Percent(operation.ShareOfLimit));
        }

        text.Append(table);
        if (listed.Length < Operations.Count)
        {
            text.Append(CultureInfo.InvariantCulture, $"and {Operations.Count - listed.Length} more with {Milliseconds(measured - listed.Sum(static operation => operation.Seconds))} ms together\n");
        }

        return text.ToString();
    }

    /// <summary>
    /// Writes all profiled steps in the Trace Event format of Chromium: open <c>chrome://tracing</c> or <c>ui.perfetto.dev</c> and load the file. One row holds the steps, one the
    /// layers, one the kernels.
    /// </summary>
    /// <param name="path">JSON file; replaced when it exists.</param>
    public void WriteChromeTrace(string path)
    {
        using FileStream file = File.Create(path);
        using var json = new Utf8JsonWriter(file);
        long zero = clock.Start(0, 0);
        json.WriteStartObject();
        json.WriteString("displayTimeUnit", "ms");
        json.WriteStartArray("traceEvents");
        string[] rows = ["step", "layers", "kernels"];
        for (int row = 0; row < rows.Length; row++)
        {
            WriteName(json, row, rows[row]);
        }

        for (int step = 0; step < Steps; step++)
        {
            long start = clock.Start(step, 0);
            WriteEvent(json, 0, string.Create(CultureInfo.InvariantCulture, $"step {step + 1}"), start - zero, clock.Start(step, Operations.Count) - start, null);
            for (int i = 0; i < Operations.Count;)
            {
                // Neighbours of one layer and phase are one event of the row above the kernels.
                StepOperation first = Operations[i].Operation;
                int end = i;
                for (; end < Operations.Count && NameOf(Operations[end].Operation) == NameOf(first) && Operations[end].Operation.Phase == first.Phase; end++)
                {
                    WriteEvent(json, 2, Operations[end].Operation.Kernel, clock.Start(step, end) - zero, clock.Start(step, end + 1) - clock.Start(step, end), Operations[end].Operation);
                }

                string name = first.Phase == StepPhase.Backward ? Gradient + NameOf(first) : NameOf(first);
                WriteEvent(json, 1, name, clock.Start(step, i) - zero, clock.Start(step, end) - clock.Start(step, i), null);
                i = end;
            }
        }

        json.WriteEndArray();
        json.WriteEndObject();
    }

    private static void WriteName(Utf8JsonWriter json, int row, string name)
    {
        json.WriteStartObject();
        json.WriteString("name", "thread_name");
        json.WriteString("ph", "M");
        json.WriteNumber("pid", 1);
        json.WriteNumber("tid", row);
        json.WriteStartObject("args");
        json.WriteString("name", name);
        json.WriteEndObject();
        json.WriteEndObject();
    }

    private static void WriteEvent(Utf8JsonWriter json, int row, string name, long start, long duration, StepOperation? operation)
    {
        json.WriteStartObject();
        json.WriteString("name", name);
        json.WriteString("ph", "X");
        json.WriteNumber("pid", 1);
        json.WriteNumber("tid", row);
        json.WriteNumber("ts", start * 1e6 / Stopwatch.Frequency);
        json.WriteNumber("dur", duration * 1e6 / Stopwatch.Frequency);
        if (operation is not null)
        {
            json.WriteStartObject("args");
            json.WriteString("source", operation.Source);
            json.WriteString("layer", operation.Layer);
            json.WriteNumber("flops", operation.Flops);
            json.WriteNumber("bytes", operation.Bytes);
            json.WriteEndObject();
        }

        json.WriteEndObject();
    }

    /// <summary>The layer of an operation, else its expression.</summary>
    internal static string NameOf(StepOperation operation) =>
        operation.Layer.Length > 0 ? operation.Layer
        : operation.Source.StartsWith(Gradient, StringComparison.Ordinal) ? operation.Source[Gradient.Length..]
        : operation.Source.Length > 0 ? operation.Source
        : operation.Kernel;

    private static ProfiledLayer Sum(string name, ProfiledOperation[] operations)
    {
        double Time(StepPhase phase) => operations.Where(operation => operation.Operation.Phase == phase).Sum(static operation => operation.Seconds);
        return new ProfiledLayer(
            name,
            Time(StepPhase.Forward),
            Time(StepPhase.Backward),
            Time(StepPhase.Update),
            operations.Sum(static operation => operation.LeastSeconds),
            operations.Sum(static operation => operation.Operation.Flops),
            operations.Sum(static operation => operation.Operation.Bytes));
    }

    private static string Short(string text) => text.Length <= LongestSource ? text : text[..(LongestSource - 3)] + "...";

    private static string Milliseconds(double seconds) => (seconds * 1e3).ToString("0.000", CultureInfo.InvariantCulture);

    private static string Percent(double share) => (share * 100).ToString("0.0", CultureInfo.InvariantCulture) + " %";

    private static string Rate(double amount, double seconds) => amount == 0 || seconds == 0 ? "-" : (amount / seconds / 1e9).ToString("0.0", CultureInfo.InvariantCulture);

    private double Median(int operation)
    {
        long[] times = [.. Enumerable.Range(0, Steps).Select(step => clock.Start(step, operation + 1) - clock.Start(step, operation)).Order()];
        return times[times.Length / 2] / (double)Stopwatch.Frequency;
    }
}
