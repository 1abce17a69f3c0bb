using System.Runtime.CompilerServices;

namespace ModelGen.Kernels;

/// <content>
/// Convolutions whose groups have one input and one output: vectors run over channels. Rows of the image are copied into a window with zeros around them, where every
/// result has all its taps, so that four neighbours share the loads of their weights and pixels.
/// </content>
public static unsafe partial class Convolution<V>
{
    private static void RunDepthwise<TEpilogue>(in ImageProduct problem, TEpilogue epilogue)
        where TEpilogue : unmanaged, ITileEpilogue
    {
        nint own = Padded(RowWindow<V>.Floats(problem.Grid));
        nint rows = problem.Grid.Batch * problem.Grid.GridHeight;
        nint worth = RowsWorth(problem.Grid);
        var job = new DepthwiseRows<TEpilogue> { Problem = problem, Epilogue = epilogue, Own = own, Memory = Scratch.Floats(own * Workers.For(rows, worth)) };

        // The first rows of a piece are copied into the window again.
        Workers.Share(ref job, rows, worth, piece: problem.Grid.TapsY);
    }

    /// <summary>Rows of results that are worth a worker.</summary>
    private static nint RowsWorth(in TapGrid grid) => Math.Max(1, 16384 / Math.Max(1, grid.GridWidth * grid.PixelStep * ((grid.TapsY * grid.TapsX / 4) + 1)));

    /// <summary>Units are rows of results.</summary>
    private struct DepthwiseRows<TEpilogue> : IRange
        where TEpilogue : unmanaged, ITileEpilogue
    {
        public ImageProduct Problem;
        public TEpilogue Epilogue;
        public float* Memory;
        public nint Own;

        /// <inheritdoc/>
        public static bool AddsUp => TEpilogue.AddsUp;

        public void Run(nint from, nint to, int worker)
        {
            ref TapGrid grid = ref Problem.Grid;
            var window = new RowWindow<V>(grid, Problem.Normal, Memory + (worker * Own));
            float** rows = stackalloc float*[(int)grid.TapsY + 1];
            nint channels = Problem.OutputChannels;
            for (nint row = from; row < to; row++)
            {
                (nint image, nint y) = Math.DivRem(row, grid.GridHeight);
                for (nint tap = 0; tap < grid.TapsY; tap++)
                {
                    rows[tap] = window.Row(image, grid.FirstY + (y * grid.StepY) + (tap * grid.TapStepY));
                }

                var place = new GridPlace { Image = image, Y = y };
                nint pixel = Problem.Pixel(place);
                float* output = Problem.Output + (pixel * channels);
                DepthwiseRow(Problem, rows, window.Pixel, output);
                if (typeof(TEpilogue) == typeof(NoEpilogue))
                {
                    continue;
                }

                if (Problem.OutputStepX == 1)
                {
                    Epilogue.Run(output, channels, pixel, grid.GridWidth, 0, channels);
                    continue;
                }

                for (; place.X < grid.GridWidth; place.X++)
                {
                    pixel = Problem.Pixel(place);
                    Epilogue.Run(Problem.Output + (pixel * channels), channels, pixel, 1, 0, channels);
                }
            }
        }
    }

    /// <summary>A row of results.</summary>
    /// <param name="problem">The convolution.</param>
    /// <param name="rows">The first pixel that the first result sees in each row of taps.</param>
    /// <param name="pixel">Distance of pixels there.</param>
    /// <param name="output">First result.</param>
    private static void DepthwiseRow(in ImageProduct problem, float** rows, nint pixel, float* output)
    {
        if (problem.Grid is { TapsX: 3, StepX: 1, TapStepX: 1 })
        {
            DepthwiseRow3(problem, rows, pixel, output);
        }
        else
        {
            DepthwiseRowAny(problem, rows, pixel, output);
        }
    }

