using System.Runtime.CompilerServices;

namespace ModelGen.Kernels;

/// <summary>F(2x2, 3x3): 16 multiplications for 4 outputs instead of 36. For small images, and where transformed weights are read from memory; errors are as small as those of direct sums.</summary>
internal readonly unsafe struct FilterTwo<V> : ITileFilter<V>
    where V : unmanaged, IVector<V>
{
    /// <inheritdoc/>
    public static nint Side => 2;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Kernel(V a, V b, V c, float* target, nint step)
    {
        V half = V.All(0.5f);
        V outer = (a + c) * half;
        V middle = b * half;
        a.Store(target);
        (outer + middle).Store(target + step);
        (outer - middle).Store(target + (2 * step));
        c.Store(target + (3 * step));
    }

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Column(float** pixels, nint channel, float* target, nint step) =>
        Transform(V.Load(pixels[0] + channel), V.Load(pixels[4] + channel), V.Load(pixels[8] + channel), V.Load(pixels[12] + channel), target, step);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Row(float* line, float* target, nint step) => Transform(V.Load(line), V.Load(line + V.Count), V.Load(line + (2 * V.Count)), V.Load(line + (3 * V.Count)), target, step);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Output(float* source, nint step, float* target, nint targetStep)
    {
        V m1 = V.Load(source + step);
        V m2 = V.Load(source + (2 * step));
        (V.Load(source) + m1 + m2).Store(target);
        (m1 - m2 - V.Load(source + (3 * step))).Store(target + targetStep);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Transform(V d0, V d1, V d2, V d3, float* target, nint step)
    {
        (d0 - d2).Store(target);
        (d1 + d2).Store(target + step);
        (d2 - d1).Store(target + (2 * step));
        (d1 - d3).Store(target + (3 * step));
    }
}
