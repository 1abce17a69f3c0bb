using System.Numerics.Tensors;

namespace ModelGen.Onnx.Quantization;

/// <summary>Cholesky factorisation of symmetric positive definite matrices, block column by block column.</summary>
internal static class Cholesky
{
    private const int Block = 32;

    /// <summary>Turns the lower triangle of a matrix into its lower factor L with L L' equal to it.</summary>
    /// <param name="matrix">Row-major; the upper triangle is not read.</param>
    /// <param name="size">Rows.</param>
    public static void Factor(float[] matrix, int size)
    {
        for (int start = 0; start < size; start += Block)
        {
            int begin = start;
            int end = Math.Min(start + Block, size);
            for (int row = begin; row < end; row++)
            {
                FactorRow(matrix, size, row, begin, row);
                float pivot = matrix[At(row, row, size)] - TensorPrimitives.Dot(Row(matrix, size, row, 0, row), Row(matrix, size, row, 0, row));
                matrix[At(row, row, size)] = MathF.Sqrt(Math.Max(pivot, 1e-20f));
            }

            Parallel.For(end, size, row => FactorRow(matrix, size, row, begin, end));
        }
    }

    private static void FactorRow(float[] matrix, int size, int row, int begin, int end)
    {
        for (int column = begin; column < end; column++)
        {
            matrix[At(row, column, size)] = (matrix[At(row, column, size)] - TensorPrimitives.Dot(Row(matrix, size, row, 0, column), Row(matrix, size, column, 0, column))) / matrix[At(column, column, size)];
        }
    }

    private static long At(int row, int column, int size) => ((long)row * size) + column;

    private static ReadOnlySpan<float> Row(float[] matrix, int size, int row, int from, int to) => matrix.AsSpan(checked((row * size) + from), to - from);
}
