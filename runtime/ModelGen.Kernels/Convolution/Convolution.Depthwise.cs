using System.Runtime.CompilerServices;

namespace ModelGen.Kernels;

/// <content>
/// Convolutions whose groups have one input and one output: vectors run over channels, a weight is loaded once for several pixels of a row. They are as fast as memory, so
/// kernels of all sizes share a loop over taps.
/// </content>
public static unsafe partial class Convolution<V>
{
    private static void RunDepthwise<TEpilogue>(in ImageProduct problem, TEpilogue epilogue)
        where TEpilogue : unmanaged, ITileEpilogue
    {
        var job = new DepthwiseRows<TEpilogue> { Problem = problem, Epilogue = epilogue };
        nint work = problem.Grid.GridWidth * problem.Groups * ((problem.Grid.TapsY * problem.Grid.TapsX / 4) + 1);
        Workers.Run(ref job, problem.Grid.Batch * problem.Grid.GridHeight, Math.Max(1, 16384 / Math.Max(1, work)));
    }

    /// <summary>Units are rows of results.</summary>
    private struct DepthwiseRows<TEpilogue> : IRange
        where TEpilogue : unmanaged, ITileEpilogue
    {
        public ImageProduct Problem;
        public TEpilogue Epilogue;

        public void Run(nint from, nint to, int worker)
        {
            for (nint row = from; row < to; row++)
            {
                (nint image, nint y) = Math.DivRem(row, Problem.Grid.GridHeight);
                Row(new GridPlace { Image = image, Y = y });
            }
        }

        private void Row(GridPlace place)
        {
            ref TapGrid grid = ref Problem.Grid;
            nint channels = Problem.OutputChannels;
            nint y = grid.FirstY + (place.Y * grid.StepY);
            (nint firstY, nint lastY) = Visible(y, grid.TapStepY, grid.TapsY, grid.Height);
            (nint first, nint last) = Inner(grid);
            float* output = Problem.Output + (Problem.Pixel(place) * channels);
            nint outputStep = Problem.OutputStepX * channels;
            var taps = new DepthwiseTaps
            {
                TapsY = lastY - firstY,
                PixelStep = grid.StepX * grid.PixelStep,
                TapStepX = grid.TapStepX * grid.PixelStep,
                TapStepY = grid.TapStepY * grid.Width * grid.PixelStep,
                WeightStepX = Problem.WeightTapX,
                WeightStepY = Problem.WeightTapY,
                Channels = channels,
                OutputStep = outputStep,
                Add = Problem.Add,
            };
            for (nint j = 0; j < grid.GridWidth;)
            {
                nint x = grid.FirstX + (j * grid.StepX);
                (nint firstX, nint lastX) = Visible(x, grid.TapStepX, grid.TapsX, grid.Width);
                taps.TapsX = lastX - firstX;
                float* source = grid.Source + (((((place.Image * grid.Height) + y + (firstY * grid.TapStepY)) * grid.Width) + x + (firstX * grid.TapStepX)) * grid.PixelStep);
                float* weight = Problem.Weight + (firstY * Problem.WeightTapY) + (firstX * Problem.WeightTapX);
                float* target = output + (j * outputStep);
                if (j >= first && j + 8 <= last)
                {
                    Depthwise8(taps, source, weight, target);
                    j += 8;
                }
                else if (j >= first && j + 4 <= last)
                {
                    Depthwise4(taps, source, weight, target);
                    j += 4;
                }
                else
                {
                    Depthwise1(taps, source, weight, target);
                    j++;
                }
            }

            if (typeof(TEpilogue) == typeof(NoEpilogue))
            {
                return;
            }

            if (Problem.OutputStepX == 1)
            {
                Epilogue.Run(output, channels, Problem.Pixel(place), grid.GridWidth, 0, channels);
                return;
            }

            for (; place.X < grid.GridWidth; place.X++)
            {
                nint pixel = Problem.Pixel(place);
                Epilogue.Run(Problem.Output + (pixel * channels), channels, pixel, 1, 0, channels);
            }
        }
    }

    /// <summary>Taps that fall inside, from (inclusive) and to (exclusive).</summary>
    private static (nint First, nint Last) Visible(nint place, nint step, nint taps, nint size)
    {
        nint first = place >= 0 ? 0 : Math.Min(taps, Ceiling(-place, Math.Max(1, step)));
        nint last = place >= size ? 0 : Math.Min(taps, ((size - 1 - place) / Math.Max(1, step)) + 1);
        return (first, Math.Max(first, last));
    }

    /// <summary>Columns of the grid all of whose taps are inside, from (inclusive) and to (exclusive).</summary>
    private static (nint First, nint Last) Inner(in TapGrid grid)
    {
        nint first = grid.FirstX >= 0 ? 0 : Ceiling(-grid.FirstX, grid.StepX);
        nint room = grid.Width - 1 - (Math.Max(0, grid.TapsX - 1) * grid.TapStepX) - grid.FirstX;
        return (first, room < 0 ? 0 : Math.Min(grid.GridWidth, (room / grid.StepX) + 1));
    }

    /// <summary>Distances of what a row of results sees.</summary>
    private struct DepthwiseTaps
    {
        public nint TapsY;
        public nint TapsX;
        public nint PixelStep;
        public nint TapStepX;
        public nint TapStepY;
        public nint WeightStepX;
        public nint WeightStepY;
        public nint Channels;
        public nint OutputStep;
        public bool Add;
    }

