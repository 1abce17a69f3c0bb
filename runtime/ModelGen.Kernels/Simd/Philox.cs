using System.ComponentModel;
using System.Runtime.CompilerServices;

namespace ModelGen.Kernels;

/// <summary>
/// Random bits as a function of a key and a counter: Philox4x32-10 (J. Salmon, M. Moraes, R. Dror, D. Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011).
/// Nothing is stored between calls: the same key and counter give the same bits in any order, on any number of workers and at any vector width, so backward draws
/// again what forward drew.
/// </summary>
[EditorBrowsable(EditorBrowsableState.Never)]
public static class Philox
{
    private const uint Multiplier0 = 0xD2511F53;
    private const uint Multiplier1 = 0xCD9E8D57;
    private const uint Weyl0 = 0x9E3779B9;
    private const uint Weyl1 = 0xBB67AE85;

    /// <summary>Four random words for each lane, whose counter is <c>(c0, c1, c2, c3)</c>; all vectors hold bits, not floats.</summary>
    /// <param name="seed">Key.</param>
    /// <param name="c0">First word of the counters.</param>
    /// <param name="c1">Second word.</param>
    /// <param name="c2">Third word.</param>
    /// <param name="c3">Fourth word.</param>
    /// <param name="x0">First word of the results.</param>
    /// <param name="x1">Second word.</param>
    /// <param name="x2">Third word.</param>
    /// <param name="x3">Fourth word.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Next4<V>(ulong seed, V c0, V c1, V c2, V c3, out V x0, out V x1, out V x2, out V x3)
        where V : unmanaged, IVector<V>
    {
        V first = V.AllBits(Multiplier0);
        V second = V.AllBits(Multiplier1);
        uint key0 = (uint)seed;
        uint key1 = (uint)(seed >> 32);
        for (int round = 0; round < 10; round++)
        {
            V low0 = V.MultiplyUInt32(c0, first, out V high0);
            V low1 = V.MultiplyUInt32(c2, second, out V high1);
            c0 = high1 ^ c1 ^ V.AllBits(key0);
            c1 = low1;
            c2 = high0 ^ c3 ^ V.AllBits(key1);
            c3 = low0;
            key0 += Weyl0;
            key1 += Weyl1;
        }

        x0 = c0;
        x1 = c1;
        x2 = c2;
        x3 = c3;
    }

    /// <summary>Four random words for each lane, whose counter is <c>counter + lane</c>.</summary>
    /// <param name="seed">Key.</param>
    /// <param name="stream">Upper half of the counters: numbers of different streams have nothing to do with each other.</param>
    /// <param name="counter">Lower half of the counter of the first lane; a multiple of the number of lanes.</param>
    /// <param name="x0">First word of the results, as bits.</param>
    /// <param name="x1">Second word.</param>
    /// <param name="x2">Third word.</param>
    /// <param name="x3">Fourth word.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Next4<V>(ulong seed, ulong stream, ulong counter, out V x0, out V x1, out V x2, out V x3)
        where V : unmanaged, IVector<V> => Next4(
            seed,
            V.AddInt32(V.AllBits((uint)counter), V.LaneNumbers),
            V.AllBits((uint)(counter >> 32)),
            V.AllBits((uint)stream),
            V.AllBits((uint)(stream >> 32)),
            out x0,
            out x1,
            out x2,
            out x3);

    /// <summary>Mask of the elements that dropout keeps: a number in [0, 1) made of the bits is at least p.</summary>
    /// <param name="bits">Random words.</param>
    /// <param name="p">Probability of being dropped, in all lanes.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Keep<V>(V bits, V p)
        where V : unmanaged, IVector<V> => V.LessOrEqual(p, V.UnitInterval(bits));
}
