using System.ComponentModel;
using System.Runtime.CompilerServices;

namespace ModelGen.Kernels;

/// <summary>Rounds numbers to those that an integer stands for, as QuantizeLinear followed by DequantizeLinear does, and the gradient of that. A scale of 0 leaves numbers as they are.</summary>
[EditorBrowsable(EditorBrowsableState.Never)]
public static class FakeQuantize
{
    /// <summary>The smallest share of its calibrated size that a learned scale falls to.</summary>
    public const float SmallestFactor = 1f / 64;

    /// <summary><c>clamp(round(x / scale), low, high) * scale</c>, halves to even; NaN stays NaN.</summary>
    /// <param name="x">Numbers.</param>
    /// <param name="scale">Scale, 0 for none.</param>
    /// <param name="low">Smallest integer, counted from the one that stands for 0.</param>
    /// <param name="high">Largest integer, counted so.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Value<V>(V x, V scale, V low, V high)
        where V : unmanaged, IVector<V>
    {
        V integer = V.Min(high, V.Max(low, V.Round(x / scale)));
        return V.Select(V.Less(V.Zero, scale), integer * scale, x);
    }

    /// <summary>The gradient of x: that of the result where the integer was in range, 0 elsewhere (the clipped straight-through estimator; Bengio et al., arXiv:1308.3432).</summary>
    /// <param name="gradient">Gradient of the result.</param>
    /// <param name="x">Numbers.</param>
    /// <param name="scale">Scale, 0 for none.</param>
    /// <param name="low">Smallest integer, counted from the one that stands for 0.</param>
    /// <param name="high">Largest integer, counted so.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Gradient<V>(V gradient, V x, V scale, V low, V high)
        where V : unmanaged, IVector<V>
    {
        V integer = V.Round(x / scale);
        V inside = V.LessOrEqual(low, integer) & V.LessOrEqual(integer, high);
        return V.Select(V.Less(V.Zero, scale), gradient & inside, gradient);
    }

    /// <summary>
    /// What each number adds to the gradient of the scale: <c>round(x / scale) - x / scale</c> in range, the end of the range outside, times the gradient of the result; 0 where the scale is 0
    /// (learned step size quantization; Esser et al., arXiv:1902.08153, equation 3).
    /// </summary>
    /// <param name="gradient">Gradient of the result.</param>
    /// <param name="x">Numbers.</param>
    /// <param name="scale">Scale, 0 for none.</param>
    /// <param name="low">Smallest integer, counted from the one that stands for 0.</param>
    /// <param name="high">Largest integer, counted so.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V ScaleGradient<V>(V gradient, V x, V scale, V low, V high)
        where V : unmanaged, IVector<V>
    {
        V quotient = x / scale;
        V integer = V.Round(quotient);
        V inside = V.LessOrEqual(low, integer) & V.LessOrEqual(integer, high);
        V slope = V.Min(high, V.Max(low, integer)) - (quotient & inside);
        return V.Less(V.Zero, scale) & (gradient * slope);
    }

    /// <summary>A learned scale: <c>min(limit, max(factor, 1/64) * reference)</c>, so that it stays positive. A reference of 0 gives 0.</summary>
    /// <param name="factor">The learned number, 1 after the calibration.</param>
    /// <param name="reference">Scale of the calibration.</param>
    /// <param name="limit">Largest scale.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V LearnedScale<V>(V factor, V reference, V limit)
        where V : unmanaged, IVector<V> => V.Min(limit, V.Max(factor, V.All(SmallestFactor)) * reference);

    /// <summary>
    /// The gradient of the factor, which makes a step of gradient descent change the scale as if it were learned itself: that of the scale by the reference, times a rate. 0 where the factor is
    /// at an end and would go further.
    /// </summary>
    /// <param name="gradient">Gradient of the scale.</param>
    /// <param name="factor">The learned number.</param>
    /// <param name="reference">Scale of the calibration, 0 for none.</param>
    /// <param name="limit">Largest scale.</param>
    /// <param name="rate">By what the gradient is multiplied.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V LearnedScaleGradient<V>(V gradient, V factor, V reference, V limit, V rate)
        where V : unmanaged, IVector<V>
    {
        V growsBeyond = V.LessOrEqual(limit, factor * reference) & V.Less(gradient, V.Zero);
        V shrinksBeyond = V.LessOrEqual(factor, V.All(SmallestFactor)) & V.Less(V.Zero, gradient);
        return V.Select(growsBeyond | shrinksBeyond, V.Zero, V.Less(V.Zero, reference) & (gradient * rate / reference));
    }
}