    /// <summary>8 results of a row, all channels.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Depthwise8(in DepthwiseTaps taps, float* source, float* weight, float* target)
    {
        nint step = taps.PixelStep;
        nint step2 = 2 * step;
        nint tapStep = taps.TapStepX;
        nint weightStep = taps.WeightStepX;
        nint tapsX = taps.TapsX;
        for (nint channel = 0; channel < taps.Channels; channel += V.Count)
        {
            V c0 = V.Zero, c1 = V.Zero, c2 = V.Zero, c3 = V.Zero, c4 = V.Zero, c5 = V.Zero, c6 = V.Zero, c7 = V.Zero;
            float* line = source + channel;
            float* lineWeight = weight + channel;
            for (nint i = 0; i < taps.TapsY; i++)
            {
                float* x0 = line;
                float* w = lineWeight;
                for (nint j = 0; j < tapsX; j++)
                {
                    V factor = V.Load(w);
                    float* x3 = x0 + (3 * step);
                    float* x6 = x0 + (6 * step);
                    c0 = V.Fma(V.Load(x0), factor, c0);
                    c1 = V.Fma(V.Load(x0 + step), factor, c1);
                    c2 = V.Fma(V.Load(x0 + step2), factor, c2);
                    c3 = V.Fma(V.Load(x3), factor, c3);
                    c4 = V.Fma(V.Load(x3 + step), factor, c4);
                    c5 = V.Fma(V.Load(x3 + step2), factor, c5);
                    c6 = V.Fma(V.Load(x6), factor, c6);
                    c7 = V.Fma(V.Load(x6 + step), factor, c7);
                    x0 += tapStep;
                    w += weightStep;
                }

                line += taps.TapStepY;
                lineWeight += taps.WeightStepY;
            }

            int lanes = (int)Math.Min(V.Count, taps.Channels - channel);
            float* c = target + channel;
            PutLanes(c, c0, lanes, taps.Add);
            PutLanes(c + taps.OutputStep, c1, lanes, taps.Add);
            PutLanes(c + (2 * taps.OutputStep), c2, lanes, taps.Add);
            PutLanes(c + (3 * taps.OutputStep), c3, lanes, taps.Add);
            PutLanes(c + (4 * taps.OutputStep), c4, lanes, taps.Add);
            PutLanes(c + (5 * taps.OutputStep), c5, lanes, taps.Add);
            PutLanes(c + (6 * taps.OutputStep), c6, lanes, taps.Add);
            PutLanes(c + (7 * taps.OutputStep), c7, lanes, taps.Add);
        }
    }

    /// <summary>4 results of a row, all channels.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Depthwise4(in DepthwiseTaps taps, float* source, float* weight, float* target)
    {
        nint step = taps.PixelStep;
        nint step2 = 2 * step;
        nint tapStep = taps.TapStepX;
        nint weightStep = taps.WeightStepX;
        nint tapsX = taps.TapsX;
        for (nint channel = 0; channel < taps.Channels; channel += V.Count)
        {
            V c0 = V.Zero, c1 = V.Zero, c2 = V.Zero, c3 = V.Zero;
            float* line = source + channel;
            float* lineWeight = weight + channel;
            for (nint i = 0; i < taps.TapsY; i++)
            {
                float* x0 = line;
                float* w = lineWeight;
                for (nint j = 0; j < tapsX; j++)
                {
                    V factor = V.Load(w);
                    float* x3 = x0 + (3 * step);
                    c0 = V.Fma(V.Load(x0), factor, c0);
                    c1 = V.Fma(V.Load(x0 + step), factor, c1);
                    c2 = V.Fma(V.Load(x0 + step2), factor, c2);
                    c3 = V.Fma(V.Load(x3), factor, c3);
                    x0 += tapStep;
                    w += weightStep;
                }

                line += taps.TapStepY;
                lineWeight += taps.WeightStepY;
            }

            int lanes = (int)Math.Min(V.Count, taps.Channels - channel);
            float* c = target + channel;
            PutLanes(c, c0, lanes, taps.Add);
            PutLanes(c + taps.OutputStep, c1, lanes, taps.Add);
            PutLanes(c + (2 * taps.OutputStep), c2, lanes, taps.Add);
            PutLanes(c + (3 * taps.OutputStep), c3, lanes, taps.Add);
        }
    }

    /// <summary>1 result of a row, all channels.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Depthwise1(in DepthwiseTaps taps, float* source, float* weight, float* target)
    {
        nint tapStep = taps.TapStepX;
        nint weightStep = taps.WeightStepX;
        nint tapsX = taps.TapsX;
        for (nint channel = 0; channel < taps.Channels; channel += V.Count)
        {
            V c0 = V.Zero;
            float* line = source + channel;
            float* lineWeight = weight + channel;
            for (nint i = 0; i < taps.TapsY; i++)
            {
                float* x0 = line;
                float* w = lineWeight;
                for (nint j = 0; j < tapsX; j++)
                {
                    V factor = V.Load(w);
                    c0 = V.Fma(V.Load(x0), factor, c0);
                    x0 += tapStep;
                    w += weightStep;
                }

                line += taps.TapStepY;
                lineWeight += taps.WeightStepY;
            }

            int lanes = (int)Math.Min(V.Count, taps.Channels - channel);
            float* c = target + channel;
            PutLanes(c, c0, lanes, taps.Add);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void PutLanes(float* target, V value, int lanes, bool add)
    {
        if (lanes == V.Count)
        {
            (add ? value + V.Load(target) : value).Store(target);
        }
        else
        {
            (add ? value + V.LoadFirst(target, lanes) : value).StoreFirst(target, lanes);
        }
    }
}
