using System.ComponentModel;
using System.Runtime.CompilerServices;

namespace ModelGen.Kernels;

/// <summary>
/// Batch normalisation in training (S. Ioffe, C. Szegedy, arXiv:1502.03167) over a matrix whose columns are channels: images with channels last. Statistics come from a pass over the
/// operand or from the convolution that wrote it; results are written, or computed again by whoever reads the operand (<see cref="BatchNormal"/>). Sums are of differences from
/// a number near the mean, so that a mean far above the deviation costs no accuracy.
/// </summary>
/// <typeparam name="V">Register.</typeparam>
[EditorBrowsable(EditorBrowsableState.Never)]
public static unsafe class BatchNorm<V>
    where V : unmanaged, IVector<V>
{
    /// <summary>Mean and variance of each channel.</summary>
    /// <param name="x">Operand [rows, channels].</param>
    /// <param name="rows">Values of a channel: samples times places.</param>
    /// <param name="channels">Channels.</param>
    /// <param name="statistics">Receives the means, and behind them (the channels rounded up to 16 further) the variances.</param>
    public static void Measure(Floats x, nint rows, nint channels, Floats statistics)
    {
        nint padded = ColumnSums<V>.Padded(channels);
        float* shift = Scratch.Floats(padded + ColumnSums<V>.Floats(rows, channels));
        float* sums = shift + padded;
        Shift(x, rows, channels, shift, padded);
        ColumnSums<V>.Run(new Distances { X = x, Shift = shift }, rows, channels, sums);
        for (nint c = 0; c < channels; c++)
        {
            double distance = (double)sums[c] / rows;
            double variance = Math.Max(0, ((double)sums[padded + c] / rows) - (distance * distance));
            statistics[c] = (float)(shift[c] + distance);
            statistics[BatchNormal.Padded(channels) + c] = double.IsNaN(sums[padded + c]) ? float.NaN : (float)variance;
        }
    }

    /// <summary>Prepares the normalisation of elements and moves the running statistics as PyTorch does, the variance with Bessel's correction.</summary>
    /// <param name="statistics">Means and variances.</param>
    /// <param name="rows">Values of a channel.</param>
    /// <param name="channels">Channels.</param>
    /// <param name="weight">Scale [channels]; null for 1.</param>
    /// <param name="bias">Shift [channels]; null for 0.</param>
    /// <param name="momentum">Share of the batch in the running statistics.</param>
    /// <param name="epsilon">Added to the variance.</param>
    /// <param name="runningMean">Running mean [channels]; null for none.</param>
    /// <param name="runningVariance">Running variance [channels]; null for none.</param>
    /// <param name="mean">Receives the mean [channels].</param>
    /// <param name="reciprocal">Receives the reciprocal of the deviation [channels].</param>
    /// <param name="normal">Receives the numbers of <see cref="BatchNormal"/>: three times the channels, these rounded up to 16.</param>
    public static void Settle(
        Floats statistics, nint rows, nint channels, Floats weight, Floats bias, float momentum, float epsilon, Floats runningMean, Floats runningVariance, Floats mean, Floats reciprocal, Floats normal)
    {
        nint padded = BatchNormal.Padded(channels);
        for (nint c = 0; c < padded; c++)
        {
            if (c >= channels)
            {
                // Read in whole vectors.
                normal[c] = normal[padded + c] = normal[(2 * padded) + c] = 0;
                continue;
            }

            double variance = statistics[padded + c];
            float deviation = (float)(1 / Math.Sqrt(variance + epsilon));
            mean[c] = normal[c] = statistics[c];
            reciprocal[c] = deviation;
            normal[padded + c] = deviation * (weight.Address is null ? 1 : weight[c]);
            normal[(2 * padded) + c] = bias.Address is null ? 0 : bias[c];
            if (runningMean.Address is not null)
            {
                runningMean[c] = (float)(((1 - momentum) * (double)runningMean[c]) + (momentum * (double)statistics[c]));
                runningVariance[c] = (float)(((1 - momentum) * (double)runningVariance[c]) + (momentum * variance * rows / (rows - 1.0)));
            }
        }
    }

    /// <summary>Writes the results.</summary>
    /// <param name="x">Operand [rows, channels].</param>
    /// <param name="rows">Values of a channel.</param>
    /// <param name="channels">Channels.</param>
    /// <param name="normal">The normalisation.</param>
    /// <param name="y">Results [rows, channels].</param>
    /// <param name="epilogue">Finishes blocks of rows of the result while they are in the cache.</param>
    public static void Apply<TEpilogue>(Floats x, nint rows, nint channels, BatchNormal normal, Floats y, TEpilogue epilogue)
        where TEpilogue : unmanaged, ITileEpilogue
    {
        var job = new NormalJob<TEpilogue> { X = x, Y = y, Rows = rows, Channels = channels, Normal = normal, Epilogue = epilogue, Step = Math.Clamp(4096 / Math.Max(channels, 1), 1, 256) };
        Workers.Run(ref job, (rows + job.Step - 1) / job.Step, 4);
    }

    /// <summary>As above, with nothing after it.</summary>
    public static void Apply(Floats x, nint rows, nint channels, BatchNormal normal, Floats y) => Apply(x, rows, channels, normal, y, default(NoEpilogue));

    /// <summary>The sums over rows that the gradients are made of.</summary>
    /// <param name="gradient">Gradient of the result [rows, channels].</param>
    /// <param name="x">Operand of the forward pass.</param>
    /// <param name="rows">Values of a channel.</param>
    /// <param name="channels">Channels.</param>
    /// <param name="normal">The normalisation.</param>
    /// <param name="slopes">Receives the sums of gradients, and behind them (the channels rounded up to 16 further) those of gradients times distances from the mean.</param>
    public static void Slopes(Floats gradient, Floats x, nint rows, nint channels, BatchNormal normal, Floats slopes)
    {
        nint padded = ColumnSums<V>.Padded(channels);
        float* sums = Scratch.Floats(ColumnSums<V>.Floats(rows, channels));
        if (normal.IsBounded)
        {
            ColumnSums<V>.Run(new BoundedTerm { Gradient = gradient, X = x, Normal = normal }, rows, channels, sums);
        }
        else
        {
            ColumnSums<V>.Run(new PlainTerm { Gradient = gradient, X = x, Mean = normal.Mean }, rows, channels, sums);
        }

        new Span<float>(sums, (int)channels).CopyTo(new Span<float>(slopes, (int)channels));
        new Span<float>(sums + padded, (int)channels).CopyTo(new Span<float>(slopes + BatchNormal.Padded(channels), (int)channels));
    }

    /// <summary>Gradients of the operand, the scale and the shift.</summary>
    /// <param name="gradient">Gradient of the result [rows, channels].</param>
    /// <param name="x">Operand of the forward pass.</param>
    /// <param name="rows">Values of a channel.</param>
    /// <param name="channels">Channels.</param>
    /// <param name="normal">The normalisation.</param>
    /// <param name="reciprocal">Reciprocal deviation of the forward pass.</param>
    /// <param name="slopes">Sums over rows.</param>
    /// <param name="dx">Receives the gradient of the operand; may be that of the result.</param>
    /// <param name="dWeight">Receives that of the scale; null when it is not wanted.</param>
    /// <param name="dBias">Receives that of the shift; null when it is not wanted.</param>
    public static void Backward(Floats gradient, Floats x, nint rows, nint channels, BatchNormal normal, Floats reciprocal, Floats slopes, Floats dx, Floats dWeight, Floats dBias)
    {
        nint padded = BatchNormal.Padded(channels);
        float* constant = Scratch.Floats(2 * padded);
        float* byX = constant + padded;

        // dx = weight * r * (g - mean(g) - (x - m) r² mean(g (x - m))), as a sum of three terms with factors for each channel.
        for (nint c = 0; c < padded; c++)
        {
            if (c >= channels)
            {
                constant[c] = byX[c] = 0;
                continue;
            }

            (float sumGradient, float sumProduct, float r) = (slopes[c], slopes[padded + c], reciprocal[c]);
            if (dBias.Address is not null)
            {
                dBias[c] = sumGradient;
            }

            if (dWeight.Address is not null)
            {
                dWeight[c] = sumProduct * r;
            }

            float factor = normal.Factor[c];
            byX[c] = -factor * r * r * sumProduct / rows;
            constant[c] = -factor * sumGradient / rows;
        }

        var job = new GradientJob { Gradient = gradient, X = x, Result = dx, Channels = channels, Normal = normal, Constant = constant, ByX = byX };
        Workers.Run(ref job, rows, 1 + (16384 / Math.Max(channels, 1)));
    }

    /// <summary>A number near the mean of each channel: the mean of up to 16 rows, spread over all.</summary>
    private static void Shift(float* x, nint rows, nint channels, float* shift, nint padded)
    {
        new Span<float>(shift, (int)padded).Clear();
        nint count = Math.Min(rows, 16);
        for (nint i = 0; i < count; i++)
        {
            float* row = x + (rows / count * i * channels);
            for (nint c = 0; c < channels; c++)
            {
                shift[c] += row[c] / count;
            }
        }

        for (nint c = 0; c < channels; c++)
        {
            shift[c] = float.IsFinite(shift[c]) ? shift[c] : 0;
        }
    }

    private struct Distances : IColumnTerm<V>
    {
        public float* X;
        public float* Shift;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public readonly void At(nint index, nint column, out V a, out V b)
        {
            a = V.Load(X + index) - V.Load(Shift + column);
            b = a * a;
        }
    }

    private struct PlainTerm : IColumnTerm<V>
    {
        public float* Gradient;
        public float* X;
        public float* Mean;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public readonly void At(nint index, nint column, out V a, out V b)
        {
            a = V.Load(Gradient + index);
            b = a * (V.Load(X + index) - V.Load(Mean + column));
        }
    }

    private struct BoundedTerm : IColumnTerm<V>
    {
        public float* Gradient;
        public float* X;
        public BatchNormal Normal;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public readonly void At(nint index, nint column, out V a, out V b)
        {
            V x = V.Load(X + index);
            a = Normal.Slope(V.Load(Gradient + index), x, column);
            b = a * (x - V.Load(Normal.Mean + column));
        }
    }

    private struct NormalJob<TEpilogue> : IRange
        where TEpilogue : unmanaged, ITileEpilogue
    {
        public float* X;
        public float* Y;
        public nint Rows;
        public nint Channels;
        public BatchNormal Normal;
        public TEpilogue Epilogue;
        public nint Step;

        public readonly void Run(nint from, nint to, int worker)
        {
            for (nint block = from; block < to; block++)
            {
                nint row = block * Step;
                nint count = Math.Min(Step, Rows - row);
                for (nint i = row; i < row + count; i++)
                {
                    Line(X + (i * Channels), Y + (i * Channels));
                }

                Epilogue.Run(Y + (row * Channels), Channels, row, count, 0, Channels);
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private readonly void Line(float* x, float* y)
        {
            nint c = 0;
            for (; c + V.Count <= Channels; c += V.Count)
            {
                Normal.Of(V.Load(x + c), c).Store(y + c);
            }

            if (c < Channels)
            {
                Normal.Of(V.Load(x + c), c).StoreFirst(y + c, (int)(Channels - c));
            }
        }
    }

    private struct GradientJob : IRange
    {
        public float* Gradient;
        public float* X;
        public float* Result;
        public nint Channels;
        public BatchNormal Normal;
        public float* Constant;
        public float* ByX;

        public readonly void Run(nint from, nint to, int worker)
        {
            for (nint row = from; row < to; row++)
            {
                Line(Gradient + (row * Channels), X + (row * Channels), Result + (row * Channels));
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private readonly void Line(float* gradient, float* x, float* result)
        {
            nint c = 0;
            bool bounded = Normal.IsBounded;
            for (; c + V.Count <= Channels; c += V.Count)
            {
                At(gradient, x, c, bounded).Store(result + c);
            }

            if (c < Channels)
            {
                At(gradient, x, c, bounded).StoreFirst(result + c, (int)(Channels - c));
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private readonly V At(float* gradient, float* x, nint c, bool bounded)
        {
            V value = V.Load(x + c);
            V g = V.Load(gradient + c);
            g = bounded ? Normal.Slope(g, value, c) : g;
            return V.Fma(g, V.Load(Normal.Factor + c), V.Fma(value - V.Load(Normal.Mean + c), V.Load(ByX + c), V.Load(Constant + c)));
        }
    }
}
