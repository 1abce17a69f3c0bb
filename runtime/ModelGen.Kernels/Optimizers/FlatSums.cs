using System.ComponentModel;
using System.Runtime.CompilerServices;

namespace ModelGen.Kernels;

/// <summary>Sums of flat buffers: of the gradients of several batches, of a penalty's gradient, and running averages of parameters.</summary>
/// <typeparam name="V">Register.</typeparam>
[EditorBrowsable(EditorBrowsableState.Never)]
public static unsafe class FlatSums<V>
    where V : unmanaged, IVector<V>
{
    /// <summary>target = target * keep + values * weight.</summary>
    /// <param name="target">Sums, updated in place; not read when <paramref name="keep"/> is 0.</param>
    /// <param name="values">Values to add.</param>
    /// <param name="count">How many.</param>
    /// <param name="keep">Factor of the sums.</param>
    /// <param name="weight">Factor of the values.</param>
    public static void Scale(Floats target, Floats values, nint count, float keep, float weight)
        => Run(new Job { Target = target, Values = values, Count = count, Keep = keep, Weight = weight });

    /// <summary>target = target + (values - target) * weight.</summary>
    /// <param name="target">Averages, updated in place.</param>
    /// <param name="values">New values.</param>
    /// <param name="count">How many.</param>
    /// <param name="weight">Weight of the new values, 0 to 1.</param>
    public static void Lerp(Floats target, Floats values, nint count, float weight)
        => Run(new Job { Target = target, Values = values, Count = count, Weight = weight, Kind = Kind.Lerp });

    /// <summary>gradients = gradients + square * parameters + absolute * sign(parameters): the gradient of the penalty square / 2 |p|² + absolute |p|.</summary>
    /// <param name="gradients">Gradients, updated in place.</param>
    /// <param name="parameters">Parameters.</param>
    /// <param name="count">How many.</param>
    /// <param name="absolute">Factor of L1.</param>
    /// <param name="square">Factor of L2.</param>
    public static void AddPenalty(Floats gradients, Floats parameters, nint count, float absolute, float square)
        => Run(new Job { Target = gradients, Values = parameters, Count = count, Keep = absolute, Weight = square, Kind = Kind.Penalty });

    private static void Run(Job job) => Workers.Run(ref job, (job.Count + V.Count - 1) / V.Count, 16384 / V.Count);

    private enum Kind
    {
        Scale,
        Lerp,
        Penalty,
    }

    private struct Job : IRange
    {
        public float* Target;
        public float* Values;
        public nint Count;
        public float Keep;
        public float Weight;
        public Kind Kind;

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public readonly void Run(nint from, nint to, int worker)
        {
            nint end = Math.Min(to * V.Count, Count);
            for (nint i = from * V.Count; i < end; i += V.Count)
            {
                int lanes = (int)Math.Min(V.Count, end - i);
                V value = V.LoadFirst(Values + i, lanes);
                V target = Kind == Kind.Scale && Keep == 0 ? V.Zero : V.LoadFirst(Target + i, lanes);
                V result = Kind switch
                {
                    Kind.Lerp => V.Fma(value - target, V.All(Weight), target),
                    Kind.Penalty => V.Fma(value, V.All(Weight), V.Fma(Lanes<V>.Sign(value), V.All(Keep), target)),
                    _ => V.Fma(value, V.All(Weight), target * V.All(Keep)),
                };
                result.StoreFirst(Target + i, lanes);
            }
        }
    }
}
