using System.ComponentModel;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace ModelGen.Kernels;

/// <summary>Cumulative sums and products along the middle dimension of <c>[outer, length, inner]</c>, accumulated in float64 as PyTorch does.</summary>
[EditorBrowsable(EditorBrowsableState.Never)]
public static unsafe class Scan
{
    /// <summary>Columns whose running results a worker keeps at a time.</summary>
    private const int Block = 64;

    /// <summary>Lanes of a vector of running results.</summary>
    private const int Lanes = 4;

    private interface IStep
    {
        /// <summary>The running result before the first number.</summary>
        static abstract double Start { get; }

        /// <summary>The next one.</summary>
        static abstract double Next(double running, double x);

        /// <summary>The next ones.</summary>
        static abstract Vector256<double> Next(Vector256<double> running, Vector256<double> x);
    }

    /// <summary>Sums of all numbers up to each.</summary>
    /// <param name="x">Operand.</param>
    /// <param name="outer">Size of the first dimension.</param>
    /// <param name="length">Size of the dimension that is summed along.</param>
    /// <param name="inner">Size of the last.</param>
    /// <param name="result">Result.</param>
    public static void Sum(Floats x, nint outer, nint length, nint inner, Floats result) => Run<Addition>(x, outer, length, inner, result);

    /// <summary>Products of all numbers up to each.</summary>
    /// <param name="x">Operand.</param>
    /// <param name="outer">Size of the first dimension.</param>
    /// <param name="length">Size of the dimension that is multiplied along.</param>
    /// <param name="inner">Size of the last.</param>
    /// <param name="result">Result.</param>
    public static void Product(Floats x, nint outer, nint length, nint inner, Floats result) => Run<Multiplication>(x, outer, length, inner, result);

    /// <summary>Sums of all numbers up to each.</summary>
    /// <param name="x">Operand.</param>
    /// <param name="outer">Size of the first dimension.</param>
    /// <param name="length">Size of the dimension that is summed along.</param>
    /// <param name="inner">Size of the last.</param>
    /// <param name="result">Result.</param>
    public static void Sum(Longs x, nint outer, nint length, nint inner, Longs result)
    {
        for (nint row = 0; row < outer * length; row++)
        {
            for (nint i = row * inner; i < (row + 1) * inner; i++)
            {
                result[i] = row % length == 0 ? x[i] : unchecked(result[i - inner] + x[i]);
            }
        }
    }

    private static void Run<TStep>(Floats x, nint outer, nint length, nint inner, Floats result)
        where TStep : unmanaged, IStep
    {
        if (inner == 1)
        {
            var rows = new RowJob<TStep> { X = x, Length = length, Result = result };
            Workers.Run(ref rows, outer, 1 + (8192 / Math.Max(length, 1)));
            return;
        }

        var job = new ColumnJob<TStep> { X = x, Length = length, Inner = inner, Blocks = (inner + Block - 1) / Block, Result = result };
        Workers.Run(ref job, outer * job.Blocks, 1 + (8192 / Math.Max(length * Math.Min(inner, Block), 1)));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<double> Wide(float* x) => Vector256.Create(Vector128.WidenLower(Vector128.Load(x)), Vector128.WidenUpper(Vector128.Load(x)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<float> Narrow(Vector256<double> x) => Vector128.Narrow(x.GetLower(), x.GetUpper());

    private readonly struct Addition : IStep
    {
        public static double Start => 0;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static double Next(double running, double x) => running + x;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Vector256<double> Next(Vector256<double> running, Vector256<double> x) => running + x;
    }

    private readonly struct Multiplication : IStep
    {
        public static double Start => 1;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static double Next(double running, double x) => running * x;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Vector256<double> Next(Vector256<double> running, Vector256<double> x) => running * x;
    }

    /// <summary>Rows whose numbers are neighbours. Each is one chain of steps that wait for each other, so that several rows are the lanes of vectors.</summary>
    private struct RowJob<TStep> : IRange
        where TStep : unmanaged, IStep
    {
        public float* X;
        public nint Length;
        public float* Result;

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public readonly void Run(nint from, nint to, int worker)
        {
            nint row = from;
            for (; row + Lanes <= to; row += Lanes)
            {
                Together(X + (row * Length), Result + (row * Length), Length);
            }

            for (; row < to; row++)
            {
                Rest(X + (row * Length), Result + (row * Length), Length, TStep.Start);
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private static void Together(float* x, float* result, nint length)
        {
            float* columns = stackalloc float[Lanes * Lanes];
            var running = Vector256.Create(TStep.Start);
            nint i = 0;
            for (; i + Lanes <= length; i += Lanes)
            {
                V128.Transpose(x + i, length, columns, Lanes);
                for (int column = 0; column < Lanes; column++)
                {
                    running = TStep.Next(running, Wide(columns + (column * Lanes)));
                    Narrow(running).Store(columns + (column * Lanes));
                }

                V128.Transpose(columns, Lanes, result + i, length);
            }

            for (int row = 0; row < Lanes; row++)
            {
                Rest(x + (row * length) + i, result + (row * length) + i, length - i, running[row]);
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private static void Rest(float* x, float* result, nint length, double running)
        {
            for (nint i = 0; i < length; i++)
            {
                running = TStep.Next(running, x[i]);
                result[i] = (float)running;
            }
        }
    }

    private struct ColumnJob<TStep> : IRange
        where TStep : unmanaged, IStep
    {
        public float* X;
        public nint Length;
        public nint Inner;
        public nint Blocks;
        public float* Result;

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public readonly void Run(nint from, nint to, int worker)
        {
            double* running = stackalloc double[Block];
            for (nint unit = from; unit < to; unit++)
            {
                nint column = unit % Blocks * Block;
                nint start = (unit / Blocks * Length * Inner) + column;
                new Span<double>(running, Block).Fill(TStep.Start);
                Columns(X + start, Length, Inner, Math.Min(Block, Inner - column), running, Result + start);
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private static void Columns(float* x, nint length, nint inner, nint columns, double* running, float* result)
        {
            for (nint row = 0; row < length; row++, x += inner, result += inner)
            {
                nint i = 0;
                for (; i + Lanes <= columns; i += Lanes)
                {
                    Vector256<double> next = TStep.Next(Vector256.Load(running + i), Wide(x + i));
                    next.Store(running + i);
                    Narrow(next).Store(result + i);
                }

                for (; i < columns; i++)
                {
                    running[i] = TStep.Next(running[i], x[i]);
                    result[i] = (float)running[i];
                }
            }
        }
    }
}
