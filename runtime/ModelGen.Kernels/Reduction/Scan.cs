using System.ComponentModel;
using System.Runtime.CompilerServices;

namespace ModelGen.Kernels;

/// <summary>Cumulative sums and products along the middle dimension of <c>[outer, length, inner]</c>, accumulated in float64 as PyTorch does.</summary>
[EditorBrowsable(EditorBrowsableState.Never)]
public static unsafe class Scan
{
    /// <summary>Columns whose running results a worker keeps at a time.</summary>
    private const int Block = 64;

    /// <summary>Sums of all numbers up to each.</summary>
    /// <param name="x">Operand.</param>
    /// <param name="outer">Size of the first dimension.</param>
    /// <param name="length">Size of the dimension that is summed along.</param>
    /// <param name="inner">Size of the last.</param>
    /// <param name="result">Result.</param>
    public static void Sum(Floats x, nint outer, nint length, nint inner, Floats result) => Run(x, outer, length, inner, product: false, result);

    /// <summary>Products of all numbers up to each.</summary>
    /// <param name="x">Operand.</param>
    /// <param name="outer">Size of the first dimension.</param>
    /// <param name="length">Size of the dimension that is multiplied along.</param>
    /// <param name="inner">Size of the last.</param>
    /// <param name="result">Result.</param>
    public static void Product(Floats x, nint outer, nint length, nint inner, Floats result) => Run(x, outer, length, inner, product: true, result);

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

    private static void Run(Floats x, nint outer, nint length, nint inner, bool product, Floats result)
    {
        var job = new Job { X = x, Length = length, Inner = inner, Blocks = (inner + Block - 1) / Block, Product = product, Result = result };
        Workers.Run(ref job, outer * job.Blocks, 1 + (8192 / Math.Max(length * Math.Min(inner, Block), 1)));
    }

    private struct Job : IRange
    {
        public float* X;
        public nint Length;
        public nint Inner;
        public nint Blocks;
        public bool Product;
        public float* Result;

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public readonly void Run(nint from, nint to, int worker)
        {
            double* running = stackalloc double[Block];
            for (nint unit = from; unit < to; unit++)
            {
                if (Inner == 1)
                {
                    Row(X + (unit * Length), Result + (unit * Length));
                    continue;
                }

                nint column = unit % Blocks * Block;
                nint start = (unit / Blocks * Length * Inner) + column;
                nint columns = Math.Min(Block, Inner - column);
                new Span<double>(running, Block).Fill(Product ? 1 : 0);
                for (nint row = 0; row < Length; row++)
                {
                    float* x = X + start + (row * Inner);
                    float* result = Result + start + (row * Inner);
                    for (nint i = 0; i < columns; i++)
                    {
                        running[i] = Product ? running[i] * x[i] : running[i] + x[i];
                        result[i] = (float)running[i];
                    }
                }
            }
        }

        /// <summary>A row, whose running result stays in a register.</summary>
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private readonly void Row(float* x, float* result)
        {
            double running = Product ? 1 : 0;
            for (nint i = 0; i < Length; i++)
            {
                running = Product ? running * x[i] : running + x[i];
                result[i] = (float)running;
            }
        }
    }
}
