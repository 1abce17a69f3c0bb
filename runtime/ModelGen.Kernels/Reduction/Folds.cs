using System.Runtime.CompilerServices;

namespace ModelGen.Kernels;

/// <summary>A sum.</summary>
internal readonly unsafe struct SumFold<V> : IFold<V>
    where V : unmanaged, IVector<V>
{
    public static V Start
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => V.Zero;
    }

    public static double StartNumber => 0;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Map(V x) => x;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Join(V a, V b) => a + b;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static double Join(double a, double b) => a + b;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static double Lanes(V a) => V.Sum(a);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V First(float* x, int count) => V.LoadFirst(x, count);

    public static double Finish(double joined) => joined;
}

/// <summary>The root of a sum of squares.</summary>
internal readonly unsafe struct NormFold<V> : IFold<V>
    where V : unmanaged, IVector<V>
{
    public static V Start
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => V.Zero;
    }

    public static double StartNumber => 0;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Map(V x) => x * x;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Join(V a, V b) => a + b;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static double Join(double a, double b) => a + b;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static double Lanes(V a) => V.Sum(a);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V First(float* x, int count) => Map(V.LoadFirst(x, count));

    public static double Finish(double joined) => Math.Sqrt(joined);
}

/// <summary>A product.</summary>
internal readonly unsafe struct ProductFold<V> : IFold<V>
    where V : unmanaged, IVector<V>
{
    public static V Start
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => V.All(1);
    }

    public static double StartNumber => 1;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Map(V x) => x;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Join(V a, V b) => a * b;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static double Join(double a, double b) => a * b;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static double Lanes(V a) => FoldParts<V>.Lanes<ProductFold<V>>(a);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V First(float* x, int count) => FoldParts<V>.First<ProductFold<V>>(x, count);

    public static double Finish(double joined) => joined;
}

/// <summary>The largest number; NaN when there is one.</summary>
internal readonly unsafe struct MaxFold<V> : IFold<V>
    where V : unmanaged, IVector<V>
{
    public static V Start
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => V.All(float.NegativeInfinity);
    }

    public static double StartNumber => double.NegativeInfinity;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Map(V x) => x;

    // The second operand is the result where either is NaN, so that a NaN is one of the two results. Whatever its bits are joined with, it stays a NaN, and equal numbers stay what they are.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Join(V a, V b) => V.Max(a, b) | V.Max(b, a);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static double Join(double a, double b) => Math.Max(a, b);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static double Lanes(V a) => FoldParts<V>.Quarters<MaxFold<V128>>(a);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V First(float* x, int count) => FoldParts<V>.First<MaxFold<V>>(x, count);

    public static double Finish(double joined) => joined;
}
