using System.ComponentModel;
using System.Runtime.CompilerServices;

namespace ModelGen.Kernels;

/// <summary>Inner products and norms of flat buffers. Blocks are added in their order, so results are the same for any number of workers.</summary>
/// <typeparam name="V">Register.</typeparam>
[EditorBrowsable(EditorBrowsableState.Never)]
public static unsafe class FlatProducts<V>
    where V : unmanaged, IVector<V>
{
    /// <summary>Numbers that are added up in floats before their sum joins the others in float64.</summary>
    private const int Block = 4096;

    /// <summary>Sum of a * b. NaN and infinity stay.</summary>
    /// <param name="a">Numbers.</param>
    /// <param name="b">As many others, or the same.</param>
    /// <param name="count">How many.</param>
    /// <returns>The sum; 0 for none.</returns>
    public static double Dot(Floats a, Floats b, nint count) => Sum(new Job { A = a, B = b, Count = count });

    /// <summary>Sum of |a|. NaN and infinity stay.</summary>
    /// <param name="a">Numbers.</param>
    /// <param name="count">How many.</param>
    /// <returns>The sum; 0 for none.</returns>
    public static double SumOfMagnitudes(Floats a, nint count) => Sum(new Job { A = a, Count = count, Kind = Kind.Magnitudes });

    /// <summary>Largest |a|. NaN may be passed over.</summary>
    /// <param name="a">Numbers.</param>
    /// <param name="count">How many.</param>
    /// <returns>The largest; 0 for none.</returns>
    public static float Largest(Floats a, nint count)
    {
        var job = new Job { A = a, Count = count, Kind = Kind.Largest };
        float largest = 0;
        foreach (float value in Run(ref job))
        {
            largest = Math.Max(largest, value);
        }

        return largest;
    }

    private static double Sum(Job job)
    {
        double total = 0;
        foreach (float value in Run(ref job))
        {
            total += value;
        }

        return total;
    }

    private static ReadOnlySpan<float> Run(ref Job job)
    {
        nint blocks = (job.Count + Block - 1) / Block;
        job.Results = Scratch.Floats(blocks);
        Workers.Run(ref job, blocks, 2);
        return new ReadOnlySpan<float>(job.Results, (int)blocks);
    }

    private enum Kind
    {
        Dot,
        Magnitudes,
        Largest,
    }

    private struct Job : IRange
    {
        public float* A;
        public float* B;
        public nint Count;
        public float* Results;
        public Kind Kind;

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public readonly void Run(nint from, nint to, int worker)
        {
            for (nint block = from; block < to; block++)
            {
                nint start = block * Block;
                nint end = Math.Min(start + Block, Count);
                Results[block] = Kind switch
                {
                    Kind.Dot => Dot(A, B, start, end),
                    Kind.Magnitudes => Magnitudes(A, start, end),
                    _ => Largest(A, start, end),
                };
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private static float Dot(float* a, float* b, nint i, nint end)
        {
            V first = V.Zero;
            V second = V.Zero;
            for (; i + (2 * V.Count) <= end; i += 2 * V.Count)
            {
                first = V.Fma(V.Load(a + i), V.Load(b + i), first);
                second = V.Fma(V.Load(a + i + V.Count), V.Load(b + i + V.Count), second);
            }

            for (; i < end; i += V.Count)
            {
                int lanes = (int)Math.Min(V.Count, end - i);
                first = V.Fma(V.LoadFirst(a + i, lanes), V.LoadFirst(b + i, lanes), first);
            }

            return V.Sum(first + second);
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private static float Magnitudes(float* a, nint i, nint end)
        {
            V sum = V.Zero;
            for (; i < end; i += V.Count)
            {
                sum += V.Abs(V.LoadFirst(a + i, (int)Math.Min(V.Count, end - i)));
            }

            return V.Sum(sum);
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private static float Largest(float* a, nint i, nint end)
        {
            V largest = V.Zero;
            for (; i < end; i += V.Count)
            {
                largest = V.Max(largest, V.Abs(V.LoadFirst(a + i, (int)Math.Min(V.Count, end - i))));
            }

            return V.Largest(largest);
        }
    }
}
