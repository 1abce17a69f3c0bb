using System.ComponentModel;

namespace ModelGen.Kernels;

/// <summary>Products of float matrices whose operands are rounded to bfloat16 while they are packed; products are exact and sums are floats.</summary>
/// <typeparam name="V">Register.</typeparam>
/// <remarks>
/// <para>
/// Numbers are rounded to nearest, halves to even; what is too large becomes infinite, and NaN stays NaN. With 512-bit vectors on processors that have AVX512_BF16 the products
/// run on vdpbf16ps (<see cref="Hardware.MultipliesBFloat16"/>), elsewhere on ordinary multiply-adds over rounded floats, at the speed of <see cref="Gemm{V}"/> or a little less.
/// </para>
/// <para>
/// The instruction takes numbers below 2^-126 as zero and makes such results zero. It adds the two products of a pair one after the other, each sum rounded to nearest even as
/// by a multiply-add; the order of the two is its own, so results can differ from those of ordinary multiply-adds in their last bits. For a kind of processor and a number of
/// workers they are the same bit for bit.
/// </para>
/// </remarks>
[EditorBrowsable(EditorBrowsableState.Never)]
public static class GemmBFloat16<V>
    where V : unmanaged, IVector<V>
{
    /// <summary>Computes a product.</summary>
    /// <param name="problem">Operands and result.</param>
    public static void Run(in GemmProblem problem) => Run(problem, default(NoEpilogue));

    /// <summary>Computes a product and applies an epilogue to each finished tile.</summary>
    /// <param name="problem">Operands and result.</param>
    /// <param name="epilogue">What happens to finished tiles.</param>
    public static void Run<TEpilogue>(in GemmProblem problem, TEpilogue epilogue)
        where TEpilogue : unmanaged, ITileEpilogue
    {
        if (typeof(V) == typeof(V512) && BFloat16Machine.IsSupported)
        {
            Gemm<V512>.Run<PairFormat, TEpilogue>(problem, epilogue);
        }
        else
        {
            Gemm<V>.Run<RoundedFormat<V>, TEpilogue>(problem, epilogue);
        }
    }

    /// <summary>Computes a batch of products.</summary>
    /// <param name="problem">Operands and result of the first item.</param>
    /// <param name="batch">Number of items and distances between them.</param>
    public static void Run(in GemmProblem problem, in GemmBatch batch)
    {
        if (typeof(V) == typeof(V512) && BFloat16Machine.IsSupported)
        {
            Gemm<V512>.Run<PairFormat>(problem, batch);
        }
        else
        {
            Gemm<V>.Run<RoundedFormat<V>>(problem, batch);
        }
    }
}
