using System.Diagnostics;
using System.Runtime.InteropServices;

namespace ModelGen.Benchmarks;

/// <summary>What steps cost besides time.</summary>
internal static partial class StepMeter
{
    /// <summary>Makes glibc's allocator keep memory that was freed, so that eager code does not pay for page faults: the harder baseline.</summary>
    /// <returns>False where there is no glibc.</returns>
    public static bool KeepFreedMemory()
    {
        try
        {
            const int TrimThreshold = -1, MmapMax = -4;
            return MallOpt(MmapMax, 0) == 1 && MallOpt(TrimThreshold, int.MaxValue) == 1;
        }
        catch (Exception e) when (e is DllNotFoundException or EntryPointNotFoundException)
        {
            return false;
        }
    }

    /// <summary>Page faults of this process without reading from disk; 0 where it is not known.</summary>
    public static unsafe long PageFaults()
    {
        if (!OperatingSystem.IsLinux())
        {
            return 0;
        }

        // Two times of two numbers each, then maxrss, ixrss, idrss, isrss and minflt; asking allocates nothing, which would fault itself.
        long* usage = stackalloc long[18];
        _ = GetResourceUsage(0, usage);
        return usage[8];
    }

    /// <summary>Forgets the peak of the resident memory.</summary>
    public static void ResetPeak()
    {
        GC.Collect();
        if (OperatingSystem.IsLinux())
        {
            File.WriteAllText("/proc/self/clear_refs", "5");
        }
    }

    /// <summary>Peak of the resident memory in MiB since the last reset.</summary>
    public static double PeakMiB()
    {
        if (!OperatingSystem.IsLinux())
        {
            return Process.GetCurrentProcess().PeakWorkingSet64 / 1048576.0;
        }

        return StatusMiB("VmHWM:");
    }

    /// <summary>Resident memory in MiB.</summary>
    public static double ResidentMiB() => OperatingSystem.IsLinux() ? StatusMiB("VmRSS:") : Process.GetCurrentProcess().WorkingSet64 / 1048576.0;

    /// <summary>Resident memory in huge pages, in MiB; 0 where it is not known.</summary>
    public static double HugePagesMiB() => OperatingSystem.IsLinux() ? FieldMiB("/proc/self/smaps_rollup", "AnonHugePages:") : 0;

    /// <summary>Gives memory that was freed back to the system, the managed heap's and glibc's.</summary>
    public static void ReleaseFreedMemory()
    {
        for (int i = 0; i < 2; i++)
        {
            GC.Collect(2, GCCollectionMode.Aggressive, blocking: true, compacting: true);
            GC.WaitForPendingFinalizers();
        }

        if (OperatingSystem.IsLinux())
        {
            _ = MallocTrim(0);
        }
    }

    private static double StatusMiB(string field) => FieldMiB("/proc/self/status", field);

    private static double FieldMiB(string file, string field)
    {
        string line = File.ReadLines(file).First(line => line.StartsWith(field, StringComparison.Ordinal));
        return long.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], System.Globalization.CultureInfo.InvariantCulture) / 1024.0;
    }

    [LibraryImport("libc", EntryPoint = "getrusage")]
    private static unsafe partial int GetResourceUsage(int who, long* usage);

    [LibraryImport("libc", EntryPoint = "malloc_trim")]
    private static partial int MallocTrim(nint pad);

    [LibraryImport("libc", EntryPoint = "mallopt")]
    private static partial int MallOpt(int parameter, int value);
}
