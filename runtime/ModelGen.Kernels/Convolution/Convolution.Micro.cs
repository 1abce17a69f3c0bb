using System.Runtime.CompilerServices;

namespace ModelGen.Kernels;

/// <content>
/// The innermost products of a panel of pixels and a panel of output channels. The numbers of a pixel lie in lines (a kernel row or tap each) of one length; pixels are
/// equally far apart, so an image can be read where it is. Accumulators stay in registers.
/// </content>
public static unsafe partial class Convolution<V>
{
    /// <summary>12 pixels by two vectors of output channels.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Multiply12x2(in PixelPanel pixels, float* b, float* c, nint cStep, bool add)
    {
        int width = V.Count;
        nint step = pixels.Step;
        nint step2 = 2 * step;
        nint run = pixels.Run;
        nint left = pixels.Group;
        float* line = pixels.First;
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
        for (nint i = 0; i < pixels.Lines; i++)
        {
            float* a0 = line;
            float* a3 = line + (3 * step);
            float* a6 = line + (6 * step);
            float* a9 = line + (9 * step);
            for (nint k = 0; k < run; k++)
            {
                V first = V.Load(b);
                V second = V.Load(b + width);
                V row0 = V.All(a0[0]);
                c0a = V.Fma(row0, first, c0a);
                c0b = V.Fma(row0, second, c0b);
                V row1 = V.All(a0[step]);
                c1a = V.Fma(row1, first, c1a);
                c1b = V.Fma(row1, second, c1b);
                V row2 = V.All(a0[step2]);
                c2a = V.Fma(row2, first, c2a);
                c2b = V.Fma(row2, second, c2b);
                V row3 = V.All(a3[0]);
                c3a = V.Fma(row3, first, c3a);
                c3b = V.Fma(row3, second, c3b);
                V row4 = V.All(a3[step]);
                c4a = V.Fma(row4, first, c4a);
                c4b = V.Fma(row4, second, c4b);
                V row5 = V.All(a3[step2]);
                c5a = V.Fma(row5, first, c5a);
                c5b = V.Fma(row5, second, c5b);
                V row6 = V.All(a6[0]);
                c6a = V.Fma(row6, first, c6a);
                c6b = V.Fma(row6, second, c6b);
                V row7 = V.All(a6[step]);
                c7a = V.Fma(row7, first, c7a);
                c7b = V.Fma(row7, second, c7b);
                V row8 = V.All(a6[step2]);
                c8a = V.Fma(row8, first, c8a);
                c8b = V.Fma(row8, second, c8b);
                V row9 = V.All(a9[0]);
                c9a = V.Fma(row9, first, c9a);
                c9b = V.Fma(row9, second, c9b);
                V row10 = V.All(a9[step]);
                c10a = V.Fma(row10, first, c10a);
                c10b = V.Fma(row10, second, c10b);
                V row11 = V.All(a9[step2]);
                c11a = V.Fma(row11, first, c11a);
                c11b = V.Fma(row11, second, c11b);
                a0++;
                a3++;
                a6++;
                a9++;
                b += 2 * width;
            }

            line += pixels.LineStep;
            if (--left == 0)
            {
                left = pixels.Group;
                line += pixels.GroupStep;
            }
        }

        Put(c, c0a, c0b, add);
        Put(c + cStep, c1a, c1b, add);
        Put(c + (2 * cStep), c2a, c2b, add);
        Put(c + (3 * cStep), c3a, c3b, add);
        Put(c + (4 * cStep), c4a, c4b, add);
        Put(c + (5 * cStep), c5a, c5b, add);
        Put(c + (6 * cStep), c6a, c6b, add);
        Put(c + (7 * cStep), c7a, c7b, add);
        Put(c + (8 * cStep), c8a, c8b, add);
        Put(c + (9 * cStep), c9a, c9b, add);
        Put(c + (10 * cStep), c10a, c10b, add);
        Put(c + (11 * cStep), c11a, c11b, add);
    }

