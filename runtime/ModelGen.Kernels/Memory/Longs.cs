using System.ComponentModel;
using System.Runtime.CompilerServices;

namespace ModelGen.Kernels;

/// <summary>Address of 64-bit integers in native memory, as <see cref="Floats"/>.</summary>
/// <param name="address">First number.</param>
[EditorBrowsable(EditorBrowsableState.Never)]
public readonly unsafe struct Longs(long* address)
{
    /// <summary>First number.</summary>
    public long* Address => address;

    /// <summary>The number at a place.</summary>
    /// <param name="index">Place.</param>
    public ref long this[nint index]
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => ref address[index];
    }

    /// <summary>The same memory as floats.</summary>
    public Floats AsFloats() => new((float*)address);

    /// <summary>The address of a place.</summary>
    /// <param name="start">Start.</param>
    /// <param name="offset">Numbers to skip.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Longs operator +(Longs start, nint offset) => new(start.Address + offset);

    /// <summary>As a pointer.</summary>
    /// <param name="longs">Address.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static implicit operator long*(Longs longs) => longs.Address;

    /// <summary>From a pointer.</summary>
    /// <param name="pointer">Pointer.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static implicit operator Longs(long* pointer) => new(pointer);
}
