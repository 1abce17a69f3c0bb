using System.ComponentModel;

namespace ModelGen.Kernels;

/// <summary>Functions that are rare in models, lane by lane in the accuracy of the class library.</summary>
[EditorBrowsable(EditorBrowsableState.Never)]
public static unsafe class LaneMath
{
    private interface IFunction
    {
        static abstract float Of(float x);
    }

    private interface IFunctionOfTwo
    {
        static abstract float Of(float x, float y);
    }

    /// <summary>Tangent.</summary>
    public static V Tan<V>(V x)
        where V : unmanaged, IVector<V> => Each<V, TanFunction>(x);

    /// <summary>Arc sine.</summary>
    public static V Asin<V>(V x)
        where V : unmanaged, IVector<V> => Each<V, AsinFunction>(x);

    /// <summary>Arc cosine.</summary>
    public static V Acos<V>(V x)
        where V : unmanaged, IVector<V> => Each<V, AcosFunction>(x);

    /// <summary>Arc tangent.</summary>
    public static V Atan<V>(V x)
        where V : unmanaged, IVector<V> => Each<V, AtanFunction>(x);

    /// <summary>Hyperbolic sine.</summary>
    public static V Sinh<V>(V x)
        where V : unmanaged, IVector<V> => Each<V, SinhFunction>(x);

    /// <summary>Hyperbolic cosine.</summary>
    public static V Cosh<V>(V x)
        where V : unmanaged, IVector<V> => Each<V, CoshFunction>(x);

    /// <summary>Inverse hyperbolic sine.</summary>
    public static V Asinh<V>(V x)
        where V : unmanaged, IVector<V> => Each<V, AsinhFunction>(x);

    /// <summary>Inverse hyperbolic cosine.</summary>
    public static V Acosh<V>(V x)
        where V : unmanaged, IVector<V> => Each<V, AcoshFunction>(x);

    /// <summary>Inverse hyperbolic tangent.</summary>
    public static V Atanh<V>(V x)
        where V : unmanaged, IVector<V> => Each<V, AtanhFunction>(x);

    /// <summary>Angle of the point (y, x).</summary>
    public static V Atan2<V>(V x, V y)
        where V : unmanaged, IVector<V> => Each<V, Atan2Function>(x, y);

    /// <summary>Length of the hypotenuse, without overflow on the way.</summary>
    public static V Hypotenuse<V>(V x, V y)
        where V : unmanaged, IVector<V> => Each<V, HypotenuseFunction>(x, y);

    /// <summary>Remainder with the sign of the divisor.</summary>
    public static V Remainder<V>(V x, V y)
        where V : unmanaged, IVector<V> => Each<V, RemainderFunction>(x, y);

    /// <summary>Quotient rounded down, from the exact remainder.</summary>
    public static V FloorDivide<V>(V x, V y)
        where V : unmanaged, IVector<V> => Each<V, FloorDivideFunction>(x, y);

    private static V Each<V, TFunction>(V x)
        where V : unmanaged, IVector<V>
        where TFunction : struct, IFunction
    {
        float* lanes = stackalloc float[V.Count];
        x.Store(lanes);
        for (int i = 0; i < V.Count; i++)
        {
            lanes[i] = TFunction.Of(lanes[i]);
        }

        return V.Load(lanes);
    }

    private static V Each<V, TFunction>(V x, V y)
        where V : unmanaged, IVector<V>
        where TFunction : struct, IFunctionOfTwo
    {
        float* lanes = stackalloc float[V.Count];
        float* others = stackalloc float[V.Count];
        x.Store(lanes);
        y.Store(others);
        for (int i = 0; i < V.Count; i++)
        {
            lanes[i] = TFunction.Of(lanes[i], others[i]);
        }

        return V.Load(lanes);
    }

    private readonly struct TanFunction : IFunction
    {
        public static float Of(float x) => MathF.Tan(x);
    }

    private readonly struct AsinFunction : IFunction
    {
        public static float Of(float x) => MathF.Asin(x);
    }

    private readonly struct AcosFunction : IFunction
    {
        public static float Of(float x) => MathF.Acos(x);
    }

    private readonly struct AtanFunction : IFunction
    {
        public static float Of(float x) => MathF.Atan(x);
    }

    private readonly struct SinhFunction : IFunction
    {
        public static float Of(float x) => MathF.Sinh(x);
    }

    private readonly struct CoshFunction : IFunction
    {
        public static float Of(float x) => MathF.Cosh(x);
    }

    private readonly struct AsinhFunction : IFunction
    {
        public static float Of(float x) => MathF.Asinh(x);
    }

    private readonly struct AcoshFunction : IFunction
    {
        public static float Of(float x) => MathF.Acosh(x);
    }

    private readonly struct AtanhFunction : IFunction
    {
        public static float Of(float x) => MathF.Atanh(x);
    }

    private readonly struct Atan2Function : IFunctionOfTwo
    {
        public static float Of(float x, float y) => MathF.Atan2(x, y);
    }

    private readonly struct HypotenuseFunction : IFunctionOfTwo
    {
        public static float Of(float x, float y) => float.Hypot(x, y);
    }

    private readonly struct RemainderFunction : IFunctionOfTwo
    {
        public static float Of(float x, float y)
        {
            float rest = x % y;
            return rest != 0 && (rest < 0) != (y < 0) ? rest + y : rest;
        }
    }

    private readonly struct FloorDivideFunction : IFunctionOfTwo
    {
        public static float Of(float x, float y)
        {
            if (y == 0)
            {
                return x / y;
            }

            float quotient = (x - RemainderFunction.Of(x, y)) / y;
            float floor = MathF.Floor(quotient);

            // The division may round the whole number that it should give to one side.
            return quotient == 0 ? MathF.CopySign(0, x / y) : quotient - floor > 0.5f ? floor + 1 : floor;
        }
    }
}
