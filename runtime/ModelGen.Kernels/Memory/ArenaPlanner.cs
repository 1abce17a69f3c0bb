namespace ModelGen.Kernels;

/// <summary>
/// Places buffers in one block so that those alive at the same time do not overlap: the largest first, each into the lowest gap that is large enough (Y. Pisarchyk, J. Lee,
/// "Efficient memory management for deep neural net inference", 2020, greedy by size). The compiler runs the same code at build time to state the peak.
/// </summary>
internal static class ArenaPlanner
{
    /// <summary>Numbers between the starts of buffers: 64 bytes, so that whole vectors past a buffer's end stay in its slot.</summary>
    public const long Alignment = 16;

    /// <summary>Computes offsets.</summary>
    /// <param name="sizes">Sizes of the buffers.</param>
    /// <param name="first">First time at which each buffer is used.</param>
    /// <param name="last">Last time at which it is used.</param>
    /// <param name="offsets">Filled with the offsets.</param>
    /// <returns>Size of the block.</returns>
    public static long Place(IReadOnlyList<long> sizes, IReadOnlyList<int> first, IReadOnlyList<int> last, long[] offsets)
    {
        int[] order = new int[sizes.Count];
        for (int i = 0; i < order.Length; i++)
        {
            order[i] = i;
        }

        Array.Sort(order, (a, b) => sizes[a] != sizes[b] ? sizes[b].CompareTo(sizes[a]) : a.CompareTo(b));
        var placed = new List<int>();
        long total = 0;
        foreach (int buffer in order)
        {
            // The placed ones are kept by offset, so the gaps appear in order.
            long offset = 0;
            foreach (int other in placed)
            {
                if (first[other] > last[buffer] || last[other] < first[buffer])
                {
                    continue;
                }

                if (offsets[other] - offset >= Padded(sizes[buffer]))
                {
                    break;
                }

                offset = Math.Max(offset, offsets[other] + Padded(sizes[other]));
            }

            offsets[buffer] = offset;
            total = Math.Max(total, offset + Padded(sizes[buffer]));
            int at = placed.FindIndex(other => offsets[other] > offset);
            placed.Insert(at < 0 ? placed.Count : at, buffer);
        }

        return total;
    }

    private static long Padded(long size) => (size + Alignment - 1) / Alignment * Alignment;
}
