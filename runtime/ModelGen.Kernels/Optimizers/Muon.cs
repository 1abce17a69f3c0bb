using System.ComponentModel;

namespace ModelGen.Kernels;

/// <summary>
/// The orthogonalised step of Muon (K. Jordan, "Muon: an optimizer for hidden layers in neural networks", 2024): Newton and Schulz's iteration of fifth order with the coefficients of that
/// text, in float32.
/// </summary>
/// <typeparam name="V">Register.</typeparam>
[EditorBrowsable(EditorBrowsableState.Never)]
public static unsafe class Muon<V>
    where V : unmanaged, IVector<V>
{
    /// <summary>Floats of the workspace of a matrix, the 16 that products may read past each of its parts included.</summary>
    /// <param name="rows">Rows.</param>
    /// <param name="columns">Columns.</param>
    /// <returns>The number.</returns>
    public static nint WorkspaceFloats(nint rows, nint columns)
    {
        nint side = Math.Min(rows, columns);
        return Part(rows * columns) + (2 * Part(side * side));
    }

    /// <summary>Replaces a matrix U S Vᵀ by nearly U Vᵀ: its singular values, divided by the Frobenius norm first, are brought to about 1.</summary>
    /// <param name="x">Matrix [rows, columns] by rows; overwritten. Readable for 64 bytes past its end.</param>
    /// <param name="rows">Rows.</param>
    /// <param name="columns">Columns.</param>
    /// <param name="workspace">At least <see cref="WorkspaceFloats"/> floats.</param>
    /// <param name="steps">Iterations; 5 in the source.</param>
    public static void Orthogonalize(Floats x, nint rows, nint columns, Floats workspace, int steps)
    {
        const float First = 3.4445f;
        const float Third = -4.7750f;
        const float Fifth = 2.0315f;
        nint count = rows * columns;
        nint side = Math.Min(rows, columns);
        Floats product = workspace;
        Floats gram = workspace + Part(count);
        Floats square = gram + Part(side * side);
        float scale = (float)(1 / (Math.Sqrt(GradientClip<V>.SumOfSquares(x, count)) + 1e-7));
        FlatSums<V>.Scale(x, x, count, 0, scale);
        for (int i = 0; i < steps; i++)
        {
            // The smaller of X Xᵀ and Xᵀ X; both lead to the same result.
            Gemm<V>.Run(rows <= columns ? GemmProblem.NT(side, side, columns, x, x, gram) : GemmProblem.TN(side, side, rows, x, x, gram));
            Gemm<V>.Run(GemmProblem.NN(side, side, side, gram, gram, square));
            FlatSums<V>.Scale(gram, square, side * side, Third, Fifth);
            Gemm<V>.Run(rows <= columns ? GemmProblem.NN(rows, columns, side, gram, x, product) : GemmProblem.NN(rows, columns, side, x, gram, product));
            FlatSums<V>.Scale(x, product, count, First, 1);
        }
    }

    private static nint Part(nint floats) => (floats + 31) / 16 * 16;
}
