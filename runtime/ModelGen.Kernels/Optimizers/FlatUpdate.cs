using System.ComponentModel;
using System.Runtime.CompilerServices;

namespace ModelGen.Kernels;

/// <summary>An update of parameters that looks at one number of each buffer at a time.</summary>
/// <typeparam name="V">Register.</typeparam>
[EditorBrowsable(EditorBrowsableState.Never)]
public interface IUpdateRule<V>
    where V : unmanaged, IVector<V>
{
    /// <summary>New parameters.</summary>
    /// <param name="p">Parameters.</param>
    /// <param name="g">Gradients.</param>
    /// <param name="a">First state, updated in place; zero where the rule has none.</param>
    /// <param name="b">Second state.</param>
    /// <param name="c">Third state.</param>
    V Update(V p, V g, ref V a, ref V b, ref V c);
}

/// <summary>Buffers of the same length that an update reads and writes. States that a rule does not have are null.</summary>
/// <param name="Parameters">Parameters.</param>
/// <param name="Gradients">Gradients; not changed.</param>
/// <param name="A">First state.</param>
/// <param name="B">Second state.</param>
/// <param name="C">Third state.</param>
/// <param name="Count">Number of parameters.</param>
[EditorBrowsable(EditorBrowsableState.Never)]
public readonly record struct UpdateBuffers(Floats Parameters, Floats Gradients, Floats A, Floats B, Floats C, nint Count)
{
    /// <summary>Factor of the gradients before anything else, such as the one that clips their norm; 1 unless set.</summary>
    public float GradientScale { get; init; } = 1;

    /// <summary>Factor of the parameters that is added to the gradients (L2 penalty); 0 unless set.</summary>
    public float Decay { get; init; }

    /// <summary>Factor of the parameters before the update (decoupled weight decay); 1 unless set.</summary>
    public float Shrink { get; init; } = 1;
}

/// <summary>Runs an update over whole buffers, in one pass over memory.</summary>
/// <typeparam name="V">Register.</typeparam>
[EditorBrowsable(EditorBrowsableState.Never)]
public static unsafe class FlatUpdate<V>
    where V : unmanaged, IVector<V>
{
    /// <summary>Updates parameters and states.</summary>
    /// <typeparam name="TRule">The rule.</typeparam>
    /// <param name="rule">The rule with its settings.</param>
    /// <param name="buffers">What it works on.</param>
    public static void Run<TRule>(TRule rule, in UpdateBuffers buffers)
        where TRule : unmanaged, IUpdateRule<V>
    {
        var job = new Job<TRule>
        {
            Rule = rule,
            P = buffers.Parameters,
            G = buffers.Gradients,
            A = buffers.A,
            B = buffers.B,
            C = buffers.C,
            Count = buffers.Count,
            Scale = buffers.GradientScale,
            Decay = buffers.Decay,
            Shrink = buffers.Shrink,
        };
        Workers.Run(ref job, (buffers.Count + V.Count - 1) / V.Count, 8192 / V.Count);
    }

    private struct Job<TRule> : IRange
        where TRule : unmanaged, IUpdateRule<V>
    {
        public TRule Rule;
        public float* P;
        public float* G;
        public float* A;
        public float* B;
        public float* C;
        public nint Count;
        public float Scale;
        public float Decay;
        public float Shrink;

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public readonly void Run(nint from, nint to, int worker)
        {
            nint i = from * V.Count;
            nint end = Math.Min(to * V.Count, Count / V.Count * V.Count);
            for (; i < end; i += V.Count)
            {
                V p = V.Load(P + i);
                V a = A is null ? V.Zero : V.Load(A + i);
                V b = B is null ? V.Zero : V.Load(B + i);
                V c = C is null ? V.Zero : V.Load(C + i);
                V g = V.Fma(p, V.All(Decay), V.Load(G + i) * V.All(Scale));
                Rule.Update(p * V.All(Shrink), g, ref a, ref b, ref c).Store(P + i);
                if (A is not null)
                {
                    a.Store(A + i);
                }

                if (B is not null)
                {
                    b.Store(B + i);
                }

                if (C is not null)
                {
                    c.Store(C + i);
                }
            }

            if (i < to * V.Count && i < Count)
            {
                int lanes = (int)(Count - i);
                V p = V.LoadFirst(P + i, lanes);
                V a = A is null ? V.Zero : V.LoadFirst(A + i, lanes);
                V b = B is null ? V.Zero : V.LoadFirst(B + i, lanes);
                V c = C is null ? V.Zero : V.LoadFirst(C + i, lanes);
                V g = V.Fma(p, V.All(Decay), V.LoadFirst(G + i, lanes) * V.All(Scale));
                Rule.Update(p * V.All(Shrink), g, ref a, ref b, ref c).StoreFirst(P + i, lanes);
                if (A is not null)
                {
                    a.StoreFirst(A + i, lanes);
                }

                if (B is not null)
                {
                    b.StoreFirst(B + i, lanes);
                }

                if (C is not null)
                {
                    c.StoreFirst(C + i, lanes);
                }
            }
        }
    }
}