    /// <summary>12 pixels by one vector of output channels.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Multiply12x1(in PixelPanel pixels, float* b, float* c, nint cStep, bool add)
    {
        nint step = pixels.Step;
        nint step2 = 2 * step;
        nint run = pixels.Run;
        nint left = pixels.Group;
        float* line = pixels.First;
        V c0a = V.Zero;
        V c1a = V.Zero;
        V c2a = V.Zero;
        V c3a = V.Zero;
        V c4a = V.Zero;
        V c5a = V.Zero;
        V c6a = V.Zero;
        V c7a = V.Zero;
        V c8a = V.Zero;
        V c9a = V.Zero;
        V c10a = V.Zero;
        V c11a = V.Zero;
        for (nint i = 0; i < pixels.Lines; i++)
        {
            float* a0 = line;
            float* a3 = line + (3 * step);
            float* a6 = line + (6 * step);
            float* a9 = line + (9 * step);
            for (nint k = 0; k < run; k++)
            {
                V first = V.Load(b);
                V row0 = V.All(a0[0]);
                c0a = V.Fma(row0, first, c0a);
                V row1 = V.All(a0[step]);
                c1a = V.Fma(row1, first, c1a);
                V row2 = V.All(a0[step2]);
                c2a = V.Fma(row2, first, c2a);
                V row3 = V.All(a3[0]);
                c3a = V.Fma(row3, first, c3a);
                V row4 = V.All(a3[step]);
                c4a = V.Fma(row4, first, c4a);
                V row5 = V.All(a3[step2]);
                c5a = V.Fma(row5, first, c5a);
                V row6 = V.All(a6[0]);
                c6a = V.Fma(row6, first, c6a);
                V row7 = V.All(a6[step]);
                c7a = V.Fma(row7, first, c7a);
                V row8 = V.All(a6[step2]);
                c8a = V.Fma(row8, first, c8a);
                V row9 = V.All(a9[0]);
                c9a = V.Fma(row9, first, c9a);
                V row10 = V.All(a9[step]);
                c10a = V.Fma(row10, first, c10a);
                V row11 = V.All(a9[step2]);
                c11a = V.Fma(row11, first, c11a);
                a0++;
                a3++;
                a6++;
                a9++;
                b += V.Count;
            }

            line += pixels.LineStep;
            if (--left == 0)
            {
                left = pixels.Group;
                line += pixels.GroupStep;
            }
        }

        Put(c, c0a, add);
        Put(c + cStep, c1a, add);
        Put(c + (2 * cStep), c2a, add);
        Put(c + (3 * cStep), c3a, add);
        Put(c + (4 * cStep), c4a, add);
        Put(c + (5 * cStep), c5a, add);
        Put(c + (6 * cStep), c6a, add);
        Put(c + (7 * cStep), c7a, add);
        Put(c + (8 * cStep), c8a, add);
        Put(c + (9 * cStep), c9a, add);
        Put(c + (10 * cStep), c10a, add);
        Put(c + (11 * cStep), c11a, add);
    }

    /// <summary>6 pixels by two vectors of output channels.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Multiply6x2(in PixelPanel pixels, float* b, float* c, nint cStep, bool add)
    {
        int width = V.Count;
        nint step = pixels.Step;
        nint step2 = 2 * step;
        nint run = pixels.Run;
        nint left = pixels.Group;
        float* line = pixels.First;
        V c0a = V.Zero, c0b = V.Zero;
        V c1a = V.Zero, c1b = V.Zero;
        V c2a = V.Zero, c2b = V.Zero;
        V c3a = V.Zero, c3b = V.Zero;
        V c4a = V.Zero, c4b = V.Zero;
        V c5a = V.Zero, c5b = V.Zero;
        for (nint i = 0; i < pixels.Lines; i++)
        {
            float* a0 = line;
            float* a3 = line + (3 * step);
            for (nint k = 0; k < run; k++)
            {
                V first = V.Load(b);
                V second = V.Load(b + width);
                V row0 = V.All(a0[0]);
                c0a = V.Fma(row0, first, c0a);
                c0b = V.Fma(row0, second, c0b);
                V row1 = V.All(a0[step]);
                c1a = V.Fma(row1, first, c1a);
                c1b = V.Fma(row1, second, c1b);
                V row2 = V.All(a0[step2]);
                c2a = V.Fma(row2, first, c2a);
                c2b = V.Fma(row2, second, c2b);
                V row3 = V.All(a3[0]);
                c3a = V.Fma(row3, first, c3a);
                c3b = V.Fma(row3, second, c3b);
                V row4 = V.All(a3[step]);
                c4a = V.Fma(row4, first, c4a);
                c4b = V.Fma(row4, second, c4b);
                V row5 = V.All(a3[step2]);
                c5a = V.Fma(row5, first, c5a);
                c5b = V.Fma(row5, second, c5b);
                a0++;
                a3++;
                b += 2 * width;
            }

            line += pixels.LineStep;
            if (--left == 0)
            {
                left = pixels.Group;
                line += pixels.GroupStep;
            }
        }

        Put(c, c0a, c0b, add);
        Put(c + cStep, c1a, c1b, add);
        Put(c + (2 * cStep), c2a, c2b, add);
        Put(c + (3 * cStep), c3a, c3b, add);
        Put(c + (4 * cStep), c4a, c4b, add);
        Put(c + (5 * cStep), c5a, c5b, add);
    }

