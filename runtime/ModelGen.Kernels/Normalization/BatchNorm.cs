using System.ComponentModel;
using System.Runtime.CompilerServices;

namespace ModelGen.Kernels;

/// <summary>
/// Batch normalisation in training (S. Ioffe, C. Szegedy, arXiv:1502.03167) over a matrix whose columns are channels: images with channels last. Two passes over memory forward and
/// two backward. Sums are of differences from a number near the mean, so that a mean far above the deviation costs no accuracy.
/// </summary>
/// <typeparam name="V">Register.</typeparam>
[EditorBrowsable(EditorBrowsableState.Never)]
public static unsafe class BatchNorm<V>
    where V : unmanaged, IVector<V>
{
    /// <summary>Normalises by the statistics of the batch and moves the running ones as PyTorch does, the variance with Bessel's correction.</summary>
    /// <param name="x">Operand [rows, channels].</param>
    /// <param name="rows">Values of a channel: samples times places.</param>
    /// <param name="channels">Channels.</param>
    /// <param name="weight">Scale [channels]; null for 1.</param>
    /// <param name="bias">Shift [channels]; null for 0.</param>
    /// <param name="momentum">Share of the batch in the running statistics.</param>
    /// <param name="epsilon">Added to the variance.</param>
    /// <param name="runningMean">Running mean [channels]; null for none.</param>
    /// <param name="runningVariance">Running variance [channels]; null for none.</param>
    /// <param name="y">Result [rows, channels].</param>
    /// <param name="mean">Receives the mean [channels].</param>
    /// <param name="reciprocal">Receives the reciprocal of the deviation [channels].</param>
    /// <param name="epilogue">Finishes blocks of rows of the result while they are in the cache.</param>
    public static void Train<TEpilogue>(
        Floats x, nint rows, nint channels, Floats weight, Floats bias, float momentum, float epsilon, Floats runningMean, Floats runningVariance, Floats y, Floats mean, Floats reciprocal, TEpilogue epilogue)
        where TEpilogue : unmanaged, ITileEpilogue
    {
        nint padded = ColumnSums<V>.Padded(channels);
        float* shift = Scratch.Floats(padded + ColumnSums<V>.Floats(rows, channels));
        float* sums = shift + padded;
        Shift(x, rows, channels, shift, padded);
        ColumnSums<V>.Run(new Moments { X = x, Shift = shift }, rows, channels, sums);
        for (nint c = 0; c < channels; c++)
        {
            double distance = (double)sums[c] / rows;
            double variance = Math.Max(0, ((double)sums[padded + c] / rows) - (distance * distance));
            variance = double.IsNaN(sums[padded + c]) ? double.NaN : variance;
            double average = shift[c] + distance;
            mean[c] = (float)average;
            reciprocal[c] = (float)(1 / Math.Sqrt(variance + epsilon));
            if (runningMean.Address is not null)
            {
                runningMean[c] = (float)(((1 - momentum) * (double)runningMean[c]) + (momentum * average));
                runningVariance[c] = (float)(((1 - momentum) * (double)runningVariance[c]) + (momentum * variance * rows / (rows - 1.0)));
            }
        }

        Normalize(x, rows, channels, weight, bias, mean, reciprocal, y, shift, sums, epilogue);
    }

    /// <summary>As above, with nothing after it.</summary>
    public static void Train(
        Floats x, nint rows, nint channels, Floats weight, Floats bias, float momentum, float epsilon, Floats runningMean, Floats runningVariance, Floats y, Floats mean, Floats reciprocal) =>
        Train(x, rows, channels, weight, bias, momentum, epsilon, runningMean, runningVariance, y, mean, reciprocal, default(NoEpilogue));

    /// <summary>Normalises by statistics of an earlier <see cref="Train{TEpilogue}"/>: the same result, bit for bit.</summary>
    /// <param name="x">Operand [rows, channels].</param>
    /// <param name="rows">Values of a channel: samples times places.</param>
    /// <param name="channels">Channels.</param>
    /// <param name="weight">Scale [channels]; null for 1.</param>
    /// <param name="bias">Shift [channels]; null for 0.</param>
    /// <param name="mean">Mean [channels].</param>
    /// <param name="reciprocal">Reciprocal of the deviation [channels].</param>
    /// <param name="y">Result [rows, channels].</param>
    /// <param name="epilogue">Finishes blocks of rows of the result while they are in the cache.</param>
    public static void Apply<TEpilogue>(Floats x, nint rows, nint channels, Floats weight, Floats bias, Floats mean, Floats reciprocal, Floats y, TEpilogue epilogue)
        where TEpilogue : unmanaged, ITileEpilogue
    {
        nint padded = ColumnSums<V>.Padded(channels);
        float* shift = Scratch.Floats(3 * padded);
        Normalize(x, rows, channels, weight, bias, mean, reciprocal, y, shift, shift + padded, epilogue);
    }

    /// <summary>As above, with nothing after it.</summary>
    public static void Apply(Floats x, nint rows, nint channels, Floats weight, Floats bias, Floats mean, Floats reciprocal, Floats y) =>
        Apply(x, rows, channels, weight, bias, mean, reciprocal, y, default(NoEpilogue));

    /// <summary>Gradients of the operand, the scale and the shift.</summary>
    /// <param name="gradient">Gradient of the result [rows, channels].</param>
    /// <param name="x">Operand of the forward pass.</param>
    /// <param name="rows">Values of a channel.</param>
    /// <param name="channels">Channels.</param>
    /// <param name="weight">Scale; null for 1.</param>
    /// <param name="mean">Mean of the forward pass.</param>
    /// <param name="reciprocal">Reciprocal deviation of the forward pass.</param>
    /// <param name="dx">Receives the gradient of the operand.</param>
    /// <param name="dWeight">Receives that of the scale; null when it is not wanted.</param>
    /// <param name="dBias">Receives that of the shift; null when it is not wanted.</param>
    public static void Backward(Floats gradient, Floats x, nint rows, nint channels, Floats weight, Floats mean, Floats reciprocal, Floats dx, Floats dWeight, Floats dBias)
    {
        nint padded = ColumnSums<V>.Padded(channels);
        float* centre = Scratch.Floats(padded + Math.Max(ColumnSums<V>.Floats(rows, channels), 4 * padded));
        float* sums = centre + padded;
        for (nint c = 0; c < padded; c++)
        {
            centre[c] = c < channels ? mean[c] : 0;
        }

        ColumnSums<V>.Run(new Slopes { Gradient = gradient, X = x, Mean = centre }, rows, channels, sums);

        // dx = weight * r * (g - mean(g) - (x - m) r² mean(g (x - m))), as a sum of three terms with factors for each channel.
        float* constant = sums;
        float* byX = sums + padded;
        float* byGradient = sums + (2 * padded);
        for (nint c = 0; c < padded; c++)
        {
            bool there = c < channels;
            float r = there ? reciprocal[c] : 0;
            float factor = r * (there && weight.Address is not null ? weight[c] : 1);
            (float sumGradient, float sumProduct) = (sums[c], sums[padded + c]);
            if (there && dBias.Address is not null)
            {
                dBias[c] = sumGradient;
            }

            if (there && dWeight.Address is not null)
            {
                dWeight[c] = sumProduct * r;
            }

            byGradient[c] = factor;
            byX[c] = -factor * r * r * sumProduct / rows;
            constant[c] = -factor * sumGradient / rows;
        }

        var job = new GradientJob { Gradient = gradient, X = x, Result = dx, Channels = channels, Mean = centre, Constant = constant, ByX = byX, ByGradient = byGradient };
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

    private struct Moments : IColumnTerm<V>
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

    private struct Slopes : IColumnTerm<V>
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

    /// <summary>(x - mean) * reciprocal * weight + bias, by way of scratch memory, where whole vectors may be read past the last channel.</summary>
    private static void Normalize<TEpilogue>(
        Floats x, nint rows, nint channels, Floats weight, Floats bias, Floats mean, Floats reciprocal, Floats y, float* centre, float* factors, TEpilogue epilogue)
        where TEpilogue : unmanaged, ITileEpilogue
    {
        nint padded = ColumnSums<V>.Padded(channels);
        for (nint c = 0; c < padded; c++)
        {
            bool there = c < channels;
            centre[c] = there ? mean[c] : 0;
            factors[c] = there ? reciprocal[c] * (weight.Address is null ? 1 : weight[c]) : 0;
            factors[padded + c] = there && bias.Address is not null ? bias[c] : 0;
        }

        var job = new NormalJob<TEpilogue> { X = x, Y = y, Rows = rows, Channels = channels, Mean = centre, Factor = factors, Bias = factors + padded, Epilogue = epilogue, Step = Math.Clamp(4096 / Math.Max(channels, 1), 1, 256) };
        Workers.Run(ref job, (rows + job.Step - 1) / job.Step, 4);
    }

    private struct NormalJob<TEpilogue> : IRange
        where TEpilogue : unmanaged, ITileEpilogue
    {
        public float* X;
        public float* Y;
        public nint Rows;
        public nint Channels;
        public float* Mean;
        public float* Factor;
        public float* Bias;
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
                V.Fma(V.Load(x + c) - V.Load(Mean + c), V.Load(Factor + c), V.Load(Bias + c)).Store(y + c);
            }

            if (c < Channels)
            {
                V.Fma(V.Load(x + c) - V.Load(Mean + c), V.Load(Factor + c), V.Load(Bias + c)).StoreFirst(y + c, (int)(Channels - c));
            }
        }
    }

    private struct GradientJob : IRange
    {
        public float* Gradient;
        public float* X;
        public float* Result;
        public nint Channels;
        public float* Mean;
        public float* Constant;
        public float* ByX;
        public float* ByGradient;

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
            for (; c + V.Count <= Channels; c += V.Count)
            {
                At(gradient, x, c).Store(result + c);
            }

            if (c < Channels)
            {
                At(gradient, x, c).StoreFirst(result + c, (int)(Channels - c));
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private readonly V At(float* gradient, float* x, nint c) =>
            V.Fma(V.Load(gradient + c), V.Load(ByGradient + c), V.Fma(V.Load(x + c) - V.Load(Mean + c), V.Load(ByX + c), V.Load(Constant + c)));
    }
}
