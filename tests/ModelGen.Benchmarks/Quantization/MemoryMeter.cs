namespace ModelGen.Benchmarks;

/// <summary>The largest resident memory of this process while it lives, sampled every few milliseconds.</summary>
internal sealed class MemoryMeter : IDisposable
{
    private readonly Timer timer;
    private long peak = Environment.WorkingSet;

    public MemoryMeter()
    {
        StartMiB = peak / 1048576.0;
        timer = new Timer(_ => peak = Math.Max(peak, Environment.WorkingSet), null, 0, 20);
    }

    public double StartMiB { get; }

    public double PeakMiB => Math.Max(peak, Environment.WorkingSet) / 1048576.0;

    public void Dispose() => timer.Dispose();
}
