using System.Runtime.InteropServices;

namespace ModelGen.Kernels;

/// <summary>Memory for machine code: written first, then made executable and read-only, never both. It lives as long as the process.</summary>
internal static unsafe partial class ExecutableMemory
{
    private const int Read = 1;
    private const int Execute = 4;
    private const uint CommitAndReserve = 0x3000;
    private const uint Release = 0x8000;
    private const uint PageReadWrite = 0x04;
    private const uint PageExecuteRead = 0x20;

    /// <summary>Copies code to where it can run.</summary>
    /// <param name="code">Machine code.</param>
    /// <returns>Its address; null where the system does not allow it.</returns>
    public static byte* Place(ReadOnlySpan<byte> code) =>
        OperatingSystem.IsLinux() ? PlaceOnLinux(code) : OperatingSystem.IsWindows() ? PlaceOnWindows(code) : null;

    private static byte* PlaceOnLinux(ReadOnlySpan<byte> code)
    {
        byte* memory = LinuxPages.Map((nuint)code.Length);
        if (memory is null)
        {
            return null;
        }

        code.CopyTo(new Span<byte>(memory, code.Length));
        if (Protect(memory, (nuint)code.Length, Read | Execute) == 0)
        {
            return memory;
        }

        LinuxPages.Unmap(memory, (nuint)code.Length);
        return null;
    }

    private static byte* PlaceOnWindows(ReadOnlySpan<byte> code)
    {
        byte* memory = VirtualAlloc(null, (nuint)code.Length, CommitAndReserve, PageReadWrite);
        if (memory is null)
        {
            return null;
        }

        code.CopyTo(new Span<byte>(memory, code.Length));
        if (VirtualProtect(memory, (nuint)code.Length, PageExecuteRead, out _) != 0 && FlushInstructionCache(-1, memory, (nuint)code.Length) != 0)
        {
            return memory;
        }

        _ = VirtualFree(memory, 0, Release);
        return null;
    }

    [LibraryImport("libc", EntryPoint = "mprotect")]
    private static partial int Protect(void* address, nuint size, int protection);

    [LibraryImport("kernel32")]
    private static partial byte* VirtualAlloc(void* address, nuint size, uint kind, uint protection);

    [LibraryImport("kernel32")]
    private static partial int VirtualProtect(void* address, nuint size, uint protection, out uint old);

    [LibraryImport("kernel32")]
    private static partial int VirtualFree(void* address, nuint size, uint kind);

    /// <summary>-1 stands for the own process.</summary>
    [LibraryImport("kernel32")]
    private static partial int FlushInstructionCache(nint process, void* address, nuint size);
}
