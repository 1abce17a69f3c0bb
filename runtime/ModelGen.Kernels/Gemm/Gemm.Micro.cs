using System.Runtime.CompilerServices;

namespace ModelGen.Kernels;

/// <content>
/// The innermost products. The accumulators stay in registers: 24 of 32, or 12 of 16, the others hold a broadcast row and two vectors of columns
/// (K. Goto, R. van de Geijn, "Anatomy of high-performance matrix multiplication", 2008).
/// </content>
public static unsafe partial class Gemm<V>
{
    /// <summary>Product of a panel of 12 rows and a panel of two vectors of columns, added to what the target holds or to zero.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Multiply12(nint depth, float* a, nint aStep, float* b, nint bStep, float* c, nint cStep, int rows, bool add)
    {
        int width = V.Count;
        V c0a = V.Zero, c0b = V.Zero;
        V c1a = V.Zero, c1b = V.Zero;
        V c2a = V.Zero, c2b = V.Zero;
        V c3a = V.Zero, c3b = V.Zero;
        V c4a = V.Zero, c4b = V.Zero;
        V c5a = V.Zero, c5b = V.Zero;
        V c6a = V.Zero, c6b = V.Zero;
        V c7a = V.Zero, c7b = V.Zero;
        V c8a = V.Zero, c8b = V.Zero;
        V c9a = V.Zero, c9b = V.Zero;
        V c10a = V.Zero, c10b = V.Zero;
        V c11a = V.Zero, c11b = V.Zero;
        for (nint k = 0; k < depth; k++)
        {
            V left = V.Load(b);
            V right = V.Load(b + width);
            V row0 = V.All(a[0]);
            c0a = V.Fma(row0, left, c0a);
            c0b = V.Fma(row0, right, c0b);
            V row1 = V.All(a[1]);
            c1a = V.Fma(row1, left, c1a);
            c1b = V.Fma(row1, right, c1b);
            V row2 = V.All(a[2]);
            c2a = V.Fma(row2, left, c2a);
            c2b = V.Fma(row2, right, c2b);
            V row3 = V.All(a[3]);
            c3a = V.Fma(row3, left, c3a);
            c3b = V.Fma(row3, right, c3b);
            V row4 = V.All(a[4]);
            c4a = V.Fma(row4, left, c4a);
            c4b = V.Fma(row4, right, c4b);
            V row5 = V.All(a[5]);
            c5a = V.Fma(row5, left, c5a);
            c5b = V.Fma(row5, right, c5b);
            V row6 = V.All(a[6]);
            c6a = V.Fma(row6, left, c6a);
            c6b = V.Fma(row6, right, c6b);
            V row7 = V.All(a[7]);
            c7a = V.Fma(row7, left, c7a);
            c7b = V.Fma(row7, right, c7b);
            V row8 = V.All(a[8]);
            c8a = V.Fma(row8, left, c8a);
            c8b = V.Fma(row8, right, c8b);
            V row9 = V.All(a[9]);
            c9a = V.Fma(row9, left, c9a);
            c9b = V.Fma(row9, right, c9b);
            V row10 = V.All(a[10]);
            c10a = V.Fma(row10, left, c10a);
            c10b = V.Fma(row10, right, c10b);
            V row11 = V.All(a[11]);
            c11a = V.Fma(row11, left, c11a);
            c11b = V.Fma(row11, right, c11b);
            a += aStep;
            b += bStep;
        }

        Put(c, c0a, c0b, add);
        if (rows == 1)
        {
            return;
        }

        c += cStep;
        Put(c, c1a, c1b, add);
        if (rows == 2)
        {
            return;
        }

        c += cStep;
        Put(c, c2a, c2b, add);
        if (rows == 3)
        {
            return;
        }

        c += cStep;
        Put(c, c3a, c3b, add);
        if (rows == 4)
        {
            return;
        }

        c += cStep;
        Put(c, c4a, c4b, add);
        if (rows == 5)
        {
            return;
        }

        c += cStep;
        Put(c, c5a, c5b, add);
        if (rows == 6)
        {
            return;
        }

        c += cStep;
        Put(c, c6a, c6b, add);
        if (rows == 7)
        {
            return;
        }

        c += cStep;
        Put(c, c7a, c7b, add);
        if (rows == 8)
        {
            return;
        }

        c += cStep;
        Put(c, c8a, c8b, add);
        if (rows == 9)
        {
            return;
        }

        c += cStep;
        Put(c, c9a, c9b, add);
        if (rows == 10)
        {
            return;
        }

        c += cStep;
        Put(c, c10a, c10b, add);
        if (rows == 11)
        {
            return;
        }

        c += cStep;
        Put(c, c11a, c11b, add);
    }

    /// <summary>Product of a panel of 6 rows and a panel of two vectors of columns, added to what the target holds or to zero.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Multiply6(nint depth, float* a, nint aStep, float* b, nint bStep, float* c, nint cStep, int rows, bool add)
    {
        int width = V.Count;
        V c0a = V.Zero, c0b = V.Zero;
        V c1a = V.Zero, c1b = V.Zero;
        V c2a = V.Zero, c2b = V.Zero;
        V c3a = V.Zero, c3b = V.Zero;
        V c4a = V.Zero, c4b = V.Zero;
        V c5a = V.Zero, c5b = V.Zero;
        for (nint k = 0; k < depth; k++)
        {
            V left = V.Load(b);
            V right = V.Load(b + width);
            V row0 = V.All(a[0]);
            c0a = V.Fma(row0, left, c0a);
            c0b = V.Fma(row0, right, c0b);
            V row1 = V.All(a[1]);
            c1a = V.Fma(row1, left, c1a);
            c1b = V.Fma(row1, right, c1b);
            V row2 = V.All(a[2]);
            c2a = V.Fma(row2, left, c2a);
            c2b = V.Fma(row2, right, c2b);
            V row3 = V.All(a[3]);
            c3a = V.Fma(row3, left, c3a);
            c3b = V.Fma(row3, right, c3b);
            V row4 = V.All(a[4]);
            c4a = V.Fma(row4, left, c4a);
            c4b = V.Fma(row4, right, c4b);
            V row5 = V.All(a[5]);
            c5a = V.Fma(row5, left, c5a);
            c5b = V.Fma(row5, right, c5b);
            a += aStep;
            b += bStep;
        }

        Put(c, c0a, c0b, add);
        if (rows == 1)
        {
            return;
        }

        c += cStep;
        Put(c, c1a, c1b, add);
        if (rows == 2)
        {
            return;
        }

        c += cStep;
        Put(c, c2a, c2b, add);
        if (rows == 3)
        {
            return;
        }

        c += cStep;
        Put(c, c3a, c3b, add);
        if (rows == 4)
        {
            return;
        }

        c += cStep;
        Put(c, c4a, c4b, add);
        if (rows == 5)
        {
            return;
        }

        c += cStep;
        Put(c, c5a, c5b, add);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Put(float* c, V left, V right, bool add)
    {
        if (add)
        {
            left += V.Load(c);
            right += V.Load(c + V.Count);
        }

        left.Store(c);
        right.Store(c + V.Count);
    }
}
