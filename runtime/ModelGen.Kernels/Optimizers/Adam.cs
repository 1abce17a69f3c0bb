using System.ComponentModel;
using System.Runtime.CompilerServices;

namespace ModelGen.Kernels;

/// <summary>Settings of a step of <see cref="Adam{V}"/>.</summary>
[EditorBrowsable(EditorBrowsableState.Never)]
public readonly record struct AdamSettings(double LearningRate, double Beta1, double Beta2, double Epsilon, double WeightDecay, bool Decoupled, long Step)
{
    /// <summary>Factor of the gradients before anything else, such as the one that clips their norm; 1 unless set.</summary>
    public float GradientScale { get; init; } = 1;
}

/// <summary>
/// Adam (D. Kingma, J. Ba, arXiv:1412.6980) and, with decoupled weight decay, AdamW (I. Loshchilov, F. Hutter, arXiv:1711.05101), in one pass over memory; the same update as PyTorch's.
/// </summary>
/// <typeparam name="V">Register.</typeparam>
[EditorBrowsable(EditorBrowsableState.Never)]
public static unsafe class Adam<V>
    where V : unmanaged, IVector<V>
{
    /// <summary>Updates parameters and moments.</summary>
    /// <param name="parameters">Parameters.</param>
    /// <param name="gradients">Gradients; not changed.</param>
    /// <param name="first">First moments.</param>
    /// <param name="second">Second moments.</param>
    /// <param name="count">Number of parameters.</param>
    /// <param name="settings">Settings; <see cref="AdamSettings.Step"/> counts from 1.</param>
    public static void Step(Floats parameters, Floats gradients, Floats first, Floats second, nint count, in AdamSettings settings)
    {
        double correction1 = 1 - Math.Pow(settings.Beta1, settings.Step);
        double correction2 = 1 - Math.Pow(settings.Beta2, settings.Step);
        var job = new Job
        {
            P = parameters,
            G = gradients,
            M = first,
            S = second,
            Count = count,
            Shrink = settings.Decoupled ? (float)(1 - (settings.LearningRate * settings.WeightDecay)) : 1,
            Decay = settings.Decoupled ? 0 : (float)settings.WeightDecay,
            Beta1 = (float)settings.Beta1,
            Gain1 = (float)(1 - settings.Beta1),
            Beta2 = (float)settings.Beta2,
            Gain2 = (float)(1 - settings.Beta2),
            Root = (float)(1 / Math.Sqrt(correction2)),
            Epsilon = (float)settings.Epsilon,
            Rate = (float)(settings.LearningRate / correction1),
            Scale = settings.GradientScale,
        };
        Workers.Share(ref job, (count + V.Count - 1) / V.Count, 8192 / V.Count);
    }

    private struct Job : IRange
    {
        public float* P;
        public float* G;
        public float* M;
        public float* S;
        public nint Count;
        public float Shrink;
        public float Decay;
        public float Beta1;
        public float Gain1;
        public float Beta2;
        public float Gain2;
        public float Root;
        public float Epsilon;
        public float Rate;
        public float Scale;

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public readonly void Run(nint from, nint to, int worker)
        {
            nint i = from * V.Count;
            nint end = Math.Min(to * V.Count, Count / V.Count * V.Count);
            for (; i < end; i += V.Count)
            {
                V p = Update(V.Load(P + i), V.Load(G + i), V.Load(M + i), V.Load(S + i), out V m, out V s);
                m.Store(M + i);
                s.Store(S + i);
                p.Store(P + i);
            }

            if (i < to * V.Count && i < Count)
            {
                int lanes = (int)(Count - i);
                V p = Update(V.LoadFirst(P + i, lanes), V.LoadFirst(G + i, lanes), V.LoadFirst(M + i, lanes), V.LoadFirst(S + i, lanes), out V m, out V s);
                m.StoreFirst(M + i, lanes);
                s.StoreFirst(S + i, lanes);
                p.StoreFirst(P + i, lanes);
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private readonly V Update(V p, V g, V m, V s, out V newM, out V newS)
        {
            g = V.Fma(p, V.All(Decay), g * V.All(Scale));
            newM = V.Fma(g, V.All(Gain1), m * V.All(Beta1));
            newS = V.Fma(g * V.All(Gain2), g, s * V.All(Beta2));
            V denominator = V.Fma(V.Sqrt(newS), V.All(Root), V.All(Epsilon));
            return (p * V.All(Shrink)) - (V.All(Rate) * newM / denominator);
        }
    }
}
