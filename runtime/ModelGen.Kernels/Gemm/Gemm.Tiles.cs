using System.Runtime.CompilerServices;

namespace ModelGen.Kernels;

/// <content>Single tiles for kernels that keep their own panels, and innermost products of fewer rows, so that sizes such as 32 or 64 waste nothing.</content>
public static unsafe partial class Gemm<V>
{
    /// <summary>Most rows of a tile: 12 with 32 registers, 6 with 16.</summary>
    internal static nint TileRows => PanelRows;

    /// <summary>Columns of a tile: two vectors.</summary>
    internal static nint TileColumns => PanelColumns;

    /// <summary>C = A B or C += A B for a tile.</summary>
    /// <param name="depth">Columns of A, rows of B.</param>
    /// <param name="a">A, column by column: <c>a[k * aStep + row]</c>; readable to <see cref="TileRows"/> rows.</param>
    /// <param name="aStep">Distance of the columns of A.</param>
    /// <param name="b">B, two vectors a row.</param>
    /// <param name="bStep">Distance of the rows of B.</param>
    /// <param name="c">C.</param>
    /// <param name="cStep">Distance of the rows of C.</param>
    /// <param name="rows">Rows to write, 1 to <see cref="TileRows"/>.</param>
    /// <param name="add">Whether the product is added to C.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static void Tile(nint depth, float* a, nint aStep, float* b, nint bStep, float* c, nint cStep, nint rows, bool add)
    {
        if (rows <= 4)
        {
            Multiply4(depth, a, aStep, b, bStep, c, cStep, (int)rows, add);
        }
        else if (V.Registers < 32)
        {
            Multiply6(depth, a, aStep, b, bStep, c, cStep, (int)rows, add);
        }
        else if (rows <= 8)
        {
            Multiply8(depth, a, aStep, b, bStep, c, cStep, (int)rows, add);
        }
        else
        {
            Multiply12(depth, a, aStep, b, bStep, c, cStep, (int)rows, add);
        }
    }

    /// <summary>Product of a panel of 8 rows and a panel of two vectors of columns, added to what the target holds or to zero.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Multiply8(nint depth, float* a, nint aStep, float* b, nint bStep, float* c, nint cStep, int rows, bool add)
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
    }

    /// <summary>Product of a panel of 4 rows and a panel of two vectors of columns, added to what the target holds or to zero.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Multiply4(nint depth, float* a, nint aStep, float* b, nint bStep, float* c, nint cStep, int rows, bool add)
    {
        int width = V.Count;
        V c0a = V.Zero, c0b = V.Zero;
        V c1a = V.Zero, c1b = V.Zero;
        V c2a = V.Zero, c2b = V.Zero;
        V c3a = V.Zero, c3b = V.Zero;
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
    }
}
