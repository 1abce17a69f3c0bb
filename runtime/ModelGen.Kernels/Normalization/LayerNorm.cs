using System.ComponentModel;
using System.Runtime.CompilerServices;

namespace ModelGen.Kernels;

/// <summary>Layer normalisation of rows (J. Ba et al., arXiv:1607.06450). Backward computes mean and deviation of a row again while it is in the cache, so that nothing is kept.</summary>
/// <typeparam name="V">Register.</typeparam>
[EditorBrowsable(EditorBrowsableState.Never)]
public static unsafe class LayerNorm<V>
    where V : unmanaged, IVector<V>
{
    /// <summary>Normalises rows.</summary>
    /// <param name="x">Operand [rows, width].</param>
    /// <param name="rows">Rows.</param>
    /// <param name="width">Numbers of a row, 1 or more.</param>
    /// <param name="weight">Scale [width]; null for 1.</param>
    /// <param name="bias">Shift [width]; null for 0.</param>
    /// <param name="epsilon">Added to the variance.</param>
    /// <param name="y">Result.</param>
    public static void Forward(Floats x, nint rows, nint width, Floats weight, Floats bias, float epsilon, Floats y)
    {
        var job = new ForwardJob { X = x, Width = width, Weight = weight, Bias = bias, Epsilon = epsilon, Y = y };
        Workers.Share(ref job, rows, 1 + (8192 / width));
    }

    /// <summary>Gradients of the operand, the scale and the shift.</summary>
    /// <param name="gradient">Gradient of the result.</param>
    /// <param name="x">Operand of the forward pass.</param>
    /// <param name="rows">Rows.</param>
    /// <param name="width">Numbers of a row.</param>
    /// <param name="weight">Scale; null for 1.</param>
    /// <param name="epsilon">Added to the variance.</param>
    /// <param name="dx">Receives the gradient of the operand.</param>
    /// <param name="dWeight">Receives that of the scale; null when it is not wanted.</param>
    /// <param name="dBias">Receives that of the shift; null when it is not wanted.</param>
    public static void Backward(Floats gradient, Floats x, nint rows, nint width, Floats weight, float epsilon, Floats dx, Floats dWeight, Floats dBias)
    {
        nint worth = 1 + (4096 / width);
        int parts = Workers.For(rows, worth);
        nint padded = ColumnSums<V>.Padded(width);
        float* sums = Scratch.Floats(2 * (long)padded * parts);
        new Span<float>(sums, (int)(2 * padded * parts)).Clear();
        var job = new BackwardJob { Gradient = gradient, X = x, Width = width, Weight = weight, Epsilon = epsilon, Result = dx, Sums = sums, Padded = padded };
        Workers.Run(ref job, rows, worth);
        for (nint i = 0; i < width; i++)
        {
            float scale = 0;
            float shift = 0;
            for (int part = 0; part < parts; part++)
            {
                scale += sums[(2 * part * padded) + i];
                shift += sums[(((2 * part) + 1) * padded) + i];
            }

            if (dWeight.Address is not null)
            {
                dWeight[i] = scale;
            }

            if (dBias.Address is not null)
            {
                dBias[i] = shift;
            }
        }
    }

    /// <summary>Mean and reciprocal deviation of a row, in two passes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Statistics(float* x, nint width, float epsilon, out float mean, out float reciprocal)
    {
        nint whole = width / V.Count * V.Count;
        int rest = (int)(width - whole);
        V even = rest > 0 ? V.LoadFirst(x + whole, rest) : V.Zero;
        V odd = V.Zero;
        nint i = 0;
        for (; i + (2 * V.Count) <= whole; i += 2 * V.Count)
        {
            even += V.Load(x + i);
            odd += V.Load(x + i + V.Count);
        }

        if (i < whole)
        {
            odd += V.Load(x + i);
        }

        mean = V.Sum(even + odd) / width;
        V centre = V.All(mean);
        even = V.Zero;
        odd = V.Zero;
        for (i = 0; i + (2 * V.Count) <= whole; i += 2 * V.Count)
        {
            V a = V.Load(x + i) - centre;
            V b = V.Load(x + i + V.Count) - centre;
            even = V.Fma(a, a, even);
            odd = V.Fma(b, b, odd);
        }

        if (i < whole)
        {
            V a = V.Load(x + i) - centre;
            even = V.Fma(a, a, even);
        }

        float squares = V.Sum(even + odd);
        for (i = whole; i < width; i++)
        {
            squares += (x[i] - mean) * (x[i] - mean);
        }

        reciprocal = 1 / MathF.Sqrt((squares / width) + epsilon);
    }

    private struct ForwardJob : IRange
    {
        public float* X;
        public nint Width;
        public float* Weight;
        public float* Bias;
        public float Epsilon;
        public float* Y;

        public readonly void Run(nint from, nint to, int worker)
        {
            for (nint row = from; row < to; row++)
            {
                Statistics(X + (row * Width), Width, Epsilon, out float mean, out float reciprocal);
                Line(X + (row * Width), Y + (row * Width), mean, reciprocal);
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private readonly void Line(float* x, float* y, float mean, float reciprocal)
        {
            V centre = V.All(mean);
            V factor = V.All(reciprocal);
            for (nint i = 0; i < Width; i += V.Count)
            {
                int lanes = (int)Math.Min(V.Count, Width - i);
                V value = (Some(x + i, lanes) - centre) * factor;
                value = Weight is null ? value : value * Some(Weight + i, lanes);
                value = Bias is null ? value : value + Some(Bias + i, lanes);
                if (lanes == V.Count)
                {
                    value.Store(y + i);
                }
                else
                {
                    value.StoreFirst(y + i, lanes);
                }
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static V Some(float* place, int lanes) => lanes == V.Count ? V.Load(place) : V.LoadFirst(place, lanes);

    private struct BackwardJob : IRange
    {
        public float* Gradient;
        public float* X;
        public nint Width;
        public float* Weight;
        public float Epsilon;
        public float* Result;
        public float* Sums;
        public nint Padded;

        public readonly void Run(nint from, nint to, int worker)
        {
            float* own = Sums + (2 * worker * Padded);
            for (nint row = from; row < to; row++)
            {
                float* x = X + (row * Width);
                Statistics(x, Width, Epsilon, out float mean, out float reciprocal);
                Line(Gradient + (row * Width), x, Result + (row * Width), mean, reciprocal, own);
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private readonly void Line(float* gradient, float* x, float* result, float mean, float reciprocal, float* own)
        {
            V centre = V.All(mean);
            V factor = V.All(reciprocal);
            V sum = V.Zero;
            V product = V.Zero;
            for (nint i = 0; i < Width; i += V.Count)
            {
                int lanes = (int)Math.Min(V.Count, Width - i);
                V g = Some(gradient + i, lanes);

                // Lanes past the end have a gradient of zero, so what stands there in x counts nothing.
                V normal = (Some(x + i, lanes) - centre) * factor;
                V.Fma(g, normal, V.Load(own + i)).Store(own + i);
                (V.Load(own + Padded + i) + g).Store(own + Padded + i);
                V weighted = Weight is null ? g : g * Some(Weight + i, lanes);
                sum += weighted;
                product = V.Fma(weighted, normal, product);
            }

            V average = V.All(V.Sum(sum) / Width);
            V slope = V.All(V.Sum(product) / Width);
            for (nint i = 0; i < Width; i += V.Count)
            {
                int lanes = (int)Math.Min(V.Count, Width - i);
                V g = Some(gradient + i, lanes);
                V normal = (Some(x + i, lanes) - centre) * factor;
                V weighted = Weight is null ? g : g * Some(Weight + i, lanes);
                V value = factor * (weighted - average - (normal * slope));
                if (lanes == V.Count)
                {
                    value.Store(result + i);
                }
                else
                {
                    value.StoreFirst(result + i, lanes);
                }
            }
        }
    }
}
