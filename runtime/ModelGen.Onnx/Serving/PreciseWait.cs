using System.Diagnostics;
using System.Runtime.InteropServices;

namespace ModelGen.Onnx;

/// <summary>Waits of less than a millisecond: those of .NET count whole milliseconds.</summary>
internal static unsafe partial class PreciseWait
{
    private const double NapMs = 0.1;

    /// <summary>Stopwatch ticks of a time, rounded up.</summary>
    public static long Ticks(TimeSpan time) => (long)Math.Ceiling(time.TotalSeconds * Stopwatch.Frequency);

    /// <summary>Enters a semaphore, or gives up at a deadline, never before it.</summary>
    /// <param name="semaphore">The semaphore.</param>
    /// <param name="deadline">A <see cref="Stopwatch"/> time stamp.</param>
    /// <returns>Whether it was entered.</returns>
    /// <remarks>
    /// Whole milliseconds are slept in the semaphore. The last two are naps of a tenth, after each of which the semaphore is looked at; the processor is free meanwhile. Windows has no such
    /// naps: there the last part is a whole millisecond.
    /// </remarks>
    public static bool Wait(SemaphoreSlim semaphore, long deadline)
    {
        while (true)
        {
            double left = (deadline - Stopwatch.GetTimestamp()) * 1000.0 / Stopwatch.Frequency;
            bool windows = OperatingSystem.IsWindows();

            // A timed wait may end a millisecond late, so the whole ones stop short of the deadline.
            int whole = left <= 0 ? 0 : windows ? (int)Math.Ceiling(left) : Math.Max(0, (int)left - 1);
            if (semaphore.Wait(whole))
            {
                return true;
            }

            if (left <= 0)
            {
                return false;
            }

            if (whole == 0)
            {
                Nap(Math.Min(left, NapMs));
            }
        }
    }

    private static void Nap(double milliseconds)
    {
        // A nap that a signal cuts short is as good: the caller looks at the clock.
        var time = new TimeSpec(0, (nint)Math.Ceiling(milliseconds * 1e6));
        _ = NanoSleep(&time, null);
    }

    [LibraryImport("libc", EntryPoint = "nanosleep")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int NanoSleep(TimeSpec* requested, TimeSpec* remaining);

    private readonly record struct TimeSpec(nint Seconds, nint Nanoseconds);
}
