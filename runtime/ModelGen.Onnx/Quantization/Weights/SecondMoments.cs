using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace ModelGen.Onnx.Quantization;

/// <summary>Sums of products of the inputs of a product: H = X' X over rows of inputs.</summary>
internal static class SecondMoments
{
    private const int Tile = 6;

    /// <summary>Adds rows to the upper triangle of H.</summary>
    /// <param name="rows">Row-major <c>[count, size]</c>.</param>
    /// <param name="count">Rows.</param>
    /// <param name="size">Inputs.</param>
    /// <param name="moments">H, row-major <c>[size, size]</c>.</param>
    public static void Add(float[] rows, int count, int size, float[] moments)
    {
        int tiles = (size + Tile - 1) / Tile;
        Parallel.For(0, tiles, tile => AddTile(rows, count, size, moments, tile * Tile));
    }

    private static void AddTile(ReadOnlySpan<float> rows, int count, int size, Span<float> moments, int first)
    {
        int height = Math.Min(Tile, size - first);
        int column = first;
        ref float x = ref MemoryMarshal.GetReference(rows);
        if (height == Tile)
        {
            for (; column + 16 <= size; column += 16)
            {
                Vector512<float> a = default, b = default, c = default, d = default, e = default, f = default;
                for (int row = 0; row < count; row++)
                {
                    nuint at = (nuint)row * (nuint)size;
                    Vector512<float> right = Vector512.LoadUnsafe(ref x, at + (nuint)column);
                    nuint left = at + (nuint)first;
                    a = Vector512.FusedMultiplyAdd(Vector512.Create(System.Runtime.CompilerServices.Unsafe.Add(ref x, left)), right, a);
                    b = Vector512.FusedMultiplyAdd(Vector512.Create(System.Runtime.CompilerServices.Unsafe.Add(ref x, left + 1)), right, b);
                    c = Vector512.FusedMultiplyAdd(Vector512.Create(System.Runtime.CompilerServices.Unsafe.Add(ref x, left + 2)), right, c);
                    d = Vector512.FusedMultiplyAdd(Vector512.Create(System.Runtime.CompilerServices.Unsafe.Add(ref x, left + 3)), right, d);
                    e = Vector512.FusedMultiplyAdd(Vector512.Create(System.Runtime.CompilerServices.Unsafe.Add(ref x, left + 4)), right, e);
                    f = Vector512.FusedMultiplyAdd(Vector512.Create(System.Runtime.CompilerServices.Unsafe.Add(ref x, left + 5)), right, f);
                }

                Store(moments, size, first, column, a, b, c, d, e, f);
            }
        }

        for (int i = 0; i < height; i++)
        {
            for (int j = column; j < size; j++)
            {
                float sum = 0;
                for (int row = 0; row < count; row++)
                {
                    sum += rows[(row * size) + first + i] * rows[(row * size) + j];
                }

                moments[checked(((first + i) * size) + j)] += sum;
            }
        }
    }

    private static void Store(Span<float> moments, int size, int first, int column, params ReadOnlySpan<Vector512<float>> sums)
    {
        for (int i = 0; i < sums.Length; i++)
        {
            Span<float> target = moments.Slice(checked(((first + i) * size) + column), 16);
            (Vector512.Create<float>(target) + sums[i]).CopyTo(target);
        }
    }
}
