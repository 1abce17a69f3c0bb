using System.Runtime.CompilerServices;

namespace ModelGen.Kernels;

/// <summary>How the numbers of a dimension become one: a sum, a maximum ... Joining must not depend on the order but for rounding.</summary>
internal unsafe interface IFold<V>
    where V : unmanaged, IVector<V>
{
    /// <summary>The result of no numbers.</summary>
    static abstract V Start { get; }

    /// <summary>As <see cref="Start"/>.</summary>
    static abstract double StartNumber { get; }

    /// <summary>What is joined for an element.</summary>
    static abstract V Map(V x);

    /// <summary>Joins.</summary>
    static abstract V Join(V a, V b);

    /// <summary>As for vectors.</summary>
    static abstract double Join(double a, double b);

    /// <summary>All lanes joined.</summary>
    static abstract double Lanes(V a);

    /// <summary>The mapped first lanes at a place; the others are those of <see cref="Start"/>.</summary>
    static abstract V First(float* x, int count);

    /// <summary>The result of what was joined.</summary>
    static abstract double Finish(double joined);
}

/// <summary>Parts of folds that are not sums.</summary>
internal static unsafe class FoldParts<V>
    where V : unmanaged, IVector<V>
{
    /// <summary>Joins the lanes one after the other.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static double Lanes<TFold>(V a)
        where TFold : IFold<V>
    {
        float* lanes = stackalloc float[V.Count];
        a.Store(lanes);
        double joined = lanes[0];
        for (int i = 1; i < V.Count; i++)
        {
            joined = TFold.Join(joined, lanes[i]);
        }

        return joined;
    }

    /// <summary>Joins groups of four lanes as vectors, then the four lanes that are left: for folds that lose nothing in float32 and whose scalar form is slow.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static double Quarters<TFold>(V a)
        where TFold : IFold<V128>
    {
        float* lanes = (float*)&a;
        V128 joined = V128.Load(lanes);
        for (int i = V128.Count; i < V.Count; i += V128.Count)
        {
            joined = TFold.Join(joined, V128.Load(lanes + i));
        }

        lanes = (float*)&joined;
        return TFold.Join(TFold.Join((double)lanes[0], lanes[1]), TFold.Join((double)lanes[2], lanes[3]));
    }

    /// <summary>The first lanes of memory, with <see cref="IFold{V}.Start"/> in the others.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static V First<TFold>(float* x, int count)
        where TFold : IFold<V>
    {
        float* lanes = stackalloc float[V.Count];
        TFold.Start.Store(lanes);
        TFold.Map(V.LoadFirst(x, count)).StoreFirst(lanes, count);
        return V.Load(lanes);
    }
}
