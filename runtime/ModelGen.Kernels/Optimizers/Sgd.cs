using System.ComponentModel;
using System.Runtime.CompilerServices;

namespace ModelGen.Kernels;

/// <summary>Settings of a step of <see cref="Sgd{V}"/>.</summary>
[EditorBrowsable(EditorBrowsableState.Never)]
public readonly record struct SgdSettings(double LearningRate, double Momentum, bool Nesterov, double WeightDecay)
{
    /// <summary>Factor of the gradients before anything else, such as the one that clips their norm; 1 unless set.</summary>
    public float GradientScale { get; init; } = 1;

    /// <summary>Factor of the gradients, weight decay included, where they are added to the velocities: 1 less the dampening; 1 unless set.</summary>
    public float VelocityGain { get; init; } = 1;
}

/// <summary>
/// Gradient descent with momentum and Nesterov's form of it (I. Sutskever et al., "On the importance of initialization and momentum in deep learning", 2013), in one pass over
/// memory; the same update as PyTorch's.
/// </summary>
/// <typeparam name="V">Register.</typeparam>
[EditorBrowsable(EditorBrowsableState.Never)]
public static unsafe class Sgd<V>
    where V : unmanaged, IVector<V>
{
    /// <summary>Updates parameters and velocities.</summary>
    /// <param name="parameters">Parameters.</param>
    /// <param name="gradients">Gradients; not changed.</param>
    /// <param name="velocities">Velocities, zero before the first step; null when there is no momentum.</param>
    /// <param name="count">Number of parameters.</param>
    /// <param name="settings">Settings.</param>
    public static void Step(Floats parameters, Floats gradients, Floats velocities, nint count, in SgdSettings settings)
    {
        var job = new Job
        {
            P = parameters,
            G = gradients,
            Velocity = velocities,
            Count = count,
            Rate = (float)settings.LearningRate,
            Momentum = (float)settings.Momentum,
            Nesterov = settings.Nesterov,
            Decay = (float)settings.WeightDecay,
            Scale = settings.GradientScale,
            Gain = settings.VelocityGain,
        };
        Workers.Share(ref job, (count + V.Count - 1) / V.Count, 16384 / V.Count);
    }

    private struct Job : IRange
    {
        public float* P;
        public float* G;
        public float* Velocity;
        public nint Count;
        public float Rate;
        public float Momentum;
        public bool Nesterov;
        public float Decay;
        public float Scale;
        public float Gain;

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public readonly void Run(nint from, nint to, int worker)
        {
            nint i = from * V.Count;
            nint end = Math.Min(to * V.Count, Count / V.Count * V.Count);
            if (Velocity is null)
            {
                for (; i < end; i += V.Count)
                {
                    V p = V.Load(P + i);
                    (p - (V.All(Rate) * Gradient(p, V.Load(G + i)))).Store(P + i);
                }
            }
            else
            {
                for (; i < end; i += V.Count)
                {
                    V p = Update(V.Load(P + i), V.Load(G + i), V.Load(Velocity + i), out V velocity);
                    velocity.Store(Velocity + i);
                    p.Store(P + i);
                }
            }

            if (i < to * V.Count && i < Count)
            {
                int lanes = (int)(Count - i);
                V p = Update(V.LoadFirst(P + i, lanes), V.LoadFirst(G + i, lanes), Velocity is null ? V.Zero : V.LoadFirst(Velocity + i, lanes), out V velocity);
                p.StoreFirst(P + i, lanes);
                if (Velocity is not null)
                {
                    velocity.StoreFirst(Velocity + i, lanes);
                }
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private readonly V Gradient(V p, V g) => V.Fma(p, V.All(Decay), g * V.All(Scale));

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private readonly V Update(V p, V g, V velocity, out V next)
        {
            g = Gradient(p, g);
            next = V.Fma(velocity, V.All(Momentum), g * V.All(Gain));
            return p - (V.All(Rate) * (Nesterov ? V.Fma(next, V.All(Momentum), g) : next));
        }
    }
}
