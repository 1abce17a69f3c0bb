using System.Runtime.CompilerServices;

namespace ModelGen.Kernels;

/// <content>The gradient of the weights of convolutions whose groups have one input and one output.</content>
public static unsafe partial class Convolution<V>
{
    private static void DepthwiseGradientWeight(in ConvolutionShape shape, float* input, float* gradOutput, float* gradWeight, float* gradBias, bool add)
    {
        TapGrid grid = TapGrid.Outputs(shape, input);
        nint channels = shape.OutputChannels;
        nint taps = grid.TapsY * grid.TapsX;
        nint partial = Padded((taps + 1) * channels);
        nint rows = grid.Batch * grid.GridHeight;
        nint rowsPerWorker = Math.Max(1, 8192 / Math.Max(1, grid.GridWidth * channels * taps / 8));
        int workers = Workers.For(rows, rowsPerWorker);
        float* scratch = Scratch.Floats(partial * workers);
        var job = new DepthwiseWeightRows { Grid = grid, Channels = channels, GradOutput = gradOutput, Partials = scratch, Partial = partial, Bias = gradBias is not null };
        Workers.Run(ref job, rows, rowsPerWorker);
        SumParts(scratch, partial, workers, gradWeight, taps * channels, add);
        if (gradBias is not null)
        {
            SumParts(scratch + (taps * channels), partial, workers, gradBias, channels, add);
        }
    }

    private static void SumParts(float* parts, nint distance, nint count, float* target, nint size, bool add)
    {
        for (nint i = 0; i < size; i += V.Count)
        {
            V sum = V.Load(parts + i);
            for (nint part = 1; part < count; part++)
            {
                sum += V.Load(parts + (part * distance) + i);
            }

            PutLanes(target + i, sum, (int)Math.Min(V.Count, size - i), add);
        }
    }

    /// <summary>Units are rows of gradients; each worker adds up its own.</summary>
    private struct DepthwiseWeightRows : IRange
    {
        public TapGrid Grid;
        public nint Channels;
        public float* GradOutput;
        public float* Partials;
        public nint Partial;
        public bool Bias;

        public readonly void Run(nint from, nint to, int worker)
        {
            float* sums = Partials + (worker * Partial);
            for (nint i = 0; i < Partial; i += V.Count)
            {
                V.Zero.Store(sums + i);
            }

            for (nint row = from; row < to; row++)
            {
                (nint image, nint i) = Math.DivRem(row, Grid.GridHeight);
                float* gradients = GradOutput + (row * Grid.GridWidth * Channels);
                for (nint s = 0; s < Grid.TapsY; s++)
                {
                    nint y = Grid.FirstY + (i * Grid.StepY) + (s * Grid.TapStepY);
                    if ((nuint)y < (nuint)Grid.Height)
                    {
                        float* source = Grid.Source + (((image * Grid.Height) + y) * Grid.Width * Channels);
                        Line(source, gradients, sums + (s * Grid.TapsX * Channels));
                    }
                }

                if (Bias)
                {
                    AddRow(gradients, sums + (Grid.TapsY * Grid.TapsX * Channels));
                }
            }
        }

        /// <summary>All taps of a row of the kernel: three neighbours at once where all are inside.</summary>
        private readonly void Line(float* source, float* gradients, float* sums)
        {
            nint pixel = Grid.StepX * Channels;
            nint tapStep = Grid.TapStepX * Channels;
            for (nint t = 0; t < Grid.TapsX;)
            {
                nint taps = t + 3 <= Grid.TapsX ? 3 : 1;
                (nint first, nint last) = Columns(t);
                nint innerFirst = first;
                nint innerLast = last;
                for (nint other = 1; other < taps; other++)
                {
                    (nint from, nint to) = Columns(t + other);
                    innerFirst = Math.Max(innerFirst, from);
                    innerLast = Math.Min(innerLast, to);
                }

                innerLast = Math.Max(innerLast, innerFirst);
                float* place = source + ((Grid.FirstX + (t * Grid.TapStepX)) * Channels);
                if (taps == 3)
                {
                    Add3(place + (innerFirst * pixel), pixel, tapStep, gradients + (innerFirst * Channels), innerLast - innerFirst, sums);
                }
                else
                {
                    Add1(place + (first * pixel), pixel, gradients + (first * Channels), last - first, sums);
                }

                for (nint tap = t; taps == 3 && tap < t + 3; tap++)
                {
                    float* own = source + ((Grid.FirstX + (tap * Grid.TapStepX)) * Channels);
                    float* sum = sums + ((tap - t) * Channels);
                    (nint from, nint to) = Columns(tap);
                    nint end = Math.Min(to, innerFirst);
                    Add1(own + (from * pixel), pixel, gradients + (from * Channels), end - from, sum);
                    nint start = Math.Max(Math.Max(from, innerLast), end);
                    Add1(own + (start * pixel), pixel, gradients + (start * Channels), to - start, sum);
                }

                t += taps;
                sums += taps * Channels;
            }
        }