    /// <summary>Three taps side by side, without stride: four results see six pixels of a row.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void DepthwiseRow3(in ImageProduct problem, float** rows, nint pixel, float* output)
    {
        nint width = problem.Grid.GridWidth;
        nint taps = problem.Grid.TapsY;
        nint channels = problem.OutputChannels;
        nint step = problem.OutputStepX * channels;
        nint weightX = problem.WeightTapX;
        nint weightY = problem.WeightTapY;
        nint pixel3 = 3 * pixel;
        for (nint x = 0; x < width; x += 4, output += 4 * step)
        {
            for (nint channel = 0; channel < channels; channel += V.Count)
            {
                V a = V.Zero, b = V.Zero, c = V.Zero, d = V.Zero;
                float* weight = problem.Weight + channel;
                nint offset = (x * pixel) + channel;
                for (nint tap = 0; tap < taps; tap++, weight += weightY)
                {
                    float* source = rows[tap] + offset;
                    V left = V.Load(weight);
                    V middle = V.Load(weight + weightX);
                    V right = V.Load(weight + (2 * weightX));
                    a = V.Fma(V.Load(source), left, a);
                    V next = V.Load(source + pixel);
                    a = V.Fma(next, middle, a);
                    b = V.Fma(next, left, b);
                    next = V.Load(source + (2 * pixel));
                    a = V.Fma(next, right, a);
                    b = V.Fma(next, middle, b);
                    c = V.Fma(next, left, c);
                    source += pixel3;
                    next = V.Load(source);
                    b = V.Fma(next, right, b);
                    c = V.Fma(next, middle, c);
                    d = V.Fma(next, left, d);
                    next = V.Load(source + pixel);
                    c = V.Fma(next, right, c);
                    d = V.Fma(next, middle, d);
                    d = V.Fma(V.Load(source + (2 * pixel)), right, d);
                }

                PutFour(output + channel, step, width - x, channels - channel, problem.Add, a, b, c, d);
            }
        }
    }

    /// <summary>Any number of taps, stride and dilation.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void DepthwiseRowAny(in ImageProduct problem, float** rows, nint pixel, float* output)
    {
        nint width = problem.Grid.GridWidth;
        nint tapsY = problem.Grid.TapsY;
        nint tapsX = problem.Grid.TapsX;
        nint tapStep = problem.Grid.TapStepX * pixel;
        nint stride = problem.Grid.StepX * pixel;
        nint channels = problem.OutputChannels;
        nint step = problem.OutputStepX * channels;
        nint weightX = problem.WeightTapX;
        for (nint x = 0; x < width; x += 4, output += 4 * step)
        {
            for (nint channel = 0; channel < channels; channel += V.Count)
            {
                V a = V.Zero, b = V.Zero, c = V.Zero, d = V.Zero;
                nint offset = (x * stride) + channel;
                for (nint y = 0; y < tapsY; y++)
                {
                    float* source = rows[y] + offset;
                    float* weight = problem.Weight + (y * problem.WeightTapY) + channel;
                    for (nint tap = 0; tap < tapsX; tap++, source += tapStep, weight += weightX)
                    {
                        V factor = V.Load(weight);
                        float* far = source + (2 * stride);
                        a = V.Fma(V.Load(source), factor, a);
                        b = V.Fma(V.Load(source + stride), factor, b);
                        c = V.Fma(V.Load(far), factor, c);
                        d = V.Fma(V.Load(far + stride), factor, d);
                    }
                }

                PutFour(output + channel, step, width - x, channels - channel, problem.Add, a, b, c, d);
            }
        }
    }

    /// <summary>Stores up to four neighbours.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void PutFour(float* target, nint step, nint count, nint channels, bool add, V a, V b, V c, V d)
    {
        int lanes = (int)Math.Min(V.Count, channels);
        PutLanes(target, a, lanes, add);
        if (count > 1)
        {
            PutLanes(target + step, b, lanes, add);
        }

        if (count > 2)
        {
            PutLanes(target + (2 * step), c, lanes, add);
        }

        if (count > 3)
        {
            PutLanes(target + (3 * step), d, lanes, add);
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
