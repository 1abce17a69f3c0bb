using System.Runtime.CompilerServices;

namespace ModelGen.Kernels;

/// <summary>
/// Finds the largest numbers of rows. Comparing loses NaNs; the sum of a row finds them, which takes no time beside reading it: it is NaN only where a number is or where there are infinities of
/// both signs, and such a row is read again.
/// </summary>
internal unsafe struct RowMaxJob<V> : IRange
    where V : unmanaged, IVector<V>
{
    /// <summary>Longer rows are shared among the workers instead.</summary>
    public const int MostColumns = 16384;

    public float* X;

    /// <summary>Numbers of a row, <see cref="IVector{V}.Count"/> to <see cref="MostColumns"/>.</summary>
    public nint Length;
    public float* Result;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public readonly void Run(nint from, nint to, int worker)
    {
        for (nint row = from; row < to; row++)
        {
            if (!TryRow(X + (row * Length), Length, out Result[row]))
            {
                Fold<V, MaxFold<V>>.Run(X + (row * Length), 1, Length, 1, 1, Result + row);
            }
        }
    }

    /// <summary>The largest number, unless there may be a NaN. The last vector may have numbers of the one before.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static bool TryRow(float* x, nint length, out float most)
    {
        V a = V.Load(x), b = a, c = a, d = a;
        V sumA = V.Zero, sumB = sumA, sumC = sumA, sumD = sumA;
        nint i = 0;
        for (; i + (4 * V.Count) <= length; i += 4 * V.Count)
        {
            V next = V.Load(x + i);
            a = V.Max(a, next);
            sumA += next;
            next = V.Load(x + i + V.Count);
            b = V.Max(b, next);
            sumB += next;
            next = V.Load(x + i + (2 * V.Count));
            c = V.Max(c, next);
            sumC += next;
            next = V.Load(x + i + (3 * V.Count));
            d = V.Max(d, next);
            sumD += next;
        }

        for (; i + V.Count <= length; i += V.Count)
        {
            V next = V.Load(x + i);
            a = V.Max(a, next);
            sumA += next;
        }

        V last = V.Load(x + length - V.Count);
        most = V.Largest(V.Max(V.Max(V.Max(a, b), V.Max(c, d)), last));
        return !float.IsNaN(V.Sum((sumA + sumB) + (sumC + sumD) + last));
    }
}