        /// <summary>Columns of gradients for which a tap is inside.</summary>
        private readonly (nint First, nint Last) Columns(nint tap)
        {
            nint place = Grid.FirstX + (tap * Grid.TapStepX);
            nint first = place >= 0 ? 0 : Math.Min(Grid.GridWidth, Ceiling(-place, Grid.StepX));
            nint last = place >= Grid.Width ? 0 : Math.Min(Grid.GridWidth, ((Grid.Width - 1 - place) / Grid.StepX) + 1);
            return (first, Math.Max(first, last));
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private readonly void Add3(float* source, nint pixel, nint tap, float* gradients, nint count, float* sums)
        {
            nint channels = Channels;
            nint tap2 = 2 * tap;
            for (nint channel = 0; count > 0 && channel < channels; channel += V.Count)
            {
                V a = V.Zero, b = V.Zero, c = V.Zero, d = V.Zero, e = V.Zero, f = V.Zero;
                float* x = source + channel;
                float* g = gradients + channel;
                nint i = 0;
                for (; i + 2 <= count; i += 2)
                {
                    V even = V.Load(g);
                    V odd = V.Load(g + channels);
                    float* next = x + pixel;
                    a = V.Fma(V.Load(x), even, a);
                    b = V.Fma(V.Load(x + tap), even, b);
                    c = V.Fma(V.Load(x + tap2), even, c);
                    d = V.Fma(V.Load(next), odd, d);
                    e = V.Fma(V.Load(next + tap), odd, e);
                    f = V.Fma(V.Load(next + tap2), odd, f);
                    x = next + pixel;
                    g += 2 * channels;
                }

                if (i < count)
                {
                    V even = V.Load(g);
                    a = V.Fma(V.Load(x), even, a);
                    b = V.Fma(V.Load(x + tap), even, b);
                    c = V.Fma(V.Load(x + tap2), even, c);
                }

                int lanes = (int)Math.Min(V.Count, channels - channel);
                float* sum = sums + channel;
                PutLanes(sum, a + d, lanes, true);
                PutLanes(sum + channels, b + e, lanes, true);
                PutLanes(sum + (2 * channels), c + f, lanes, true);
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private readonly void Add1(float* source, nint pixel, float* gradients, nint count, float* sums)
        {
            nint channels = Channels;
            for (nint channel = 0; count > 0 && channel < channels; channel += V.Count)
            {
                V a = V.Zero;
                float* x = source + channel;
                float* g = gradients + channel;
                for (nint i = 0; i < count; i++, x += pixel, g += channels)
                {
                    a = V.Fma(V.Load(x), V.Load(g), a);
                }

                PutLanes(sums + channel, a, (int)Math.Min(V.Count, channels - channel), true);
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private readonly void AddRow(float* gradients, float* sums)
        {
            nint channels = Channels;
            for (nint channel = 0; channel < channels; channel += V.Count)
            {
                V a = V.Zero;
                float* g = gradients + channel;
                for (nint i = 0; i < Grid.GridWidth; i++, g += channels)
                {
                    a += V.Load(g);
                }

                PutLanes(sums + channel, a, (int)Math.Min(V.Count, channels - channel), true);
            }
        }
    }
}
