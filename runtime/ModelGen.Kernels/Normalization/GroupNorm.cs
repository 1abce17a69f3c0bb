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
        var shape = new Shape(samples, places, channels, groups);
        float* tables = Statistics(shape, x, epsilon, 3, out _);
        nint padded = shape.Padded;
        for (nint sample = 0; sample < samples; sample++)
        {
            float* scale = tables + (((sample * 3) + 1) * padded);
            float* shift = scale + padded;
            for (nint c = 0; c < channels; c++)
            {
                scale[c] *= weight.Address is null ? 1 : weight[c];
                shift[c] = bias.Address is null ? 0 : bias[c];
            }
        }

        var job = new NormalJob { X = x, Tables = tables, Shape = shape, Y = y };
        Workers.Run(ref job, samples * places, 1 + (8192 / channels));
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
        var shape = new Shape(samples, places, channels, groups);
        nint padded = shape.Padded;
        float* tables = Statistics(shape, x, epsilon, 5, out float* sums);
        var job = new SumJob<Slopes> { Term = new Slopes { Gradient = gradient, X = x, Tables = tables, Padded = padded }, Shape = shape, Sums = sums };
        Workers.Run(ref job, samples * shape.Pieces, 1 + (8192 / (Math.Min(places, Piece) * channels)));
        for (nint c = 0; c < channels && dWeight.Address is not null; c++)
        {
            dWeight[c] = (float)Across(shape, sums, c, second: true);
        }

        for (nint c = 0; c < channels && dBias.Address is not null; c++)
        {
            dBias[c] = (float)Across(shape, sums, c, second: false);
        }

        nint width = channels / groups;
        for (nint group = 0; group < samples * groups; group++)
        {
            (nint sample, nint first) = (group / groups, group % groups * width);
            (double total, double product) = (0, 0);
            for (nint c = first; c < first + width; c++)
            {
                double scale = weight.Address is null ? 1 : weight[c];
                (double a, double b) = Sums(shape, sums, sample, c);
                total += scale * a;
                product += scale * b;
            }

            // dx = r w g - r mean(w g) - (x - mean) r r mean(w g n)
            float* table = tables + (sample * 5 * padded);
            for (nint c = first; c < first + width; c++)
            {
                double reciprocal = table[padded + c];
                table[(2 * padded) + c] = (float)(reciprocal * (weight.Address is null ? 1 : weight[c]));
                table[(3 * padded) + c] = (float)(reciprocal * total / (width * places));
                table[(4 * padded) + c] = (float)(reciprocal * reciprocal * product / (width * places));
            }
        }

        var last = new GradientJob { Gradient = gradient, X = x, Tables = tables, Shape = shape, Result = dx };
        Workers.Run(ref last, samples * places, 1 + (8192 / channels));
    }

    /// <summary>For each sample and channel, mean and reciprocal of the deviation of the group: the first two of some tables; the memory of the sums is kept for others.</summary>
    private static float* Statistics(Shape shape, float* x, float epsilon, int tables, out float* sums)
    {
        nint padded = shape.Padded;
        float* memory = Scratch.Floats((shape.Samples * tables * padded) + (shape.Samples * shape.Pieces * 2 * padded));
        sums = memory + (shape.Samples * tables * padded);
        nint width = shape.Channels / shape.Groups;

        // Sums are of distances from a number of the group, so that a mean far above the deviation costs no accuracy. It lies where the mean will.
        for (nint sample = 0; sample < shape.Samples; sample++)
        {
            float* start = memory + (sample * tables * padded);
            new Span<float>(start, (int)padded).Clear();
            for (nint c = 0; c < shape.Channels; c++)
            {
                start[c] = x[(sample * shape.Places * shape.Channels) + (c / width * width)];
            }
        }

        var job = new SumJob<Moments> { Term = new Moments { X = x, Shift = memory, Step = tables * padded }, Shape = shape, Sums = sums };
        Workers.Run(ref job, shape.Samples * shape.Pieces, 1 + (8192 / (Math.Min(shape.Places, Piece) * shape.Channels)));
        double count = (double)width * shape.Places;
        for (nint group = 0; group < shape.Samples * shape.Groups; group++)
        {
            (nint sample, nint first) = (group / shape.Groups, group % shape.Groups * width);
            float* table = memory + (sample * tables * padded);
            (double total, double squares) = (0, 0);
            for (nint c = first; c < first + width; c++)
            {
                (double a, double b) = Sums(shape, sums, sample, c);
                total += a;
                squares += b;
            }

            double distance = total / count;
            double variance = (squares / count) - (distance * distance);
            float mean = (float)(table[first] + distance);
            float reciprocal = (float)(1 / Math.Sqrt((variance < 0 ? 0 : variance) + epsilon));
            new Span<float>(table + first, (int)width).Fill(mean);
            new Span<float>(table + padded + first, (int)width).Fill(reciprocal);
        }

        return memory;
    }

    private static (double A, double B) Sums(Shape shape, float* sums, nint sample, nint channel)
    {
        (double a, double b) = (0, 0);
        for (nint piece = 0; piece < shape.Pieces; piece++)
        {
            float* own = sums + (((sample * shape.Pieces) + piece) * 2 * shape.Padded);
            a += own[channel];
            b += own[shape.Padded + channel];
        }

        return (a, b);
    }

    private static double Across(Shape shape, float* sums, nint channel, bool second)
    {
        double total = 0;
        for (nint sample = 0; sample < shape.Samples; sample++)
        {
            (double a, double b) = Sums(shape, sums, sample, channel);
            total += second ? b : a;
        }

        return total;
    }

    private readonly struct Shape(nint samples, nint places, nint channels, nint groups)
    {
        public nint Samples => samples;

        public nint Places => places;

        public nint Channels => channels;

        public nint Groups => groups;

        public nint Padded => ColumnSums<V>.Padded(channels);

        public nint Pieces => (places + Piece - 1) / Piece;
    }

    private interface ITerm
    {
        /// <summary>Two numbers of an element.</summary>
        void At(nint index, nint sample, nint column, out V a, out V b);
    }

    private struct Moments : ITerm
    {
        public float* X;
        public float* Shift;
        public nint Step;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public readonly void At(nint index, nint sample, nint column, out V a, out V b)
        {
            a = V.Load(X + index) - V.Load(Shift + (sample * Step) + column);
            b = a * a;
        }
    }

    private struct Slopes : ITerm
    {
        public float* Gradient;
        public float* X;
        public float* Tables;
        public nint Padded;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public readonly void At(nint index, nint sample, nint column, out V a, out V b)
        {
            float* table = Tables + (sample * 5 * Padded) + column;
            a = V.Load(Gradient + index);
            b = a * ((V.Load(X + index) - V.Load(table)) * V.Load(table + Padded));
        }
    }

    /// <summary>Sums of both numbers of a term over the places of a piece.</summary>
    private struct SumJob<TTerm> : IRange
        where TTerm : unmanaged, ITerm
    {
        public TTerm Term;
        public Shape Shape;
        public float* Sums;

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public readonly void Run(nint from, nint to, int worker)
        {
            (nint padded, nint channels, nint places, nint pieces) = (Shape.Padded, Shape.Channels, Shape.Places, Shape.Pieces);
            for (nint unit = from; unit < to; unit++)
            {
                (nint sample, nint first) = (unit / pieces, unit % pieces * Piece);
                float* own = Sums + (unit * 2 * padded);
                nint start = ((sample * places) + first) * channels;
                nint rows = Math.Min(Piece, places - first);
                for (nint column = 0; column < padded; column += V.Count)
                {
                    V a = V.Zero;
                    V b = V.Zero;
                    nint index = start + column;
                    for (nint row = 0; row < rows; row++, index += channels)
                    {
                        Term.At(index, sample, column, out V x, out V y);
                        a += x;
                        b += y;
                    }

                    a.Store(own + column);
                    b.Store(own + padded + column);
                }
            }
        }
    }

    private struct NormalJob : IRange
    {
        public float* X;
        public float* Tables;
        public Shape Shape;
        public float* Y;

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public readonly void Run(nint from, nint to, int worker)
        {
            (nint padded, nint channels, nint places) = (Shape.Padded, Shape.Channels, Shape.Places);
            for (nint row = from; row < to; row++)
            {
                float* table = Tables + (row / places * 3 * padded);
                float* x = X + (row * channels);
                float* y = Y + (row * channels);
                nint i = 0;
                for (; i + V.Count <= channels; i += V.Count)
                {
                    V.Fma(V.Load(x + i) - V.Load(table + i), V.Load(table + padded + i), V.Load(table + (2 * padded) + i)).Store(y + i);
                }

                if (i < channels)
                {
                    V.Fma(V.Load(x + i) - V.Load(table + i), V.Load(table + padded + i), V.Load(table + (2 * padded) + i)).StoreFirst(y + i, (int)(channels - i));
                }
            }
        }
    }

    private struct GradientJob : IRange
    {
        public float* Gradient;
        public float* X;
        public float* Tables;
        public Shape Shape;
        public float* Result;

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public readonly void Run(nint from, nint to, int worker)
        {
            (nint channels, nint places) = (Shape.Channels, Shape.Places);
            for (nint row = from; row < to; row++)
            {
                float* table = Tables + (row / places * 5 * Shape.Padded);
                float* result = Result + (row * channels);
                nint i = 0;
                for (; i + V.Count <= channels; i += V.Count)
                {
                    At(row * channels, table, i).Store(result + i);
                }

                if (i < channels)
                {
                    At(row * channels, table, i).StoreFirst(result + i, (int)(channels - i));
                }
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private readonly V At(nint row, float* table, nint column)
        {
            nint padded = Shape.Padded;
            table += column;
            V distance = V.Load(X + row + column) - V.Load(table);
            return (V.Load(Gradient + row + column) * V.Load(table + (2 * padded))) - V.Load(table + (3 * padded)) - (distance * V.Load(table + (4 * padded)));
        }
    }
}
