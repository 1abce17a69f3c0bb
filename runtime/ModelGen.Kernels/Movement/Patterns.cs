using System.ComponentModel;

namespace ModelGen.Kernels;

/// <summary>Tensors that are made instead of computed, and parts of matrices.</summary>
[EditorBrowsable(EditorBrowsableState.Never)]
public static unsafe class Patterns
{
    /// <summary>Ones on the main diagonal, zeros elsewhere.</summary>
    /// <param name="target">Receives the matrix [rows, columns].</param>
    /// <param name="rows">Rows.</param>
    /// <param name="columns">Columns.</param>
    public static void Eye(Floats target, nint rows, nint columns)
    {
        for (nint row = 0; row < rows; row++)
        {
            new Span<float>(target + (row * columns), (int)columns).Clear();
            if (row < columns)
            {
                target[(row * columns) + row] = 1;
            }
        }
    }

    /// <summary>Ones above the main diagonal, zeros elsewhere: what causal attention must not see.</summary>
    /// <param name="target">Receives the matrix [rows, columns].</param>
    /// <param name="rows">Rows.</param>
    /// <param name="columns">Columns.</param>
    public static void Causal(Floats target, nint rows, nint columns)
    {
        for (nint row = 0; row < rows; row++)
        {
            nint seen = Math.Min(row + 1, columns);
            new Span<float>(target + (row * columns), (int)seen).Clear();
            new Span<float>(target + (row * columns) + seen, (int)(columns - seen)).Fill(1);
        }
    }

    /// <summary>Copies given numbers.</summary>
    /// <param name="target">Receives them.</param>
    /// <param name="values">The numbers.</param>
    public static void Values(Floats target, ReadOnlySpan<float> values) => values.CopyTo(new Span<float>(target, values.Length));

    /// <summary>Copies given numbers.</summary>
    /// <param name="target">Receives them.</param>
    /// <param name="values">The numbers.</param>
    public static void Values(Longs target, ReadOnlySpan<long> values) => values.CopyTo(new Span<long>(target, values.Length));

    /// <summary>Writes numbers of equal distance.</summary>
    /// <param name="target">Receives them.</param>
    /// <param name="start">First number.</param>
    /// <param name="step">Distance.</param>
    /// <param name="count">How many.</param>
    public static void Range(Floats target, double start, double step, nint count)
    {
        for (nint i = 0; i < count; i++)
        {
            target[i] = (float)(start + (i * step));
        }
    }

    /// <summary>Keeps one side of a diagonal of matrices and zeroes the other.</summary>
    /// <param name="x">Operand [matrices, rows, columns].</param>
    /// <param name="matrices">Number of matrices.</param>
    /// <param name="rows">Rows.</param>
    /// <param name="columns">Columns.</param>
    /// <param name="diagonal">Column of the diagonal in the first row.</param>
    /// <param name="upper">Whether what lies above is kept; the diagonal is kept anyway.</param>
    /// <param name="result">Result.</param>
    public static void Triangle(Floats x, nint matrices, nint rows, nint columns, nint diagonal, bool upper, Floats result)
    {
        var job = new TriangleJob { X = x, Rows = rows, Columns = columns, Diagonal = diagonal, Upper = upper, Result = result };
        Workers.Run(ref job, matrices * rows, 1 + (16384 / Math.Max(columns, 1)));
    }

    private struct TriangleJob : IRange
    {
        public float* X;
        public nint Rows;
        public nint Columns;
        public nint Diagonal;
        public bool Upper;
        public float* Result;

        public readonly void Run(nint from, nint to, int worker)
        {
            for (nint line = from; line < to; line++)
            {
                nint first = Math.Clamp((line % Rows) + Diagonal + (Upper ? 0 : 1), 0, Columns);
                float* result = Result + (line * Columns);
                new ReadOnlySpan<float>(X + (line * Columns), (int)Columns).CopyTo(new Span<float>(result, (int)Columns));
                (nint start, nint count) = Upper ? (0, first) : (first, Columns - first);
                new Span<float>(result + start, (int)count).Clear();
            }
        }
    }
}
