using System.ComponentModel;
using System.Runtime.CompilerServices;

namespace ModelGen.Kernels;

/// <summary>Address of floats in native memory, for code that is compiled without <c>unsafe</c>. Nothing is checked: generated code computes all places at build time.</summary>
/// <param name="address">First number.</param>
[EditorBrowsable(EditorBrowsableState.Never)]
public readonly unsafe struct Floats(float* address)
{
    /// <summary>First number.</summary>
    public float* Address => address;

    /// <summary>The number at a place.</summary>
    /// <param name="index">Place.</param>
    public ref float this[nint index]
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => ref address[index];
    }

    /// <summary>The address of a place.</summary>
    /// <param name="start">Start.</param>
    /// <param name="offset">Numbers to skip.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Floats operator +(Floats start, nint offset) => new(start.Address + offset);

    /// <summary>As a pointer.</summary>
    /// <param name="floats">Address.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static implicit operator float*(Floats floats) => floats.Address;

    /// <summary>From a pointer.</summary>
    /// <param name="pointer">Pointer.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static implicit operator Floats(float* pointer) => new(pointer);

    /// <summary>The same memory as 64-bit integers.</summary>
    public Longs AsLongs() => new((long*)address);

    /// <summary>Loads a vector.</summary>
    /// <param name="index">Place of the first lane.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Load<V>(nint index)
        where V : unmanaged, IVector<V> => V.Load(address + index);

    /// <summary>Stores a vector.</summary>
    /// <param name="index">Place of the first lane.</param>
    /// <param name="value">Vector.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Store<V>(nint index, V value)
        where V : unmanaged, IVector<V> => value.Store(address + index);

    /// <summary>Stores the first lanes of a vector.</summary>
    /// <param name="index">Place of the first lane.</param>
    /// <param name="value">Vector.</param>
    /// <param name="lanes">Number of lanes.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void StoreFirst<V>(nint index, V value, int lanes)
        where V : unmanaged, IVector<V> => value.StoreFirst(address + index, lanes);
}
