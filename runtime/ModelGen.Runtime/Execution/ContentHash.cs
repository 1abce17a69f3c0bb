using System.IO.Hashing;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using ModelGen.Kernels;

namespace ModelGen;

/// <summary>
/// Hashes of pieces of memory, all cores at once and as fast as memory is read. A piece is hashed in lanes of 64 bits, each step of which maps what was there before one to one, so a change
/// of one number in a lane is always seen, and other changes but for one in 2^64.
/// </summary>
internal static unsafe class ContentHash
{
    /// <summary>Bytes of a piece.</summary>
    public const nint PieceBytes = 1 << 16;

    /// <summary>A piece of memory and its hash.</summary>
    internal struct Piece
    {
        public byte* Start;
        public nint Bytes;
        public ulong Hash;
    }

    /// <summary>Hashes pieces.</summary>
    /// <param name="pieces">The pieces; receives the hashes.</param>
    /// <param name="count">How many.</param>
    public static void Run(Piece* pieces, nint count)
    {
        var job = new Job { Pieces = pieces, Count = count, Workers = Workers.For(count, 4) };
        Workers.Run(ref job, job.Workers);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static ulong Wide(byte* start, nint bytes)
    {
        // The golden ratio and other odd numbers without a pattern.
        Vector512<ulong> factor = Vector512.Create(0x9E3779B97F4A7C15UL);
        Vector512<ulong> a = Vector512.Create(0xD1B54A32D192ED03UL), b = Vector512.Create(0x8CB92BA72F3D8DD7UL), c = Vector512.Create(0xAEF17502108EF2D9UL), d = Vector512.Create(0xF1357AEA2E62A9C5UL);
        byte* end = start + bytes;
        for (; start < end; start += 256)
        {
            a = Step(a, Vector512.Load((ulong*)start), factor);
            b = Step(b, Vector512.Load((ulong*)start + 8), factor);
            c = Step(c, Vector512.Load((ulong*)start + 16), factor);
            d = Step(d, Vector512.Load((ulong*)start + 24), factor);
        }

        Span<Vector512<ulong>> lanes = [a, b, c, d];
        return XxHash3.HashToUInt64(System.Runtime.InteropServices.MemoryMarshal.AsBytes(lanes));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<ulong> Step(Vector512<ulong> sum, Vector512<ulong> data, Vector512<ulong> factor)
    {
        // The product moves what changed upwards, the shift downwards.
        sum = (sum ^ data) * factor;
        return sum ^ Vector512.ShiftRightLogical(sum, 32);
    }

    private static ulong Hash(byte* start, nint bytes)
    {
        if (!Avx512DQ.IsSupported)
        {
            return XxHash3.HashToUInt64(new ReadOnlySpan<byte>(start, (int)bytes));
        }

        nint whole = bytes & ~(nint)255;
        ulong rest = whole == bytes ? 0 : XxHash3.HashToUInt64(new ReadOnlySpan<byte>(start + whole, (int)(bytes - whole)));
        return whole == 0 ? rest : Wide(start, whole) ^ (rest * 31);
    }

    /// <summary>Units are workers; each takes every so many-th piece, as pieces differ in size.</summary>
    private struct Job : IRange
    {
        public Piece* Pieces;
        public nint Count;
        public int Workers;

        public readonly void Run(nint from, nint to, int worker)
        {
            for (nint first = from; first < to; first++)
            {
                for (nint i = first; i < Count; i += Workers)
                {
                    Pieces[i].Hash = Hash(Pieces[i].Start, Pieces[i].Bytes);
                }
            }
        }
    }
}
