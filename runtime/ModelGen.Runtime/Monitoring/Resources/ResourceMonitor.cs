using System.Diagnostics;
using System.Globalization;
using System.Text;

namespace ModelGen.Monitoring;

/// <summary>Watches what this process takes, from a thread of its own, until it is disposed: processor, memory, page faults, garbage collections, and GPUs through NVML.</summary>
public sealed class ResourceMonitor : IDisposable
{
    private const int MostSamples = 4096;

    private readonly List<ResourceSample> samples = [];
    private readonly Stopwatch clock = Stopwatch.StartNew();
    private readonly ManualResetEventSlim stop = new();
    private readonly Thread thread;
    private TimeSpan interval;
    private Counters before;

    /// <summary>Starts watching.</summary>
    /// <param name="interval">Time between samples; null for 500 ms. When 4,096 samples are there, every second one is dropped and the interval doubles.</param>
    /// <exception cref="ArgumentOutOfRangeException">The interval is not above zero.</exception>
    public ResourceMonitor(TimeSpan? interval = null)
    {
        this.interval = interval ?? TimeSpan.FromMilliseconds(500);
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(this.interval, TimeSpan.Zero, nameof(interval));
        before = Counters.Take(clock.Elapsed);
        thread = new Thread(Watch) { IsBackground = true, Name = "ModelGen resource monitor" };
        thread.Start();
    }

    /// <summary>Which GPUs are watched, or why none is: <c>no NVML (libnvidia-ml.so.1 is not there), so GPUs are not watched</c>.</summary>
    public static string GpuStatus => Nvml.Status;

    /// <summary>The samples so far, in order.</summary>
    public IReadOnlyList<ResourceSample> Samples
    {
        get
        {
            lock (samples)
            {
                return [.. samples];
            }
        }
    }

    /// <summary>Takes a sample now, besides those that are taken on time.</summary>
    /// <returns>The sample.</returns>
    public ResourceSample Sample()
    {
        lock (samples)
        {
            Counters now = Counters.Take(clock.Elapsed);
            var sample = new ResourceSample(
                now.Elapsed,
                Math.Clamp((now.Cpu - before.Cpu) / (now.Elapsed - before.Elapsed) / Environment.ProcessorCount, 0, 1),
                MemorySample.Take(),
                now.Faults?.Minor - before.Faults?.Minor,
                now.Faults?.Major - before.Faults?.Major,
                now.Collections - before.Collections,
                now.Pause - before.Pause,
                Nvml.Take());
            before = now;
            samples.Add(sample);
            if (samples.Count == MostSamples)
            {
                samples.RemoveAll(other => samples.IndexOf(other) % 2 == 1);
                interval *= 2;
            }

            return sample;
        }
    }

    /// <summary>Stops watching; the samples stay.</summary>
    public void Dispose()
    {
        stop.Set();
        thread.Join();
        stop.Dispose();
    }

    /// <summary>The samples in a few lines: mean and peak. Numbers do not depend on the culture.</summary>
    /// <returns>Several lines of text.</returns>
    public override string ToString()
    {
        IReadOnlyList<ResourceSample> all = Samples;
        if (all.Count == 0)
        {
            return "no samples yet\n";
        }

        var text = new StringBuilder();
        string Known(Func<ResourceSample, long?> value) => all.Any(sample => value(sample) is null) ? "unknown" : TextTable.Number(all.Sum(sample => value(sample)!.Value));
        text.Append(CultureInfo.InvariantCulture, $"processor    {100 * all.Average(static sample => sample.CpuShare):0} % of {Environment.ProcessorCount}, at most {100 * all.Max(static sample => sample.CpuShare):0} %\n");
        text.Append(CultureInfo.InvariantCulture, $"resident     {TextTable.Bytes(all[^1].Memory.ResidentBytes)}, at most {TextTable.Bytes(all.Max(static sample => sample.Memory.ResidentBytes))}\n");
        text.Append(CultureInfo.InvariantCulture, $"managed      {TextTable.Bytes(all[^1].Memory.ManagedBytes)}, at most {TextTable.Bytes(all.Max(static sample => sample.Memory.ManagedBytes))}; {all.Sum(static sample => sample.Collections)} collections, {all.Sum(static sample => sample.GcPause.TotalMilliseconds):0.0} ms paused\n");
        text.Append(CultureInfo.InvariantCulture, $"page faults  {Known(static sample => sample.MinorFaults)} without and {Known(static sample => sample.MajorFaults)} with disk access\n");
        text.Append(CultureInfo.InvariantCulture, $"GPU          {GpuStatus}\n");
        for (int gpu = 0; gpu < all[^1].Gpus.Count; gpu++)
        {
            int index = gpu;
            text.Append(CultureInfo.InvariantCulture, $"  {all[^1].Gpus[gpu].Name}: {100 * all.Average(sample => sample.Gpus[index].UtilizationShare):0} % busy, at most {TextTable.Bytes(all.Max(sample => sample.Gpus[index].UsedBytes))} of {TextTable.Bytes(all[^1].Gpus[gpu].TotalBytes)}\n");
        }

        return text.ToString();
    }

    private void Watch()
    {
        while (!stop.Wait(interval))
        {
            Sample();
        }
    }

    private readonly record struct Counters(TimeSpan Elapsed, TimeSpan Cpu, (long Minor, long Major)? Faults, int Collections, TimeSpan Pause)
    {
        public static Counters Take(TimeSpan elapsed) => new(elapsed, Environment.CpuUsage.TotalTime, PageFaults.Take(), Enumerable.Range(0, GC.MaxGeneration + 1).Sum(GC.CollectionCount), GC.GetTotalPauseDuration());
    }
}
