using System.Runtime.CompilerServices;

namespace ModelGen.Kernels;

/// <content>
/// Convolutions whose groups have one input and one output: vectors run over channels. Four neighbours, all of whose taps are inside the image, share the loads of their weights and
/// pixels; the others are computed one by one. Images that are normalised on the way, or come from memory, are copied into a window with zeros around them, where every result has all its taps.
/// </content>
public static unsafe partial class Convolution<V>
{
    private static void RunDepthwise<TEpilogue>(in ImageProduct problem, TEpilogue epilogue)
        where TEpilogue : unmanaged, ITileEpilogue
    {
        bool copied = !problem.Normal.IsIdentity || ReadsMemory(problem.Grid);
        nint own = copied ? Padded(RowWindow<V>.Floats(problem.Grid)) : 0;
        nint rows = problem.Grid.Batch * problem.Grid.GridHeight;
        nint worth = RowsWorth(problem.Grid);
        var job = new DepthwiseRows<TEpilogue> { Problem = problem, Epilogue = epilogue, Copied = copied, Own = own, Memory = Scratch.Floats(own * Workers.For(rows, worth)) };

        // The first rows of a piece are copied into the window again.
        Workers.Share(ref job, rows, worth, piece: problem.Grid.TapsY);
    }

    /// <summary>
    /// Whether the images come from memory and not from a cache, and have long rows: copying these into the window first reads them in one piece (measured: 5 to 15 % faster from 4 MiB on;
    /// 1.2 to 1.7 times as slow where images are in a cache).
    /// </summary>
    private static bool ReadsMemory(in TapGrid grid) => grid.Batch * grid.Height * grid.Width * grid.PixelStep >= 1 << 20 && grid.GridWidth >= 24;

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

        /// <summary>Whether rows are copied into a window.</summary>
        public bool Copied;

        /// <inheritdoc/>
        public static bool AddsUp => TEpilogue.AddsUp;

