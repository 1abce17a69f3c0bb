using System.ComponentModel;
using System.Runtime.CompilerServices;

namespace ModelGen.Kernels;

/// <summary>
/// Functions of vectors. Exponentials use the polynomials of Cephes (S. Moshier, <c>expf.c</c>, <c>tanhf.c</c>, <c>ndtrf.c</c>), error below 3e-7 relative unless stated.
/// NaN stays NaN; overflow gives infinity.
/// </summary>
[EditorBrowsable(EditorBrowsableState.Never)]
public static unsafe class VectorMath
{
    /// <summary>e to the power of x.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Exp<V>(V x)
        where V : unmanaged, IVector<V>
    {
        // Beyond these bounds the result is 0 or infinity anyway; the order of the operands lets NaN through.
        x = V.Min(V.All(89.5f), V.Max(V.All(-104f), x));
        V n = V.Round(x * V.All(1.44269504f));
        V r = V.Fma(n, V.All(-0.693359375f), x);
        r = V.Fma(n, V.All(2.12194440e-4f), r);
        V p = V.Fma(V.All(1.9875691500e-4f), r, V.All(1.3981999507e-3f));
        p = V.Fma(p, r, V.All(8.3334519073e-3f));
        p = V.Fma(p, r, V.All(4.1665795894e-2f));
        p = V.Fma(p, r, V.All(1.6666665459e-1f));
        p = V.Fma(p, r, V.All(5.0000001201e-1f));
        p = V.Fma(p, r * r, r + V.All(1));
        return V.Scale(p, n);
    }

    /// <summary>Two to the power of x, for x of at most 126: cheaper than <see cref="Exp{V}(V)"/> (polynomial of Cephes' <c>exp2f.c</c>).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Exp2<V>(V x)
        where V : unmanaged, IVector<V>
    {
        // Below the bound the result is 0; the order of the operands lets NaN through.
        x = V.Max(V.All(-160), x);
        V n = V.Round(x);
        V r = x - n;
        V p = V.Fma(V.All(1.535336188319500e-4f), r, V.All(1.339887440266574e-3f));
        p = V.Fma(p, r, V.All(9.618437357674640e-3f));
        p = V.Fma(p, r, V.All(5.550332471162809e-2f));
        p = V.Fma(p, r, V.All(2.402264791363012e-1f));
        p = V.Fma(p, r, V.All(6.931472028550421e-1f));
        p = V.Fma(p, r, V.All(1));
        return V.Scale(p, n);
    }

    /// <summary>1 / (1 + e^-x).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Sigmoid<V>(V x)
        where V : unmanaged, IVector<V> => V.All(1) / (V.All(1) + Exp(-x));

    /// <summary>Hyperbolic tangent.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Tanh<V>(V x)
        where V : unmanaged, IVector<V>
    {
        V square = x * x;
        V p = V.Fma(V.All(-5.70498872745e-3f), square, V.All(2.06390887954e-2f));
        p = V.Fma(p, square, V.All(-5.37397155531e-2f));
        p = V.Fma(p, square, V.All(1.33314422036e-1f));
        p = V.Fma(p, square, V.All(-3.33332819422e-1f));
        V near = V.Fma(p * square, x, x);
        V far = V.All(1) - (V.All(2) / (Exp(x + x) + V.All(1)));
        return V.Select(V.Less(V.Abs(x), V.All(0.625f)), near, far);
    }

    /// <summary>Error function; absolute error below 2e-7 beyond 1 (Abramowitz and Stegun 7.1.26).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Erf<V>(V x)
        where V : unmanaged, IVector<V>
    {
        V square = x * x;
        V p = V.Fma(V.All(7.853861353153693e-5f), square, V.All(-8.010193625184903e-4f));
        p = V.Fma(p, square, V.All(5.188327685732524e-3f));
        p = V.Fma(p, square, V.All(-2.685381193529856e-2f));
        p = V.Fma(p, square, V.All(1.128358514861418e-1f));
        p = V.Fma(p, square, V.All(-3.761262582423300e-1f));
        p = V.Fma(p, square, V.All(1.128379165726710f));
        V magnitude = V.Abs(x);
        V far = V.All(1) - (Tail(magnitude) * Exp(-square));
        far = V.Select(V.Less(x, V.Zero), -far, far);
        return V.Select(V.Less(magnitude, V.All(1)), p * x, far);
    }

    /// <summary>Distribution function of the standard normal, and its density without the factor 1/sqrt(2 pi). Absolute error below 2.5e-7.</summary>
    /// <param name="x">Argument.</param>
    /// <param name="bell">e^(-x²/2).</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V NormalCdf<V>(V x, out V bell)
        where V : unmanaged, IVector<V>
    {
        bell = Exp(V.All(-0.5f) * x * x);
        V half = Tail(V.Abs(x) * V.All(0.70710678f)) * bell * V.All(0.5f);
        return V.Select(V.Less(x, V.Zero), half, V.All(1) - half);
    }

    /// <summary>Natural logarithm of 1 + x.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Log1p<V>(V x)
        where V : unmanaged, IVector<V>
    {
        // Goldberg, "What every computer scientist should know about floating-point arithmetic", theorem 4.
        V sum = V.All(1) + x;
        V exact = V.Equal(sum, V.All(1));
        V infinite = V.Equal(sum, V.All(float.PositiveInfinity));
        return V.Select(exact, x, V.Select(infinite, sum, V.Log(sum) * (x / (sum - V.All(1)))));
    }

    /// <summary>e^x - 1, accurate near 0 too.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Expm1<V>(V x)
        where V : unmanaged, IVector<V>
    {
        // W. Kahan's correction: what the exponential lost by rounding its logarithm has lost as well.
        V e = Exp(x);
        V difference = e - V.All(1);
        V corrected = difference * (x / V.Log(e));
        V extreme = V.LessOrEqual(V.All(16), V.Abs(x));
        return V.Select(V.Equal(difference, V.Zero), x, V.Select(extreme, difference, corrected));
    }

    /// <summary>log(1 + e^x), without overflow.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Softplus<V>(V x)
        where V : unmanaged, IVector<V> => V.Max(V.Zero, x) + Log1p(Exp(-V.Abs(x)));

    /// <summary>x to the power of y, lane by lane.</summary>
    public static V Pow<V>(V x, V y)
        where V : unmanaged, IVector<V>
    {
        float* bases = stackalloc float[V.Count];
        float* exponents = stackalloc float[V.Count];
        x.Store(bases);
        y.Store(exponents);
        for (int i = 0; i < V.Count; i++)
        {
            bases[i] = MathF.Pow(bases[i], exponents[i]);
        }

        return V.Load(bases);
    }

    /// <summary>e^(x²) erfc(x) for x of at least 0.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static V Tail<V>(V x)
        where V : unmanaged, IVector<V>
    {
        V t = V.All(1) / V.Fma(x, V.All(0.3275911f), V.All(1));
        V p = V.Fma(V.All(1.061405429f), t, V.All(-1.453152027f));
        p = V.Fma(p, t, V.All(1.421413741f));
        p = V.Fma(p, t, V.All(-0.284496736f));
        p = V.Fma(p, t, V.All(0.254829592f));
        return p * t;
    }
}