    /// <summary>6 pixels by one vector of output channels.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Multiply6x1(in PixelPanel pixels, float* b, float* c, nint cStep, bool add)
    {
        nint step = pixels.Step;
        nint step2 = 2 * step;
        nint run = pixels.Run;
        nint left = pixels.Group;
        float* line = pixels.First;
        V c0a = V.Zero;
        V c1a = V.Zero;
        V c2a = V.Zero;
        V c3a = V.Zero;
        V c4a = V.Zero;
        V c5a = V.Zero;
        for (nint i = 0; i < pixels.Lines; i++)
        {
            float* a0 = line;
            float* a3 = line + (3 * step);
            for (nint k = 0; k < run; k++)
            {
                V first = V.Load(b);
                V row0 = V.All(a0[0]);
                c0a = V.Fma(row0, first, c0a);
                V row1 = V.All(a0[step]);
                c1a = V.Fma(row1, first, c1a);
                V row2 = V.All(a0[step2]);
                c2a = V.Fma(row2, first, c2a);
                V row3 = V.All(a3[0]);
                c3a = V.Fma(row3, first, c3a);
                V row4 = V.All(a3[step]);
                c4a = V.Fma(row4, first, c4a);
                V row5 = V.All(a3[step2]);
                c5a = V.Fma(row5, first, c5a);
                a0++;
                a3++;
                b += V.Count;
            }

            line += pixels.LineStep;
            if (--left == 0)
            {
                left = pixels.Group;
                line += pixels.GroupStep;
            }
        }

        Put(c, c0a, add);
        Put(c + cStep, c1a, add);
        Put(c + (2 * cStep), c2a, add);
        Put(c + (3 * cStep), c3a, add);
        Put(c + (4 * cStep), c4a, add);
        Put(c + (5 * cStep), c5a, add);
    }

    /// <summary>4 pixels by two vectors of output channels.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Multiply4x2(in PixelPanel pixels, float* b, float* c, nint cStep, bool add)
    {
        int width = V.Count;
        nint step = pixels.Step;
        nint step2 = 2 * step;
        nint run = pixels.Run;
        nint left = pixels.Group;
        float* line = pixels.First;
        V c0a = V.Zero, c0b = V.Zero;
        V c1a = V.Zero, c1b = V.Zero;
        V c2a = V.Zero, c2b = V.Zero;
        V c3a = V.Zero, c3b = V.Zero;
        for (nint i = 0; i < pixels.Lines; i++)
        {
            float* a0 = line;
            float* a3 = line + (3 * step);
            for (nint k = 0; k < run; k++)
            {
                V first = V.Load(b);
                V second = V.Load(b + width);
                V row0 = V.All(a0[0]);
                c0a = V.Fma(row0, first, c0a);
                c0b = V.Fma(row0, second, c0b);
                V row1 = V.All(a0[step]);
                c1a = V.Fma(row1, first, c1a);
                c1b = V.Fma(row1, second, c1b);
                V row2 = V.All(a0[step2]);
                c2a = V.Fma(row2, first, c2a);
                c2b = V.Fma(row2, second, c2b);
                V row3 = V.All(a3[0]);
                c3a = V.Fma(row3, first, c3a);
                c3b = V.Fma(row3, second, c3b);
                a0++;
                a3++;
                b += 2 * width;
            }

            line += pixels.LineStep;
            if (--left == 0)
            {
                left = pixels.Group;
                line += pixels.GroupStep;
            }
        }

        Put(c, c0a, c0b, add);
        Put(c + cStep, c1a, c1b, add);
        Put(c + (2 * cStep), c2a, c2b, add);
        Put(c + (3 * cStep), c3a, c3b, add);
    }

