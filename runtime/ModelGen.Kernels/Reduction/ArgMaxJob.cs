using System.Runtime.CompilerServices;

namespace ModelGen.Kernels;

/// <summary>Finds where the largest numbers are. Each lane keeps the largest number it saw and its place; a NaN is never replaced.</summary>
internal unsafe struct ArgMaxJob<V> : IRange
    where V : unmanaged, IVector<V>
{
    public float* X;
    public nint Length;
    public nint Inner;

    /// <summary>Vectors of columns.</summary>
    public nint Blocks;
    public long* Result;

    public readonly void Run(nint from, nint to, int worker)
    {
        for (nint unit = from; unit < to; unit++)
        {
            if (Inner == 1)
            {
                Result[unit] = Row(X + (unit * Length), Length);
            }
            else
            {
                (nint outer, nint column) = (unit / Blocks, unit % Blocks * V.Count);
                Columns(X + (outer * Length * Inner) + column, Result + (outer * Inner) + column, (int)Math.Min(V.Count, Inner - column));
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private readonly void Columns(float* x, long* result, int columns)
    {
        V best = V.Load(x);
        V place = V.Zero;
        for (nint row = 1; row < Length; row++)
        {
            V next = V.Load(x + (row * Inner));
            V better = Better(next, best);
            best = V.Select(better, next, best);
            place = V.Select(better, V.AllBits((uint)row), place);
        }

        int* places = stackalloc int[V.Count];
        place.Store((float*)places);
        for (int i = 0; i < columns; i++)
        {
            result[i] = places[i];
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static long Row(float* x, nint length)
    {
        long found = 0;
        float most = x[0];
        nint i = 1;
        if (length >= V.Count)
        {
            V best = V.Load(x);
            V place = V.LaneNumbers;
            V here = place;
            V step = V.AllBits((uint)V.Count);
            for (i = V.Count; i + V.Count <= length; i += V.Count)
            {
                here = V.AddInt32(here, step);
                V next = V.Load(x + i);
                V better = Better(next, best);
                best = V.Select(better, next, best);
                place = V.Select(better, here, place);
            }

            float* numbers = stackalloc float[V.Count];
            int* places = stackalloc int[V.Count];
            best.Store(numbers);
            place.Store((float*)places);
            (most, found) = (numbers[0], places[0]);
            for (int lane = 1; lane < V.Count; lane++)
            {
                bool same = numbers[lane] == most || (float.IsNaN(numbers[lane]) && float.IsNaN(most));
                if (same ? places[lane] < found : !(numbers[lane] <= most) && !float.IsNaN(most))
                {
                    (most, found) = (numbers[lane], places[lane]);
                }
            }
        }

        for (; i < length; i++)
        {
            if (!(x[i] <= most) && !float.IsNaN(most))
            {
                (most, found) = (x[i], i);
            }
        }

        return found;
    }

    /// <summary>Where a number is larger than the largest one so far, or the first NaN.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static V Better(V next, V best) => ~V.LessOrEqual(next, best) & V.Equal(best, best);
}
