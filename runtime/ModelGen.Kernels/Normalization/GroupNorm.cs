using System.ComponentModel;
using System.Runtime.CompilerServices;

namespace ModelGen.Kernels;

/// <summary>
/// Group normalisation (Y. Wu, K. He, arXiv:1803.08494) of images with channels last, <c>[samples, places, channels]</c>. With a group for each channel it is instance normalisation,
/// and with one sample besides the batch normalisation of a model without running statistics. Backward computes the statistics again, so that nothing is kept.
/// </summary>
/// <typeparam name="V">Register.</typeparam>
[EditorBrowsable(EditorBrowsableState.Never)]
public static unsafe class GroupNorm<V>
    where V : unmanaged, IVector<V>
{
    /// <summary>Places whose sums are taken in float32; they are added in float64.</summary>
    private const nint Piece = 256;

    /// <summary>Floats of operands that stay in a core's second cache from the first pass over them to the last.</summary>
    private const nint Near = 131_072;

    private enum Pass
    {
        Moments,
        Slopes,
        Write,
    }

    private interface ITerm
    {
        /// <summary>Adds the two numbers of an element to what is there.</summary>
        void Add(nint index, V shift, ref V a, ref V b);
    }

    /// <summary>Normalises.</summary>
    /// <param name="x">Operand [samples, places, channels].</param>
    /// <param name="samples">Samples.</param>
    /// <param name="places">Values of a channel of a sample.</param>
    /// <param name="channels">Channels.</param>
    /// <param name="groups">Groups of equally many neighbouring channels.</param>
    /// <param name="weight">Scale [channels]; null for 1.</param>
    /// <param name="bias">Shift [channels]; null for 0.</param>
    /// <param name="epsilon">Added to the variance.</param>
    /// <param name="y">Result.</param>
    public static void Forward(Floats x, nint samples, nint places, nint channels, nint groups, Floats weight, Floats bias, float epsilon, Floats y)
    {
        var passes = new Passes(samples, places, channels, groups, tables: 3) { X = x, Weight = weight, Bias = bias, Epsilon = epsilon, Result = y };
        passes.Run();
    }

    /// <summary>Gradients of the operand, the scale and the shift.</summary>
    /// <param name="gradient">Gradient of the result.</param>
    /// <param name="x">Operand of the forward pass.</param>
    /// <param name="samples">Samples.</param>
    /// <param name="places">Values of a channel of a sample.</param>
    /// <param name="channels">Channels.</param>
    /// <param name="groups">Groups.</param>
    /// <param name="weight">Scale; null for 1.</param>
    /// <param name="epsilon">Added to the variance.</param>
    /// <param name="dx">Receives the gradient of the operand.</param>
    /// <param name="dWeight">Receives that of the scale; null when it is not wanted.</param>
    /// <param name="dBias">Receives that of the shift; null when it is not wanted.</param>
    public static void Backward(Floats gradient, Floats x, nint samples, nint places, nint channels, nint groups, Floats weight, float epsilon, Floats dx, Floats dWeight, Floats dBias)
    {
        var passes = new Passes(samples, places, channels, groups, tables: 5) { X = x, Gradient = gradient, Weight = weight, Epsilon = epsilon, Result = dx };
        passes.Run();
        for (nint c = 0; c < channels && (dWeight.Address is not null || dBias.Address is not null); c++)
        {
            (double scale, double shift) = passes.Across(c);
            if (dWeight.Address is not null)
            {
                dWeight[c] = (float)scale;
            }

            if (dBias.Address is not null)
            {
                dBias[c] = (float)shift;
            }
        }
    }

    /// <summary>The passes over samples. What they compute does not depend on how samples and places are shared out.</summary>
    private struct Passes
    {
        public float* X;
        public float* Gradient;
        public float* Weight;
        public float* Bias;
        public float Epsilon;
        public float* Result;

        private readonly nint tables;
        private readonly nint padded;
        private readonly nint width;

        /// <summary>
        /// Of each sample, rows of numbers of channels: mean of the group, then factor and bias of the result; or reciprocal of the group's deviation, and the three numbers of the gradient.
        /// </summary>
        private readonly float* memory;

        /// <summary>Of each piece of each sample, two rows of sums of channels.</summary>
        private readonly float* sums;

        public Passes(nint samples, nint places, nint channels, nint groups, nint tables)
        {
            (Samples, Places, Channels, width, this.tables) = (samples, places, channels, channels / groups, tables);
            padded = ColumnSums<V>.Padded(channels);
            Pieces = (places + Piece - 1) / Piece;
            memory = Scratch.Floats((samples * tables * padded) + (samples * Pieces * 2 * padded));
            sums = memory + (samples * tables * padded);
        }

        public nint Samples { get; }

        public nint Places { get; }

        public nint Channels { get; }

        public nint Pieces { get; }

        /// <summary>
        /// Runs all passes sample by sample: each sample on one worker where it stays in the cache and there are enough of them for all, else large samples one after the other on all workers and
        /// small ones together. Blocks of channels would stay in the cache, too, but their rows lie apart and share few of its sets, so that they evict each other.
        /// </summary>
        public void Run()
        {
            nint size = Places * Channels * (Gradient is null ? 1 : 2);
            if (size <= Near && Samples >= Math.Min(4 * Workers.Available, Samples * Pieces))
            {
                var job = new SampleJob { Passes = this };
                Workers.Run(ref job, Samples, 1 + (8192 / Math.Max(size, 1)));
                return;
            }

            nint together = size >= Near && Pieces >= Workers.Available ? 1 : Samples;
            for (nint first = 0; first < Samples; first += together)
            {
                Together(first, first + together);
            }
        }

        /// <summary>All passes over some samples, on all workers. The last one goes from the last piece of a worker to its first: the last ones are still in the cache.</summary>
        private void Together(nint first, nint end)
        {
            for (nint sample = first; sample < end; sample++)
            {
                Begin(sample);
            }

            All(Pass.Moments, first, end);
            for (nint sample = first; sample < end; sample++)
            {
                Settle(sample);
            }

            if (Gradient is not null)
            {
                All(Pass.Slopes, first, end);
                for (nint sample = first; sample < end; sample++)
                {
                    Combine(sample);
                }
            }

            All(Pass.Write, first, end);
        }

        /// <summary>One pass over a piece.</summary>
        public readonly void Run(Pass pass, nint sample, nint piece)
        {
            nint start = ((sample * Places) + (piece * Piece)) * Channels;
            nint rows = Math.Min(Piece, Places - (piece * Piece));
            float* table = memory + (sample * tables * padded);
            float* own = sums + (((sample * Pieces) + piece) * 2 * padded);
            switch (pass)
            {
                case Pass.Moments:
                    Sum(new MomentsTerm { X = X + start }, table, rows, own);
                    break;
                case Pass.Slopes:
                    Sum(new SlopesTerm { X = X + start, Gradient = Gradient + start }, table, rows, own);
                    break;
                default:
                    if (Gradient is null)
                    {
                        Results(X + start, table, padded, rows, Channels, Result + start);
                    }
                    else
                    {
                        Gradients(Gradient + start, X + start, table, padded, rows, Channels, Result + start);
                    }

                    break;
            }
        }

        /// <summary>Sums are of distances from a number of the group, so that a mean far above the deviation costs no accuracy. It lies where the mean will.</summary>
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public readonly void Begin(nint sample)
        {
            float* table = memory + (sample * tables * padded);
            for (nint c = 0; c < Channels; c++)
            {
                table[c] = X[(sample * Places * Channels) + (c / width * width)];
            }
        }

        /// <summary>Statistics of groups from their sums.</summary>
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public readonly void Settle(nint sample)
        {
            float* table = memory + (sample * tables * padded);
            double count = (double)width * Places;
            for (nint group = 0; group < Channels; group += width)
            {
                (double total, double squares) = (0, 0);
                for (nint c = group; c < group + width; c++)
                {
                    (double a, double b) = Sums(sample, c);
                    total += a;
                    squares += b;
                }

                double distance = total / count;
                double variance = (squares / count) - (distance * distance);
                float mean = (float)(table[group] + distance);
                float reciprocal = (float)(1 / Math.Sqrt((variance < 0 ? 0 : variance) + Epsilon));
                for (nint c = group; c < group + width; c++)
                {
                    table[c] = mean;
                    table[padded + c] = Gradient is null && Weight is not null ? reciprocal * Weight[c] : reciprocal;
                    table[(2 * padded) + c] = Bias is null ? 0 : Bias[c];
                }
            }
        }

        /// <summary>The numbers of the gradient from sums of slopes: dx = r w g - r mean(w g) - (x - mean) r r mean(w g n).</summary>
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public readonly void Combine(nint sample)
        {
            float* table = memory + (sample * tables * padded);
            double count = (double)width * Places;
            for (nint group = 0; group < Channels; group += width)
            {
                double reciprocal = table[padded + group];
                (double total, double product) = (0, 0);
                for (nint c = group; c < group + width; c++)
                {
                    double scale = Weight is null ? 1 : Weight[c];
                    (double a, double b) = Sums(sample, c);
                    total += scale * a;
                    product += scale * b;
                }

                for (nint c = group; c < group + width; c++)
                {
                    table[(2 * padded) + c] = (float)(reciprocal * (Weight is null ? 1 : Weight[c]));
                    table[(3 * padded) + c] = (float)(reciprocal * total / count);
                    table[(4 * padded) + c] = (float)(reciprocal * reciprocal * reciprocal * product / count);
                }
            }
        }

        /// <summary>Sums over all samples for the gradients of scale and shift.</summary>
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public readonly (double Scale, double Shift) Across(nint channel)
        {
            (double scale, double shift) = (0, 0);
            for (nint sample = 0; sample < Samples; sample++)
            {
                (double a, double b) = Sums(sample, channel);
                scale += memory[(((sample * tables) + 1) * padded) + channel] * b;
                shift += a;
            }

            return (scale, shift);
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private readonly (double A, double B) Sums(nint sample, nint channel)
        {
            (double a, double b) = (0, 0);
            for (nint piece = 0; piece < Pieces; piece++)
            {
                float* own = sums + (((sample * Pieces) + piece) * 2 * padded);
                a += own[channel];
                b += own[padded + channel];
            }

            return (a, b);
        }

        private readonly void All(Pass pass, nint first, nint end)
        {
            var job = new PassJob { Passes = this, Pass = pass, First = first * Pieces };
            Workers.Run(ref job, (end - first) * Pieces, 1 + (8192 / Math.Max(Math.Min(Places, Piece) * Channels, 1)));
        }

        /// <summary>Sums both numbers of a term over rows, four at a time: memory is read in order and the sums lie in the nearest cache.</summary>
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private readonly void Sum<TTerm>(TTerm term, float* shifts, nint rows, float* first)
            where TTerm : unmanaged, ITerm
        {
            nint channels = Channels;
            float* second = first + padded;
            for (nint i = 0; i < channels; i += V.Count)
            {
                V.Zero.Store(first + i);
                V.Zero.Store(second + i);
            }

            nint row = 0;
            for (; row + 4 <= rows; row += 4)
            {
                nint start = row * channels;
                for (nint i = 0; i < channels; i += V.Count)
                {
                    V shift = V.Load(shifts + i);
                    V a = V.Zero;
                    V b = V.Zero;
                    term.Add(start + i, shift, ref a, ref b);
                    term.Add(start + channels + i, shift, ref a, ref b);
                    term.Add(start + (2 * channels) + i, shift, ref a, ref b);
                    term.Add(start + (3 * channels) + i, shift, ref a, ref b);
                    (V.Load(first + i) + a).Store(first + i);
                    (V.Load(second + i) + b).Store(second + i);
                }
            }

            for (; row < rows; row++)
            {
                for (nint i = 0; i < channels; i += V.Count)
                {
                    V a = V.Load(first + i);
                    V b = V.Load(second + i);
                    term.Add((row * channels) + i, V.Load(shifts + i), ref a, ref b);
                    a.Store(first + i);
                    b.Store(second + i);
                }
            }
        }
    }

    /// <summary>Results of rows, two at a time, so that the numbers of channels are loaded once for them.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Results(float* x, float* table, nint padded, nint rows, nint channels, float* y)
    {
        for (nint row = 0; row < rows; row += 2)
        {
            // An odd last row is written twice.
            nint next = row + 1 < rows ? channels : 0;
            nint i = 0;
            for (; i + V.Count <= channels; i += V.Count)
            {
                (V mean, V factor, V bias) = (V.Load(table + i), V.Load(table + padded + i), V.Load(table + (2 * padded) + i));
                V.Fma(V.Load(x + i) - mean, factor, bias).Store(y + i);
                V.Fma(V.Load(x + next + i) - mean, factor, bias).Store(y + next + i);
            }

            if (i < channels)
            {
                (V mean, V factor, V bias) = (V.Load(table + i), V.Load(table + padded + i), V.Load(table + (2 * padded) + i));
                V.Fma(V.Load(x + i) - mean, factor, bias).StoreFirst(y + i, (int)(channels - i));
                V.Fma(V.Load(x + next + i) - mean, factor, bias).StoreFirst(y + next + i, (int)(channels - i));
            }

            x += 2 * channels;
            y += 2 * channels;
        }
    }

    /// <summary>Gradients of rows.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Gradients(float* gradient, float* x, float* table, nint padded, nint rows, nint channels, float* dx)
    {
        for (nint row = 0; row < rows; row++, gradient += channels, x += channels, dx += channels)
        {
            nint i = 0;
            for (; i + V.Count <= channels; i += V.Count)
            {
                GradientAt(gradient + i, x + i, table + i, padded).Store(dx + i);
            }

            if (i < channels)
            {
                GradientAt(gradient + i, x + i, table + i, padded).StoreFirst(dx + i, (int)(channels - i));
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static V GradientAt(float* gradient, float* x, float* table, nint padded) =>
        (V.Load(gradient) * V.Load(table + (2 * padded))) - V.Load(table + (3 * padded)) - ((V.Load(x) - V.Load(table)) * V.Load(table + (4 * padded)));

    private readonly struct MomentsTerm : ITerm
    {
        public required float* X { get; init; }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void Add(nint index, V shift, ref V a, ref V b)
        {
            V distance = V.Load(X + index) - shift;
            a += distance;
            b = V.Fma(distance, distance, b);
        }
    }

    private readonly struct SlopesTerm : ITerm
    {
        public required float* X { get; init; }

        public required float* Gradient { get; init; }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void Add(nint index, V shift, ref V a, ref V b)
        {
            V gradient = V.Load(Gradient + index);
            a += gradient;
            b = V.Fma(gradient, V.Load(X + index) - shift, b);
        }
    }

    /// <summary>All passes over samples.</summary>
    private struct SampleJob : IRange
    {
        public Passes Passes;

        public readonly void Run(nint from, nint to, int worker)
        {
            for (nint sample = from; sample < to; sample++)
            {
                Passes.Begin(sample);
                Each(Pass.Moments, sample);
                Passes.Settle(sample);
                if (Passes.Gradient is not null)
                {
                    Each(Pass.Slopes, sample);
                    Passes.Combine(sample);
                }

                Each(Pass.Write, sample);
            }
        }

        private readonly void Each(Pass pass, nint sample)
        {
            for (nint piece = 0; piece < Passes.Pieces; piece++)
            {
                Passes.Run(pass, sample, piece);
            }
        }
    }

    /// <summary>One pass over pieces.</summary>
    private struct PassJob : IRange
    {
        public Passes Passes;
        public Pass Pass;

        /// <summary>First piece, counted over all samples.</summary>
        public nint First;

        public readonly void Run(nint from, nint to, int worker)
        {
            for (nint i = from; i < to; i++)
            {
                nint unit = First + (Pass == Pass.Write ? to - 1 - (i - from) : i);
                Passes.Run(Pass, unit / Passes.Pieces, unit % Passes.Pieces);
            }
        }
    }
}
