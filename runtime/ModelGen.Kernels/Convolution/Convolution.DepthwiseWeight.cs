using System.Runtime.CompilerServices;

namespace ModelGen.Kernels;

/// <content>The gradient of the weights of convolutions whose groups have one input and one output.</content>
public static unsafe partial class Convolution<V>
{
    private static void DepthwiseGradientWeight(in ConvolutionShape shape, float* input, BatchNormal normal, float* gradOutput, float* gradWeight, float* gradBias, bool add)
    {
        TapGrid grid = TapGrid.Outputs(shape, input);
        nint channels = shape.OutputChannels;
        nint taps = grid.TapsY * grid.TapsX;
        nint partial = Padded((taps + 1) * channels);
        nint window = Padded(RowWindow<V>.Floats(grid));
        nint rows = grid.Batch * grid.GridHeight;
        nint worth = RowsWorth(grid);
        int workers = Workers.For(rows, worth);
        float* scratch = Scratch.Floats((partial + window) * workers);
        var job = new DepthwiseWeightRows
        {
            Grid = grid, Normal = normal, Channels = channels, GradOutput = gradOutput, Partials = scratch, Partial = partial, Windows = scratch + (partial * workers), Window = window, Bias = gradBias is not null,
        };
        Workers.Run(ref job, rows, worth);
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
        public BatchNormal Normal;
        public nint Channels;
        public float* GradOutput;
        public float* Partials;
        public nint Partial;
        public float* Windows;
        public nint Window;
        public bool Bias;

        public readonly void Run(nint from, nint to, int worker)
        {
            float* sums = Partials + (worker * Partial);
            new Span<float>(sums, (int)Partial).Clear();
            var window = new RowWindow<V>(Grid, Normal, Windows + (worker * Window));
            float** rows = stackalloc float*[(int)Grid.TapsY + 1];
            nint tapRow = Grid.TapsX * Channels;
            for (nint row = from; row < to; row++)
            {
                (nint image, nint y) = Math.DivRem(row, Grid.GridHeight);
                float* gradients = GradOutput + (row * Grid.GridWidth * Channels);
                for (nint tap = 0; tap < Grid.TapsY; tap++)
                {
                    rows[tap] = window.Row(image, Grid.FirstY + (y * Grid.StepY) + (tap * Grid.TapStepY));
                }

                if (Grid is { TapsY: 3, TapsX: 3 })
                {
                    Add9(rows[0], rows[1], rows[2], window.Pixel, gradients, sums);
                }
                else
                {
                    for (nint tap = 0; tap < Grid.TapsY * Grid.TapsX; tap++)
                    {
                        Add1(rows[tap / Grid.TapsX] + (tap % Grid.TapsX * Grid.TapStepX * window.Pixel), window.Pixel, gradients, sums + (tap * Channels));
                    }
                }

                if (Bias)
                {
                    AddRow(gradients, sums + (Grid.TapsY * tapRow));
                }
            }
        }

        /// <summary>All taps of 3 x 3: the sums stay in registers while a row passes by.</summary>
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private readonly void Add9(float* top, float* middle, float* bottom, nint pixel, float* gradients, float* sums)
        {
            nint channels = Channels;
            nint width = Grid.GridWidth;
            nint step = Grid.StepX * pixel;
            nint tap = Grid.TapStepX * pixel;
            nint tap2 = 2 * tap;
            for (nint channel = 0; channel < channels; channel += V.Count)
            {
                V a = V.Zero, b = V.Zero, c = V.Zero, d = V.Zero, e = V.Zero, f = V.Zero, h = V.Zero, i = V.Zero, j = V.Zero;
                float* x = top + channel;
                float* y = middle + channel;
                float* z = bottom + channel;
                float* g = gradients + channel;
                for (nint place = 0; place < width; place++, x += step, y += step, z += step, g += channels)
                {
                    V gradient = V.Load(g);
                    a = V.Fma(V.Load(x), gradient, a);
                    b = V.Fma(V.Load(x + tap), gradient, b);
                    c = V.Fma(V.Load(x + tap2), gradient, c);
                    d = V.Fma(V.Load(y), gradient, d);
                    e = V.Fma(V.Load(y + tap), gradient, e);
                    f = V.Fma(V.Load(y + tap2), gradient, f);
                    h = V.Fma(V.Load(z), gradient, h);
                    i = V.Fma(V.Load(z + tap), gradient, i);
                    j = V.Fma(V.Load(z + tap2), gradient, j);
                }

                int lanes = (int)Math.Min(V.Count, channels - channel);
                float* sum = sums + channel;
                PutLanes(sum, a, lanes, true);
                PutLanes(sum + channels, b, lanes, true);
                PutLanes(sum + (2 * channels), c, lanes, true);
                sum += 3 * channels;
                PutLanes(sum, d, lanes, true);
                PutLanes(sum + channels, e, lanes, true);
                PutLanes(sum + (2 * channels), f, lanes, true);
                sum += 3 * channels;
                PutLanes(sum, h, lanes, true);
                PutLanes(sum + channels, i, lanes, true);
                PutLanes(sum + (2 * channels), j, lanes, true);
            }
        }

        /// <summary>One tap.</summary>
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private readonly void Add1(float* source, nint pixel, float* gradients, float* sums)
        {
            nint channels = Channels;
            nint width = Grid.GridWidth;
            nint step = Grid.StepX * pixel;
            for (nint channel = 0; channel < channels; channel += V.Count)
            {
                V even = V.Zero;
                V odd = V.Zero;
                float* x = source + channel;
                float* g = gradients + channel;
                nint i = 0;
                for (; i + 2 <= width; i += 2, x += 2 * step, g += 2 * channels)
                {
                    even = V.Fma(V.Load(x), V.Load(g), even);
                    odd = V.Fma(V.Load(x + step), V.Load(g + channels), odd);
                }

                if (i < width)
                {
                    even = V.Fma(V.Load(x), V.Load(g), even);
                }

                PutLanes(sums + channel, even + odd, (int)Math.Min(V.Count, channels - channel), true);
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
