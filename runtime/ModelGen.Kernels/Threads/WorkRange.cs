using System.Runtime.InteropServices;

namespace ModelGen.Kernels;

/// <summary>What is left of a worker's part of a loop: its owner takes from the front, others from the back. Alone in a cache line, so that taking disturbs nobody else.</summary>
[StructLayout(LayoutKind.Sequential, Size = 128)]
internal struct WorkRange
{
    /// <summary>First unit in the lower half, the one after the last in the upper half.</summary>
    private long bounds;

    /// <summary>A part of a loop; both bounds are below 2^31.</summary>
    public WorkRange(nint from, nint to) => bounds = Pack((int)from, (int)to);

    /// <summary>Takes a quarter of what is left from the front: large pieces at first, small ones when others may be waiting.</summary>
    public bool TakeFirst(int least, out int from, out int to)
    {
        while (true)
        {
            long seen = Volatile.Read(ref bounds);
            (from, int end) = Unpack(seen);
            if (from >= end)
            {
                to = from;
                return false;
            }

            to = (int)Math.Min((long)from + Math.Max(least, (end - from) / 4), end);
            if (Interlocked.CompareExchange(ref bounds, Pack(to, end), seen) == seen)
            {
                return true;
            }
        }
    }

    /// <summary>Takes half of what is left from the back.</summary>
    public bool TakeLast(int least, out int from, out int to)
    {
        while (true)
        {
            long seen = Volatile.Read(ref bounds);
            (int first, to) = Unpack(seen);
            if (first >= to)
            {
                from = to;
                return false;
            }

            from = Math.Max(to - Math.Max(least, (to - first) / 2), first);
            if (Interlocked.CompareExchange(ref bounds, Pack(first, from), seen) == seen)
            {
                return true;
            }
        }
    }

    private static long Pack(int from, int to) => ((long)to << 32) | (uint)from;

    private static (int From, int To) Unpack(long bounds) => ((int)bounds, (int)(bounds >> 32));
}
