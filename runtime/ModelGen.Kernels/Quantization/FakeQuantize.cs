using System.ComponentModel;
using System.Runtime.CompilerServices;

namespace ModelGen.Kernels;

/// <summary>Rounds numbers to those that an 8-bit integer stands for, as QuantizeLinear followed by DequantizeLinear does, and the gradient of that. A scale of 0 leaves numbers as they are.</summary>
[EditorBrowsable(EditorBrowsableState.Never)]
public static class FakeQuantize
{
    /// <summary><c>clamp(round(x / scale), low - zero, high - zero) * scale</c>, halves to even; NaN stays NaN.</summary>
    /// <param name="x">Numbers.</param>
    /// <param name="scale">Scale, 0 for none.</param>
    /// <param name="zero">Integer that stands for 0.</param>
    /// <param name="low">Smallest integer.</param>
    /// <param name="high">Largest integer.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Value<V>(V x, V scale, V zero, float low, float high)
        where V : unmanaged, IVector<V>
    {
        V integer = V.Min(V.All(high) - zero, V.Max(V.All(low) - zero, V.Round(x / scale)));
        return V.Select(V.Less(V.Zero, scale), integer * scale, x);
    }

    /// <summary>The gradient of x: that of the result where the integer was in range, 0 elsewhere (the clipped straight-through estimator; Bengio et al., arXiv:1308.3432).</summary>
    /// <param name="gradient">Gradient of the result.</param>
    /// <param name="x">Numbers.</param>
    /// <param name="scale">Scale, 0 for none.</param>
    /// <param name="zero">Integer that stands for 0.</param>
    /// <param name="low">Smallest integer.</param>
    /// <param name="high">Largest integer.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Gradient<V>(V gradient, V x, V scale, V zero, float low, float high)
        where V : unmanaged, IVector<V>
    {
        V integer = V.Round(x / scale);
        V inside = V.LessOrEqual(V.All(low) - zero, integer) & V.LessOrEqual(integer, V.All(high) - zero);
        return V.Select(V.Less(V.Zero, scale), gradient & inside, gradient);
    }
}