    /// <summary>4 pixels by one vector of output channels.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Multiply4x1(in PixelPanel pixels, float* b, float* c, nint cStep, bool add)
    {
        nint step = pixels.Step;
        nint step2 = 2 * step;
        nint run = pixels.Run;
        nint left = pixels.Group;
        float* line = pixels.First;
        V c0a = V.Zero;
        V c1a = V.Zero;
        V c2a = V.Zero;
        V c3a = V.Zero;
        for (nint i = 0; i < pixels.Lines; i++)
        {
            float* a0 = line;
            float* a3 = line + (3 * step);
            for (nint k = 0; k < run; k++)
            {
                V first = V.Load(b);
                V row0 = V.All(a0[0]);
                c0a = V.Fma(row0, first, c0a);
                V row1 = V.All(a0[step]);
                c1a = V.Fma(row1, first, c1a);
                V row2 = V.All(a0[step2]);
                c2a = V.Fma(row2, first, c2a);
                V row3 = V.All(a3[0]);
                c3a = V.Fma(row3, first, c3a);
                a0++;
                a3++;
                b += V.Count;
            }

            line += pixels.LineStep;
            if (--left == 0)
            {
                left = pixels.Group;
                line += pixels.GroupStep;
            }
        }

        Put(c, c0a, add);
        Put(c + cStep, c1a, add);
        Put(c + (2 * cStep), c2a, add);
        Put(c + (3 * cStep), c3a, add);
    }

    /// <summary>2 pixels by two vectors of output channels.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Multiply2x2(in PixelPanel pixels, float* b, float* c, nint cStep, bool add)
    {
        int width = V.Count;
        nint step = pixels.Step;
        nint step2 = 2 * step;
        nint run = pixels.Run;
        nint left = pixels.Group;
        float* line = pixels.First;
        V c0a = V.Zero, c0b = V.Zero;
        V c1a = V.Zero, c1b = V.Zero;
        for (nint i = 0; i < pixels.Lines; i++)
        {
            float* a0 = line;
            for (nint k = 0; k < run; k++)
            {
                V first = V.Load(b);
                V second = V.Load(b + width);
                V row0 = V.All(a0[0]);
                c0a = V.Fma(row0, first, c0a);
                c0b = V.Fma(row0, second, c0b);
                V row1 = V.All(a0[step]);
                c1a = V.Fma(row1, first, c1a);
                c1b = V.Fma(row1, second, c1b);
                a0++;
                b += 2 * width;
            }

            line += pixels.LineStep;
            if (--left == 0)
            {
                left = pixels.Group;
                line += pixels.GroupStep;
            }
        }

        Put(c, c0a, c0b, add);
        Put(c + cStep, c1a, c1b, add);
    }

    /// <summary>2 pixels by one vector of output channels.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Multiply2x1(in PixelPanel pixels, float* b, float* c, nint cStep, bool add)
    {
        nint step = pixels.Step;
        nint step2 = 2 * step;
        nint run = pixels.Run;
        nint left = pixels.Group;
        float* line = pixels.First;
        V c0a = V.Zero;
        V c1a = V.Zero;
        for (nint i = 0; i < pixels.Lines; i++)
        {
            float* a0 = line;
            for (nint k = 0; k < run; k++)
            {
                V first = V.Load(b);
                V row0 = V.All(a0[0]);
                c0a = V.Fma(row0, first, c0a);
                V row1 = V.All(a0[step]);
                c1a = V.Fma(row1, first, c1a);
                a0++;
                b += V.Count;
            }

            line += pixels.LineStep;
            if (--left == 0)
            {
                left = pixels.Group;
                line += pixels.GroupStep;
            }
        }

        Put(c, c0a, add);
        Put(c + cStep, c1a, add);
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

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Put(float* c, V sum, bool add)
    {
        if (add)
        {
            sum += V.Load(c);
        }

        sum.Store(c);
    }
}
