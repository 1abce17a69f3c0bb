using System.ComponentModel;

namespace ModelGen.Kernels;

/// <summary>
/// Reductions along the middle dimension of <c>[outer, length, inner]</c>. Chains of additions have at most a few hundred members and their results form a tree, whatever the
/// sizes are, so that errors of sums stay near those of pairwise ones; results do not depend on the number of workers.
/// </summary>
/// <typeparam name="V">Register.</typeparam>
[EditorBrowsable(EditorBrowsableState.Never)]
public static unsafe class Reduction<V>
    where V : unmanaged, IVector<V>
{
    /// <summary>Sums.</summary>
    /// <param name="x">Operand.</param>
    /// <param name="outer">Size of the first dimension.</param>
    /// <param name="length">Size of the summed one.</param>
    /// <param name="inner">Size of the last.</param>
    /// <param name="scale">Factor of the sums: 1 / length for means.</param>
    /// <param name="result">Result [outer, inner].</param>
    public static void Sum(Floats x, nint outer, nint length, nint inner, float scale, Floats result) => Fold<V, SumFold<V>>.Run(x, outer, length, inner, scale, result);

    /// <summary>Finds the largest numbers; NaN where there is one.</summary>
    /// <param name="x">Operand.</param>
    /// <param name="outer">Size of the first dimension.</param>
    /// <param name="length">Size of the dimension that is reduced.</param>
    /// <param name="inner">Size of the last.</param>
    /// <param name="result">Result [outer, inner].</param>
    public static void Max(Floats x, nint outer, nint length, nint inner, Floats result)
    {
        if (inner == 1 && length >= V.Count && length <= RowMaxJob<V>.MostColumns)
        {
            var job = new RowMaxJob<V> { X = x, Length = length, Result = result };
            Workers.Run(ref job, outer, 1 + (RowMaxJob<V>.MostColumns / length));
            return;
        }

        Fold<V, MaxFold<V>>.Run(x, outer, length, inner, 1, result);
    }

    /// <summary>Multiplies.</summary>
    /// <param name="x">Operand.</param>
    /// <param name="outer">Size of the first dimension.</param>
    /// <param name="length">Size of the dimension that is reduced.</param>
    /// <param name="inner">Size of the last.</param>
    /// <param name="result">Result [outer, inner].</param>
    public static void Product(Floats x, nint outer, nint length, nint inner, Floats result) => Fold<V, ProductFold<V>>.Run(x, outer, length, inner, 1, result);

    /// <summary>Takes the roots of sums of squares.</summary>
    /// <param name="x">Operand.</param>
    /// <param name="outer">Size of the first dimension.</param>
    /// <param name="length">Size of the dimension that is reduced.</param>
    /// <param name="inner">Size of the last.</param>
    /// <param name="result">Result [outer, inner].</param>
    public static void Norm(Floats x, nint outer, nint length, nint inner, Floats result) => Fold<V, NormFold<V>>.Run(x, outer, length, inner, 1, result);

    /// <summary>Gradient of <see cref="Product"/>: of each number the product of all others, which is exact where some are 0.</summary>
    /// <param name="gradient">Gradient of the result [outer, inner].</param>
    /// <param name="x">Operand.</param>
    /// <param name="outer">Size of the first dimension.</param>
    /// <param name="length">Size of the dimension that was reduced.</param>
    /// <param name="inner">Size of the last.</param>
    /// <param name="result">Receives the gradient of the operand.</param>
    public static void ProductBackward(Floats gradient, Floats x, nint outer, nint length, nint inner, Floats result)
    {
        var job = new ProductJob { Gradient = gradient, X = x, Length = length, Inner = inner, Result = result };
        Workers.Run(ref job, outer * inner, 1 + (8192 / Math.Max(length, 1)));
    }

    /// <summary>Numbers of the largest elements, of the first where several are equal; a NaN counts as the largest.</summary>
    /// <param name="x">Operand.</param>
    /// <param name="outer">Size of the first dimension.</param>
    /// <param name="length">Size of the dimension that is searched, 1 or more.</param>
    /// <param name="inner">Size of the last.</param>
    /// <param name="result">Result [outer, inner].</param>
    public static void ArgMax(Floats x, nint outer, nint length, nint inner, Longs result)
    {
        var job = new ArgMaxJob<V> { X = x, Length = length, Inner = inner, Blocks = (inner + V.Count - 1) / V.Count, Result = result };
        Workers.Run(ref job, outer * job.Blocks, 1 + (8192 / Math.Max(length, 1)));
    }

    private struct ProductJob : IRange
    {
        public float* Gradient;
        public float* X;
        public nint Length;
        public nint Inner;
        public float* Result;

        public readonly void Run(nint from, nint to, int worker)
        {
            for (nint line = from; line < to; line++)
            {
                nint start = (line / Inner * Length * Inner) + (line % Inner);
                float* x = X + start;
                float* result = Result + start;

                // What stands before each number, then what stands behind it.
                double before = Gradient[line];
                for (nint i = 0; i < Length; i++)
                {
                    result[i * Inner] = (float)before;
                    before *= x[i * Inner];
                }

                double behind = 1;
                for (nint i = Length - 1; i >= 0; i--)
                {
                    result[i * Inner] = (float)(result[i * Inner] * behind);
                    behind *= x[i * Inner];
                }
            }
        }
    }
}