        public void Run(nint from, nint to, int worker)
        {
            ref TapGrid grid = ref Problem.Grid;
            RowWindow<V> window = Copied ? new RowWindow<V>(grid, Problem.Normal, Memory + (worker * Own)) : default;
            float** rows = stackalloc float*[(int)grid.TapsY + 1];
            nint channels = Problem.OutputChannels;
            for (nint row = from; row < to; row++)
            {
                (nint image, nint y) = Math.DivRem(row, grid.GridHeight);
                var place = new GridPlace { Image = image, Y = y };
                nint pixel = Problem.Pixel(place);
                float* output = Problem.Output + (pixel * channels);
                nint top = grid.FirstY + (y * grid.StepY);
                if (Copied)
                {
                    for (nint tap = 0; tap < grid.TapsY; tap++)
                    {
                        rows[tap] = window.Row(image, top + (tap * grid.TapStepY));
                    }

                    Neighbours(Problem, rows, grid.TapsY, Problem.Weight, window.Pixel, 0, grid.GridWidth, output);
                }
                else
                {
                    DepthwiseRow(Problem, rows, image, top, output);
                }

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

    /// <summary>A row of results of images as they are.</summary>
    /// <param name="problem">The convolution.</param>
    /// <param name="rows">Memory for a pointer for each row of taps.</param>
    /// <param name="image">Image.</param>
    /// <param name="top">Row of the image that the first taps see; may be outside.</param>
    /// <param name="output">First result.</param>
    private static void DepthwiseRow(in ImageProduct problem, float** rows, nint image, nint top, float* output)
    {
        ref readonly TapGrid grid = ref problem.Grid;
        nint step = problem.OutputStepX * problem.OutputChannels;
        (nint first, nint end) = Inside(top, grid.TapStepY, grid.TapsY, grid.Height);
        for (nint tap = first; tap < end; tap++)
        {
            rows[tap - first] = grid.Source + (((((image * grid.Height) + top + (tap * grid.TapStepY)) * grid.Width) + grid.FirstX) * grid.PixelStep);
        }

        float* weight = problem.Weight + (first * problem.WeightTapY);
        nint taps = end - first;

        // The results all of whose taps are inside, in groups of four.
        nint left = Math.Clamp(Ceiling(Math.Max(0, -grid.FirstX), grid.StepX), 0, grid.GridWidth);
        nint room = grid.Width - 1 - grid.FirstX - ((grid.TapsX - 1) * grid.TapStepX);
        nint right = room < 0 ? left : Math.Clamp((room / grid.StepX) + 1, left, grid.GridWidth);
        right = left + ((right - left) / RowWindow<V>.Together * RowWindow<V>.Together);
        Neighbours(problem, rows, taps, weight, grid.PixelStep, left, right, output);
        for (nint x = 0; x < grid.GridWidth; x++)
        {
            if (x == left)
            {
                x = right;
                if (x == grid.GridWidth)
                {
                    break;
                }
            }

            (nint from, nint to) = Inside(grid.FirstX + (x * grid.StepX), grid.TapStepX, grid.TapsX, grid.Width);
            Lone(problem, rows, taps, weight, x, from, to, output + (x * step));
        }
    }

    /// <summary>The taps that are inside of an image along one direction: from the first on, before the end.</summary>
    private static (nint First, nint End) Inside(nint place, nint step, nint taps, nint size)
    {
        // In the gradient of a convolution with stride, pixels between the taps see none, and there is no step then.
        if (taps == 0)
        {
            return (0, 0);
        }

        nint first = Math.Min(taps, Ceiling(Math.Max(0, -place), step));
        nint end = place >= size ? 0 : Math.Min(taps, ((size - 1 - place) / step) + 1);
        return (first, Math.Max(first, end));
    }

    /// <summary>Results next to each other, all of whose taps can be read.</summary>
    /// <param name="problem">The convolution.</param>
    /// <param name="rows">The first pixel that the first result of the row sees in each row of taps.</param>
    /// <param name="taps">Rows of taps.</param>
    /// <param name="weight">Weights of the first of them.</param>
    /// <param name="pixel">Distance of pixels.</param>
    /// <param name="from">First result.</param>
    /// <param name="to">The one after the last.</param>
    /// <param name="output">First result of the row.</param>
    private static void Neighbours(in ImageProduct problem, float** rows, nint taps, float* weight, nint pixel, nint from, nint to, float* output)
    {
        if (problem.Grid is { TapsX: 3, StepX: 1, TapStepX: 1 })
        {
            Neighbours3(problem, rows, taps, weight, pixel, from, to, output);
        }
        else
        {
            NeighboursAny(problem, rows, taps, weight, pixel, from, to, output);
        }
    }

    /// <summary>A result some of whose taps may be outside.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Lone(in ImageProduct problem, float** rows, nint taps, float* weight, nint x, nint from, nint to, float* output)
    {
        nint channels = problem.OutputChannels;
        nint tapStep = problem.Grid.TapStepX * problem.Grid.PixelStep;
        nint weightX = problem.WeightTapX;
        nint weightY = problem.WeightTapY;
        nint offset = (x * problem.Grid.StepX * problem.Grid.PixelStep) + (from * tapStep);
        weight += from * weightX;
        for (nint channel = 0; channel < channels; channel += V.Count)
        {
            V sum = V.Zero;
            for (nint tap = 0; tap < taps; tap++)
            {
                float* source = rows[tap] + offset + channel;
                float* factor = weight + (tap * weightY) + channel;
                for (nint i = from; i < to; i++, source += tapStep, factor += weightX)
                {
                    sum = V.Fma(V.Load(source), V.Load(factor), sum);
                }
            }

            PutLanes(output + channel, sum, (int)Math.Min(V.Count, channels - channel), problem.Add);
        }
    }

    /// <summary>Three taps side by side, without stride: four results see six pixels of a row.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Neighbours3(in ImageProduct problem, float** rows, nint taps, float* weights, nint pixel, nint from, nint to, float* output)
    {
        nint channels = problem.OutputChannels;
        nint step = problem.OutputStepX * channels;
        nint weightX = problem.WeightTapX;
        nint weightY = problem.WeightTapY;
        nint pixel3 = 3 * pixel;
        output += from * step;
        for (nint x = from; x < to; x += 4, output += 4 * step)
        {
            for (nint channel = 0; channel < channels; channel += V.Count)
            {
                V a = V.Zero, b = V.Zero, c = V.Zero, d = V.Zero;
                float* weight = weights + channel;
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

                PutFour(output + channel, step, to - x, channels - channel, problem.Add, a, b, c, d);
            }
        }
    }

    /// <summary>Any number of taps, stride and dilation.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void NeighboursAny(in ImageProduct problem, float** rows, nint taps, float* weights, nint pixel, nint from, nint to, float* output)
    {
        nint tapsX = problem.Grid.TapsX;
        nint tapStep = problem.Grid.TapStepX * pixel;
        nint stride = problem.Grid.StepX * pixel;
        nint channels = problem.OutputChannels;
        nint step = problem.OutputStepX * channels;
        nint weightX = problem.WeightTapX;
        output += from * step;
        for (nint x = from; x < to; x += 4, output += 4 * step)
        {
            for (nint channel = 0; channel < channels; channel += V.Count)
            {
                V a = V.Zero, b = V.Zero, c = V.Zero, d = V.Zero;
                nint offset = (x * stride) + channel;
                for (nint y = 0; y < taps; y++)
                {
                    float* source = rows[y] + offset;
                    float* weight = weights + (y * problem.WeightTapY) + channel;
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

                PutFour(output + channel, step, to - x, channels - channel, problem.Add, a, b, c, d);
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
