using System.ComponentModel;
using System.Runtime.CompilerServices;

namespace ModelGen.Kernels;

/// <summary>Masks of dropout, drawn by <see cref="Philox"/>.</summary>
/// <typeparam name="V">Register.</typeparam>
[EditorBrowsable(EditorBrowsableState.Never)]
public static class Dropout<V>
    where V : unmanaged, IVector<V>
{
    private const nint Group = 64;

    /// <summary>
    /// Fills a mask: 0 with probability p, 1 / (1 - p) otherwise. Element i is decided by word <c>i / 16 % 4</c> of the counter <c>i / 64 * 16 + i % 16</c>, whatever the
    /// vector width and the number of workers.
    /// </summary>
    /// <param name="mask">Mask.</param>
    /// <param name="count">Number of elements.</param>
    /// <param name="p">Probability of being dropped, 0 or more, below 1.</param>
    /// <param name="seed">Key of the random numbers.</param>
    /// <param name="stream">Number of the sequence: another one for each layer and step.</param>
    public static void Mask(Floats mask, nint count, float p, ulong seed, uint stream)
    {
        var job = new MaskJob { Mask = mask, Count = count, P = p, Seed = seed, Stream = (ulong)stream << 32 };
        Workers.Share(ref job, (count + Group - 1) / Group, 128);
    }

    private unsafe struct MaskJob : IRange
    {
        public float* Mask;
        public nint Count;
        public float P;
        public ulong Seed;
        public ulong Stream;

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public readonly void Run(nint from, nint to, int worker)
        {
            float* last = stackalloc float[(int)Group];
            nint whole = Count / Group;
            for (nint group = from; group < to; group++)
            {
                Draw(group, group < whole ? Mask + (group * Group) : last);
            }

            if (to > whole)
            {
                new Span<float>(last, (int)(Count - (whole * Group))).CopyTo(new Span<float>(Mask + (whole * Group), (int)(Count - (whole * Group))));
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private readonly void Draw(nint group, float* place)
        {
            V p = V.All(P);
            V kept = V.All(1 / (1 - P));
            for (nint i = 0; i < 16; i += V.Count)
            {
                Philox.Next4(Seed, Stream, (ulong)((group * 16) + i), out V x0, out V x1, out V x2, out V x3);
                (Philox.Keep(x0, p) & kept).Store(place + i);
                (Philox.Keep(x1, p) & kept).Store(place + i + 16);
                (Philox.Keep(x2, p) & kept).Store(place + i + 32);
                (Philox.Keep(x3, p) & kept).Store(place + i + 48);
            }
        }
    }
}
