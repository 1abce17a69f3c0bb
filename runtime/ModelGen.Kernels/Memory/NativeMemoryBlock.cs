using System.Runtime.InteropServices;

namespace ModelGen.Kernels;

/// <summary>
/// Native memory, aligned to 64 bytes and readable for 256 bytes past its end: kernels load whole vectors. It is written once when it is made, so that
/// no page fault is left for later.
/// </summary>
public sealed unsafe class NativeMemoryBlock : IDisposable
{
    private const nuint Alignment = 64;
    private const nuint Padding = 256;

    /// <summary>
    /// Bytes from which on a block is pages of its own. The C library would keep freed blocks of up to 32 MiB for itself, so that workspaces which grow would leave their old sizes behind.
    /// </summary>
    private const long LeastPages = 1 << 20;

    private static long allocated;

    private byte* address;

    /// <summary>Allocates zeroed memory.</summary>
    /// <param name="bytes">Size, 0 or more.</param>
    /// <exception cref="OutOfMemoryException">The system has no such memory.</exception>
    public NativeMemoryBlock(long bytes)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(bytes);
        Bytes = bytes;
        if (IsPages)
        {
            address = LinuxPages.Map((nuint)bytes + Padding);
            if (address is null)
            {
                GC.SuppressFinalize(this);
                throw new OutOfMemoryException($"The system has no {bytes + (long)Padding} bytes of memory.");
            }
        }
        else
        {
            address = (byte*)NativeMemory.AlignedAlloc((nuint)bytes + Padding, Alignment);
        }

        NativeMemory.Clear(address, (nuint)bytes + Padding);
        GC.AddMemoryPressure(bytes + (long)Padding);
        Interlocked.Add(ref allocated, bytes + (long)Padding);
    }

    /// <summary>Frees the memory of a block that nobody disposed.</summary>
    ~NativeMemoryBlock() => Free();

    /// <summary>
    /// Bytes of all blocks of this process that were not freed: arenas of steps and calls, and the workspaces of kernels, which each thread that runs steps keeps.
    /// </summary>
    public static long AllocatedBytes => Interlocked.Read(ref allocated);

    /// <summary>Usable size.</summary>
    public long Bytes { get; }

    private bool IsPages => Bytes >= LeastPages && OperatingSystem.IsLinux();

    /// <summary>Place of the first byte.</summary>
    public IntPtr Address => (IntPtr)address;

    /// <summary>The memory as floats, from an offset on.</summary>
    /// <param name="offset">Offset in floats.</param>
    /// <returns>Its address; the block must be kept alive while it is used.</returns>
    public Floats Floats(long offset = 0) => new((float*)address + offset);

    /// <summary>Frees the memory.</summary>
    public void Dispose()
    {
        Free();
        GC.SuppressFinalize(this);
    }

    private void Free()
    {
        if (address is not null)
        {
            if (IsPages)
            {
                LinuxPages.Unmap(address, (nuint)Bytes + Padding);
            }
            else
            {
                NativeMemory.AlignedFree(address);
            }

            address = null;
            GC.RemoveMemoryPressure(Bytes + (long)Padding);
            Interlocked.Add(ref allocated, -(Bytes + (long)Padding));
        }
    }
}
