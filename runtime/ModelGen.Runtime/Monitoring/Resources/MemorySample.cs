using ModelGen.Kernels;

namespace ModelGen.Monitoring;

/// <summary>The memory of this process at a moment.</summary>
/// <param name="ResidentBytes">Bytes in physical memory (RSS, working set).</param>
/// <param name="ManagedBytes">Bytes of the garbage-collected heap in use.</param>
/// <param name="KernelBytes">Bytes of native memory that ModelGen's kernels allocated: arenas and workspaces. Parameters, gradients and optimizer state are libtorch's and not in it.</param>
public readonly record struct MemorySample(long ResidentBytes, long ManagedBytes, long KernelBytes)
{
    internal const double Mebibyte = 1024 * 1024;

    /// <summary>Looks now; takes some microseconds and collects no garbage.</summary>
    /// <returns>The numbers.</returns>
    public static MemorySample Take() => new(Environment.WorkingSet, GC.GetTotalMemory(forceFullCollection: false), NativeMemoryBlock.AllocatedBytes);
}
