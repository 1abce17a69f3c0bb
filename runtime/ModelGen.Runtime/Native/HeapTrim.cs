using System.Runtime.InteropServices;

namespace ModelGen;

/// <summary>Gives freed native memory back to the system.</summary>
internal static partial class HeapTrim
{
    private static bool isAvailable = OperatingSystem.IsLinux();

    /// <summary>
    /// Returns what was freed since the heap last shrank. glibc keeps it otherwise, so that the old memory of parameters that moved into one buffer would count against the
    /// process for good. Does nothing where there is no glibc.
    /// </summary>
    public static void Run()
    {
        if (!isAvailable)
        {
            return;
        }

        try
        {
            _ = Trim(0);
        }
        catch (Exception e) when (e is DllNotFoundException or EntryPointNotFoundException)
        {
            isAvailable = false;
        }
    }

    [LibraryImport("libc", EntryPoint = "malloc_trim")]
    private static partial int Trim(nuint pad);
}
