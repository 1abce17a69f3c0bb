using System.ComponentModel;
using System.Runtime.CompilerServices;

namespace ModelGen.Kernels;

/// <summary>
/// Softmax, its logarithm and the logarithm of the sum of exponentials along the middle dimension of <c>[outer, length, inner]</c>, and gradients. Rows (<c>inner</c> of 1) are
/// read from memory once as long as they stay in the cache; otherwise columns are handled side by side.
/// </summary>
/// <typeparam name="V">Register.</typeparam>
[EditorBrowsable(EditorBrowsableState.Never)]
public static unsafe class Softmax<V>
    where V : unmanaged, IVector<V>
{
    /// <summary>Numbers whose sum is added up in float32; sums of parts are added in float64.</summary>
    private const nint Part = 1024;

    /// <summary>Softmax.</summary>
    /// <param name="x">Operand.</param>
    /// <param name="outer">Size of the first dimension.</param>
    /// <param name="length">Size of the dimension that sums to 1.</param>
    /// <param name="inner">Size of the last.</param>
    /// <param name="y">Result.</param>
    public static void Forward(Floats x, nint outer, nint length, nint inner, Floats y) => Run<Probabilities>(default, x, outer, length, inner, y);

    /// <summary>Logarithm of the softmax.</summary>
    /// <param name="x">Operand.</param>
    /// <param name="outer">Size of the first dimension.</param>
    /// <param name="length">Size of the dimension whose exponentials sum to 1.</param>
    /// <param name="inner">Size of the last.</param>
    /// <param name="y">Result.</param>
    public static void Logarithm(Floats x, nint outer, nint length, nint inner, Floats y) => Run<Logarithms>(default, x, outer, length, inner, y);

    /// <summary>Logarithm of the sum of exponentials.</summary>
    /// <param name="x">Operand.</param>
    /// <param name="outer">Size of the first dimension.</param>
    /// <param name="length">Size of the summed one.</param>
    /// <param name="inner">Size of the last.</param>
    /// <param name="y">Result [outer, inner].</param>
    public static void LogSumExp(Floats x, nint outer, nint length, nint inner, Floats y) => Run<Sums>(default, x, outer, length, inner, y);

    /// <summary>Gradient of the softmax.</summary>
    /// <param name="gradient">Gradient of the result.</param>
    /// <param name="y">Result.</param>
    /// <param name="outer">Size of the first dimension.</param>
    /// <param name="length">Size of the dimension that sums to 1.</param>
    /// <param name="inner">Size of the last.</param>
    /// <param name="result">Receives the gradient of the operand.</param>
    public static void Backward(Floats gradient, Floats y, nint outer, nint length, nint inner, Floats result) => Run<ProbabilitySlopes>(gradient, y, outer, length, inner, result);

    /// <summary>Gradient of the logarithm of the softmax.</summary>
    /// <param name="gradient">Gradient of the result.</param>
    /// <param name="y">Result.</param>
    /// <param name="outer">Size of the first dimension.</param>
    /// <param name="length">Size of the dimension whose exponentials sum to 1.</param>
    /// <param name="inner">Size of the last.</param>
    /// <param name="result">Receives the gradient of the operand.</param>
    public static void LogarithmBackward(Floats gradient, Floats y, nint outer, nint length, nint inner, Floats result) => Run<LogarithmSlopes>(gradient, y, outer, length, inner, result);

    private static void Run<TLine>(Floats gradient, Floats x, nint outer, nint length, nint inner, Floats result)
        where TLine : unmanaged, ILine
    {
        var job = new Job<TLine> { Gradient = gradient, X = x, Length = length, Inner = inner, Blocks = (inner + V.Count - 1) / V.Count, Result = result };
        Workers.Share(ref job, outer * job.Blocks, 1 + (4096 / Math.Max(length * Math.Min(inner, V.Count), 1)));
    }

    /// <summary>What is done with a row, or with a vector of columns side by side.</summary>
    private interface ILine
    {
        static abstract bool IsReduced { get; }

        static abstract void Row(float* gradient, float* x, nint length, float* result);

        static abstract void Columns(float* gradient, float* x, nint length, nint inner, int lanes, float* result);
    }

    private struct Job<TLine> : IRange
        where TLine : unmanaged, ILine
    {
        public float* Gradient;
        public float* X;
        public nint Length;
        public nint Inner;
        public nint Blocks;
        public float* Result;

        public readonly void Run(nint from, nint to, int worker)
        {
            for (nint unit = from; unit < to; unit++)
            {
                (nint outer, nint column) = (unit / Blocks, unit % Blocks * V.Count);
                nint place = (outer * Length * Inner) + column;
                float* result = Result + (TLine.IsReduced ? (outer * Inner) + column : place);
                if (Inner == 1)
                {
                    TLine.Row(Gradient + place, X + place, Length, result);
                }
                else
                {
                    TLine.Columns(Gradient + place, X + place, Length, Inner, (int)Math.Min(V.Count, Inner - column), result);
                }
            }
        }
    }

    /// <summary>The largest number of a row; where there is a NaN it need not show up, as its exponential does.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal static float Largest(float* x, nint length)
    {
        V a = V.All(float.NegativeInfinity);
        V b = a;
        nint i = 0;
        for (; i + (2 * V.Count) <= length; i += 2 * V.Count)
        {
            a = V.Max(a, V.Load(x + i));
            b = V.Max(b, V.Load(x + i + V.Count));
        }

        for (; i + V.Count <= length; i += V.Count)
        {
            a = V.Max(a, V.Load(x + i));
        }

        a = V.Max(a, b);
        float* lanes = stackalloc float[V.Count];
        a.Store(lanes);
        float most = lanes[0];
        for (int lane = 1; lane < V.Count; lane++)
        {
            most = MathF.Max(most, lanes[lane]);
        }

        for (; i < length; i++)
        {
            most = MathF.Max(most, x[i]);
        }

        return most;
    }

    /// <summary>Sum of the exponentials of the distances from a number, which are kept where there is room.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal static double Exponentials(float* x, nint length, float shift, float* kept)
    {
        float* lanes = stackalloc float[V.Count];
        V most = V.All(shift);
        double total = 0;
        for (nint start = 0; start < length; start += Part)
        {
            V sum = V.Zero;
            nint end = Math.Min(length, start + Part);
            nint i = start;
            for (; i + V.Count <= end; i += V.Count)
            {
                V e = VectorMath.Exp(V.Load(x + i) - most);
                if (kept is not null)
                {
                    e.Store(kept + i);
                }

                sum += e;
            }

            total += V.Sum(sum);
            if (i < end)
            {
                VectorMath.Exp(V.LoadFirst(x + i, (int)(end - i)) - most).Store(lanes);
                for (int lane = 0; lane < end - i; lane++)
                {
                    total += lanes[lane];
                }

                if (kept is not null)
                {
                    V.Load(lanes).StoreFirst(kept + i, (int)(end - i));
                }
            }
        }

        return total;
    }

    /// <summary>Sum of a row, in parts.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal static double Total(float* x, nint length)
    {
        double total = 0;
        for (nint start = 0; start < length; start += Part)
        {
            V sum = V.Zero;
            nint end = Math.Min(length, start + Part);
            nint i = start;
            for (; i + V.Count <= end; i += V.Count)
            {
                sum += V.Load(x + i);
            }

            total += V.Sum(sum + V.LoadFirst(x + i, (int)(end - i)));
        }

        return total;
    }

    /// <summary>The largest number of each column, and the sum of the exponentials of the distances from it, which are kept where there is room.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static V Exponentials(float* x, nint length, nint inner, int lanes, float* kept, out V most)
    {
        most = V.All(float.NegativeInfinity);
        for (nint row = 0; row < length; row++)
        {
            most = V.Max(most, V.Load(x + (row * inner)));
        }

        V total = V.Zero;
        for (nint start = 0; start < length; start += 256)
        {
            V sum = V.Zero;
            nint end = Math.Min(length, start + 256);
            for (nint row = start; row < end; row++)
            {
                V e = VectorMath.Exp(V.Load(x + (row * inner)) - most);
                if (kept is not null)
                {
                    Put(e, kept + (row * inner), lanes);
                }

                sum += e;
            }

            total += sum;
        }

        return total;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Put(V value, float* place, int lanes)
    {
        if (lanes == V.Count)
        {
            value.Store(place);
        }
        else
        {
            value.StoreFirst(place, lanes);
        }
    }

    private readonly struct Probabilities : ILine
    {
        public static bool IsReduced => false;

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public static void Row(float* gradient, float* x, nint length, float* result)
        {
            V factor = V.All((float)(1 / Exponentials(x, length, Largest(x, length), result)));
            nint i = 0;
            for (; i + V.Count <= length; i += V.Count)
            {
                (V.Load(result + i) * factor).Store(result + i);
            }

            if (i < length)
            {
                (V.LoadFirst(result + i, (int)(length - i)) * factor).StoreFirst(result + i, (int)(length - i));
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public static void Columns(float* gradient, float* x, nint length, nint inner, int lanes, float* result)
        {
            V factor = V.All(1) / Exponentials(x, length, inner, lanes, result, out _);
            for (nint row = 0; row < length; row++)
            {
                float* place = result + (row * inner);
                Put(V.LoadFirst(place, lanes) * factor, place, lanes);
            }
        }
    }

    private readonly struct Logarithms : ILine
    {
        public static bool IsReduced => false;

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public static void Row(float* gradient, float* x, nint length, float* result)
        {
            float most = Largest(x, length);
            (V shift, V log) = (V.All(most), V.All((float)Math.Log(Exponentials(x, length, most, null))));
            nint i = 0;
            for (; i + V.Count <= length; i += V.Count)
            {
                (V.Load(x + i) - shift - log).Store(result + i);
            }

            if (i < length)
            {
                (V.LoadFirst(x + i, (int)(length - i)) - shift - log).StoreFirst(result + i, (int)(length - i));
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public static void Columns(float* gradient, float* x, nint length, nint inner, int lanes, float* result)
        {
            V log = V.Log(Exponentials(x, length, inner, lanes, null, out V most));
            for (nint row = 0; row < length; row++)
            {
                Put(V.Load(x + (row * inner)) - most - log, result + (row * inner), lanes);
            }
        }
    }

    private readonly struct Sums : ILine
    {
        public static bool IsReduced => true;

        public static void Row(float* gradient, float* x, nint length, float* result)
        {
            // Among infinities the distances would be NaN.
            float most = Largest(x, length);
            float shift = float.IsInfinity(most) ? 0 : most;
            *result = (float)(shift + Math.Log(Exponentials(x, length, shift, null)));
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public static void Columns(float* gradient, float* x, nint length, nint inner, int lanes, float* result)
        {
            V total = Exponentials(x, length, inner, lanes, null, out V most);
            V finite = most + V.Log(total);

            // Among infinities the distances would be NaN; a NaN stays one.
            V special = V.Zero;
            for (nint row = 0; row < length; row++)
            {
                special += VectorMath.Exp(V.Load(x + (row * inner)));
            }

            Put(V.Select(V.Equal(V.Abs(most), V.All(float.PositiveInfinity)), V.Log(special), finite), result, lanes);
        }
    }

    private readonly struct ProbabilitySlopes : ILine
    {
        public static bool IsReduced => false;

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public static void Row(float* gradient, float* y, nint length, float* result)
        {
            V a = V.Zero;
            V b = V.Zero;
            nint i = 0;
            for (; i + (2 * V.Count) <= length; i += 2 * V.Count)
            {
                a = V.Fma(V.Load(gradient + i), V.Load(y + i), a);
                b = V.Fma(V.Load(gradient + i + V.Count), V.Load(y + i + V.Count), b);
            }

            for (; i < length; i += V.Count)
            {
                int lanes = (int)Math.Min(V.Count, length - i);
                a = V.Fma(V.LoadFirst(gradient + i, lanes), V.LoadFirst(y + i, lanes), a);
            }

            V sum = V.All(V.Sum(a + b));
            for (i = 0; i + V.Count <= length; i += V.Count)
            {
                (V.Load(y + i) * (V.Load(gradient + i) - sum)).Store(result + i);
            }

            if (i < length)
            {
                int lanes = (int)(length - i);
                (V.LoadFirst(y + i, lanes) * (V.LoadFirst(gradient + i, lanes) - sum)).StoreFirst(result + i, lanes);
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public static void Columns(float* gradient, float* y, nint length, nint inner, int lanes, float* result)
        {
            V sum = V.Zero;
            for (nint row = 0; row < length; row++)
            {
                sum = V.Fma(V.Load(gradient + (row * inner)), V.Load(y + (row * inner)), sum);
            }

            for (nint row = 0; row < length; row++)
            {
                Put(V.Load(y + (row * inner)) * (V.Load(gradient + (row * inner)) - sum), result + (row * inner), lanes);
            }
        }
    }

    private readonly struct LogarithmSlopes : ILine
    {
        public static bool IsReduced => false;

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public static void Row(float* gradient, float* y, nint length, float* result)
        {
            V sum = V.All((float)Total(gradient, length));
            nint i = 0;
            for (; i + V.Count <= length; i += V.Count)
            {
                (V.Load(gradient + i) - (VectorMath.Exp(V.Load(y + i)) * sum)).Store(result + i);
            }

            if (i < length)
            {
                int lanes = (int)(length - i);
                (V.LoadFirst(gradient + i, lanes) - (VectorMath.Exp(V.LoadFirst(y + i, lanes)) * sum)).StoreFirst(result + i, lanes);
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public static void Columns(float* gradient, float* y, nint length, nint inner, int lanes, float* result)
        {
            V sum = V.Zero;
            for (nint row = 0; row < length; row++)
            {
                sum += V.Load(gradient + (row * inner));
            }

            for (nint row = 0; row < length; row++)
            {
                Put(V.Load(gradient + (row * inner)) - (VectorMath.Exp(V.Load(y + (row * inner))) * sum), result + (row * inner), lanes);
            }
        }
    }
}
