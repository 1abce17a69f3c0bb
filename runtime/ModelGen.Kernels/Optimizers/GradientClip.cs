using System.ComponentModel;
using System.Runtime.CompilerServices;

namespace ModelGen.Kernels;

/// <summary>What clipping needs of all gradients of a model: their sum of squares, and their limitation to a range.</summary>
/// <typeparam name="V">Register.</typeparam>
[EditorBrowsable(EditorBrowsableState.Never)]
public static unsafe class GradientClip<V>
    where V : unmanaged, IVector<V>
{
    /// <summary>Numbers that are added up in floats before their sum joins the others in float64.</summary>
    private const int Block = 4096;

    /// <summary>Sum of squares; blocks are added in their order, so the result is the same for any number of workers. NaN and infinity stay.</summary>
    /// <param name="values">The numbers.</param>
    /// <param name="count">How many.</param>
    /// <returns>The sum; 0 for none.</returns>
    public static double SumOfSquares(Floats values, nint count)
    {
        nint blocks = (count + Block - 1) / Block;
        float* sums = Scratch.Floats(blocks);
        var job = new SquareJob { Values = values, Count = count, Sums = sums };
        Workers.Run(ref job, blocks, 2);
        double total = 0;
        for (nint i = 0; i < blocks; i++)
        {
            total += sums[i];
        }

        return total;
    }

    /// <summary>Limits numbers to [-limit, limit] in place; NaN stays, as with PyTorch's <c>clamp_</c>.</summary>
    /// <param name="values">The numbers.</param>
    /// <param name="count">How many.</param>
    /// <param name="limit">Largest magnitude.</param>
    public static void Clamp(Floats values, nint count, float limit)
    {
        var job = new ClampJob { Values = values, Count = count, Limit = limit };
        Workers.Run(ref job, (count + V.Count - 1) / V.Count, 16384 / V.Count);
    }

    private struct SquareJob : IRange
    {
        public float* Values;
        public nint Count;
        public float* Sums;

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public readonly void Run(nint from, nint to, int worker)
        {
            for (nint block = from; block < to; block++)
            {
                nint i = block * Block;
                nint end = Math.Min(i + Block, Count);
                V first = V.Zero;
                V second = V.Zero;
                for (; i + (2 * V.Count) <= end; i += 2 * V.Count)
                {
                    V left = V.Load(Values + i);
                    V right = V.Load(Values + i + V.Count);
                    first = V.Fma(left, left, first);
                    second = V.Fma(right, right, second);
                }

                for (; i < end; i += V.Count)
                {
                    V rest = V.LoadFirst(Values + i, (int)Math.Min(V.Count, end - i));
                    first = V.Fma(rest, rest, first);
                }

                Sums[block] = V.Sum(first + second);
            }
        }
    }

    private struct ClampJob : IRange
    {
        public float* Values;
        public nint Count;
        public float Limit;

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public readonly void Run(nint from, nint to, int worker)
        {
            nint end = Math.Min(to * V.Count, Count);
            for (nint i = from * V.Count; i < end; i += V.Count)
            {
                int lanes = (int)Math.Min(V.Count, end - i);
                V value = V.LoadFirst(Values + i, lanes);
                V limit = V.All(Limit);
                value = V.Select(V.Less(limit, value), limit, V.Select(V.Less(value, -limit), -limit, value));
                value.StoreFirst(Values + i, lanes);
            }
        }
    }
}
