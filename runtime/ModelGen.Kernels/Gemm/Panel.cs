namespace ModelGen.Kernels;

/// <summary>Copies pieces of matrices into the order in which the innermost loops read them.</summary>
internal static unsafe class Panel
{
    /// <summary>Lines become columns: <c>target[k * width + i] = source[i * stride + k]</c>, zero for i past the lines.</summary>
    /// <param name="source">First number.</param>
    /// <param name="stride">Distance of lines.</param>
    /// <param name="lines">Number of lines, at most <paramref name="width"/>.</param>
    /// <param name="depth">Length of a line.</param>
    /// <param name="target">Panel.</param>
    /// <param name="width">Width of the panel.</param>
    /// <param name="readable">Lines that exist from the first on, which may be more than <paramref name="lines"/>.</param>
    public static void Transpose<V>(float* source, nint stride, nint lines, nint depth, float* target, nint width, nint readable)
        where V : unmanaged, IVector<V>
    {
        nint done = 0;
        if (lines == width)
        {
            if (width % V.Count == 0)
            {
                done = depth / V.Count * V.Count;
                for (nint line = 0; line < width; line += V.Count)
                {
                    for (nint k = 0; k < done; k += V.Count)
                    {
                        V.Transpose(source + (line * stride) + k, stride, target + (k * width) + line, width);
                    }
                }
            }
            else if (width < V.Count && readable >= V.Count)
            {
                // Blocks wider than the panel: what a store writes past its column is overwritten by the next one. The last columns are written by the
                // narrow loop below, as another worker may already have filled the panel that follows.
                done = Math.Max(depth - 1, 0) / V.Count * V.Count;
                for (nint k = 0; k < done; k += V.Count)
                {
                    V.Transpose(source + k, stride, target + (k * width), width);
                }
            }

            nint line4 = 0;
            nint end = done + ((depth - done) / 4 * 4);
            for (; line4 + 4 <= width; line4 += 4)
            {
                for (nint k = done; k < end; k += 4)
                {
                    V128.Transpose(source + (line4 * stride) + k, stride, target + (k * width) + line4, width);
                }
            }

            for (; line4 < width; line4++)
            {
                for (nint k = done; k < end; k++)
                {
                    target[(k * width) + line4] = source[(line4 * stride) + k];
                }
            }

            done = end;
        }

        for (nint k = done; k < depth; k++)
        {
            float* column = target + (k * width);
            for (nint i = 0; i < width; i++)
            {
                column[i] = i < lines ? source[(i * stride) + k] : 0;
            }
        }
    }

    /// <summary>Copies lines: <c>target[k * width + j] = source[k * stride + j]</c>, zero for j past the columns.</summary>
    public static void Copy<V>(float* source, nint stride, nint columns, nint depth, float* target, nint width)
        where V : unmanaged, IVector<V>
    {
        if (columns == width)
        {
            for (nint k = 0; k < depth; k++)
            {
                for (nint j = 0; j < width; j += V.Count)
                {
                    V.Load(source + j).Store(target + j);
                }

                source += stride;
                target += width;
            }

            return;
        }

        for (nint k = 0; k < depth; k++)
        {
            for (nint j = 0; j < width; j += V.Count)
            {
                V.LoadFirst(source + j, (int)Math.Clamp(columns - j, 0, V.Count)).Store(target + j);
            }

            source += stride;
            target += width;
        }
    }

    /// <summary>Copies lines into four panels side by side, each two vectors wide: long pieces of a line are read at once, which the hardware's prefetching needs.</summary>
    public static void CopyFour<V>(float* source, nint stride, nint depth, float* target)
        where V : unmanaged, IVector<V>
    {
        nint panel = depth * 2 * V.Count;
        for (nint k = 0; k < depth; k++)
        {
            float* column = target;
            for (nint j = 0; j < 8 * V.Count; j += 2 * V.Count)
            {
                V.Load(source + j).Store(column);
                V.Load(source + j + V.Count).Store(column + V.Count);
                column += panel;
            }

            source += stride;
            target += 2 * V.Count;
        }
    }

    /// <summary>Any strides: <c>target[k * width + i] = source[i * stride + k * step]</c>, zero for i past the lines.</summary>
    public static void Gather(float* source, nint stride, nint step, nint lines, nint depth, float* target, nint width)
    {
        for (nint k = 0; k < depth; k++)
        {
            for (nint i = 0; i < width; i++)
            {
                target[i] = i < lines ? source[(i * stride) + (k * step)] : 0;
            }

            target += width;
        }
    }
}
