using System.ComponentModel;

namespace ModelGen.Kernels;

/// <summary>
/// C = A B or C += A B for float matrices with any strides. Element (i, k) of A is at <c>A[i * ARow + k * AColumn]</c>, and so on; a transposed matrix has its strides
/// swapped. All matrices are readable for 64 bytes past their end.
/// </summary>
[EditorBrowsable(EditorBrowsableState.Never)]
public struct GemmProblem
{
    /// <summary>Matrices stored by rows without gaps.</summary>
    /// <param name="rows">Rows of A and C.</param>
    /// <param name="columns">Columns of B and C.</param>
    /// <param name="depth">Columns of A, rows of B.</param>
    public GemmProblem(nint rows, nint columns, nint depth)
    {
        Rows = rows;
        Columns = columns;
        Depth = depth;
        ARow = depth;
        AColumn = 1;
        BRow = columns;
        BColumn = 1;
        CRow = columns;
    }

    /// <summary>Rows of A and C.</summary>
    public nint Rows { get; }

    /// <summary>Columns of B and C.</summary>
    public nint Columns { get; }

    /// <summary>Columns of A, rows of B.</summary>
    public nint Depth { get; }

    /// <summary>Left operand.</summary>
    public Floats A { get; set; }

    /// <summary>Distance of the rows of A.</summary>
    public nint ARow { get; set; }

    /// <summary>Distance of the columns of A.</summary>
    public nint AColumn { get; set; }

    /// <summary>Right operand.</summary>
    public Floats B { get; set; }

    /// <summary>Distance of the rows of B.</summary>
    public nint BRow { get; set; }

    /// <summary>Distance of the columns of B.</summary>
    public nint BColumn { get; set; }

    /// <summary>Result; its columns are contiguous.</summary>
    public Floats C { get; set; }

    /// <summary>Distance of the rows of C.</summary>
    public nint CRow { get; set; }

    /// <summary>Whether the product is added to C instead of replacing it.</summary>
    public bool Add { get; set; }

    /// <summary>A B with A and B stored by rows.</summary>
    /// <param name="rows">Rows of A and C.</param>
    /// <param name="columns">Columns of B and C.</param>
    /// <param name="depth">Columns of A, rows of B.</param>
    /// <param name="a">A [rows, depth].</param>
    /// <param name="b">B [depth, columns].</param>
    /// <param name="c">C [rows, columns].</param>
    public static GemmProblem NN(nint rows, nint columns, nint depth, Floats a, Floats b, Floats c) => new(rows, columns, depth) { A = a, B = b, C = c };

    /// <summary>A Bᵀ.</summary>
    /// <param name="rows">Rows of A and C.</param>
    /// <param name="columns">Rows of B, columns of C.</param>
    /// <param name="depth">Columns of A and B.</param>
    /// <param name="a">A [rows, depth].</param>
    /// <param name="b">B [columns, depth].</param>
    /// <param name="c">C [rows, columns].</param>
    public static GemmProblem NT(nint rows, nint columns, nint depth, Floats a, Floats b, Floats c) => new(rows, columns, depth) { A = a, B = b, C = c, BRow = 1, BColumn = depth };

    /// <summary>Aᵀ B.</summary>
    /// <param name="rows">Columns of A, rows of C.</param>
    /// <param name="columns">Columns of B and C.</param>
    /// <param name="depth">Rows of A and B.</param>
    /// <param name="a">A [depth, rows].</param>
    /// <param name="b">B [depth, columns].</param>
    /// <param name="c">C [rows, columns].</param>
    public static GemmProblem TN(nint rows, nint columns, nint depth, Floats a, Floats b, Floats c) => new(rows, columns, depth) { A = a, B = b, C = c, ARow = 1, AColumn = rows };
}
