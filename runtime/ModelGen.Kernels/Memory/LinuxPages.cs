using System.Runtime.InteropServices;

namespace ModelGen.Kernels;

/// <summary>Memory from Linux itself, in pages.</summary>
internal static unsafe partial class LinuxPages
{
    private const int ReadAndWrite = 3;
    private const int PrivateAnonymous = 0x22;

    /// <summary>Zeroed pages that can be read and written.</summary>
    /// <param name="bytes">Size.</param>
    /// <returns>Their address; null when there are none.</returns>
    public static byte* Map(nuint bytes)
    {
        byte* memory = Map(null, bytes, ReadAndWrite, PrivateAnonymous, -1, 0);
        return (nint)memory == -1 ? null : memory;
    }

    /// <summary>Gives pages back.</summary>
    /// <param name="address">What <see cref="Map(nuint)"/> returned.</param>
    /// <param name="bytes">Size, as there.</param>
    public static void Unmap(byte* address, nuint bytes) => _ = UnmapPages(address, bytes);

    [LibraryImport("libc", EntryPoint = "mmap")]
    private static partial byte* Map(void* address, nuint size, int protection, int flags, int file, nint offset);

    [LibraryImport("libc", EntryPoint = "munmap")]
    private static partial int UnmapPages(void* address, nuint size);
}
