using System.ComponentModel;
using System.Runtime.CompilerServices;

namespace ModelGen.Kernels;

/// <summary>Cross-entropy of scores, averaged, and its gradient in the same pass; as PyTorch's <c>cross_entropy</c>.</summary>
/// <typeparam name="V">Register.</typeparam>
[EditorBrowsable(EditorBrowsableState.Never)]
public static unsafe class CrossEntropy<V>
    where V : unmanaged, IVector<V>
{
    /// <summary>A target that does not count.</summary>
    public const long Ignored = -100;

    /// <summary>Computes loss and gradient.</summary>
    /// <param name="scores">Scores [rows, classes].</param>
    /// <param name="targets">Classes [rows].</param>
    /// <param name="rows">Rows.</param>
    /// <param name="classes">Classes.</param>
    /// <param name="smoothing">Share of each target that is spread over all classes.</param>
    /// <param name="loss">Receives the mean; NaN when all targets are ignored.</param>
    /// <param name="slope">Receives the gradient of the mean [rows, classes].</param>
    /// <returns>-1, or the first row whose target is no class; then nothing was computed.</returns>
    public static nint Run(Floats scores, Longs targets, nint rows, nint classes, float smoothing, Floats loss, Floats slope)
    {
        nint invalid = FirstInvalid(targets, rows, classes);
        if (invalid >= 0)
        {
            return invalid;
        }

        nint counted = 0;
        for (nint row = 0; row < rows; row++)
        {
            counted += targets[row] == Ignored ? 0 : 1;
        }

        float* losses = Scratch.Floats(rows + 16);
        var job = new Job { Scores = scores, Targets = targets.Address, Classes = classes, Smoothing = smoothing, Share = 1f / counted, Losses = losses, Slope = slope };
        Workers.Run(ref job, rows, 1 + (4096 / Math.Max(classes, 1)));
        double sum = 0;
        for (nint row = 0; row < rows; row++)
        {
            sum += losses[row];
        }

        loss[0] = (float)(sum / counted);
        return -1;
    }

    /// <summary>The first target that is no class and not ignored.</summary>
    /// <param name="targets">Targets [rows].</param>
    /// <param name="rows">Rows.</param>
    /// <param name="classes">Classes.</param>
    /// <returns>Its row, or -1.</returns>
    public static nint FirstInvalid(Longs targets, nint rows, nint classes)
    {
        for (nint row = 0; row < rows; row++)
        {
            if ((ulong)targets[row] >= (ulong)classes && targets[row] != Ignored)
            {
                return row;
            }
        }

        return -1;
    }

    private struct Job : IRange
    {
        public float* Scores;
        public long* Targets;
        public nint Classes;
        public float Smoothing;
        public float Share;
        public float* Losses;
        public float* Slope;

        public readonly void Run(nint from, nint to, int worker)
        {
            for (nint row = from; row < to; row++)
            {
                float* slope = Slope + (row * Classes);
                if (Targets[row] == Ignored)
                {
                    Losses[row] = 0;
                    new Span<float>(slope, (int)Classes).Clear();
                }
                else
                {
                    Losses[row] = Row(Scores + (row * Classes), slope, (nint)Targets[row]);
                }
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private readonly float Row(float* scores, float* slope, nint target)
        {
            // NaN need not show up here: its exponential does.
            V most = V.All(float.NegativeInfinity);
            nint whole = Classes / V.Count * V.Count;
            int rest = (int)(Classes - whole);
            for (nint i = 0; i < whole; i += V.Count)
            {
                most = V.Max(most, V.Load(scores + i));
            }

            float largest = float.NegativeInfinity;
            if (whole > 0)
            {
                float* lanes = stackalloc float[V.Count];
                most.Store(lanes);
                for (int i = 0; i < V.Count; i++)
                {
                    largest = MathF.Max(largest, lanes[i]);
                }
            }

            for (nint i = whole; i < Classes; i++)
            {
                largest = MathF.Max(largest, scores[i]);
            }

            V shift = V.All(largest);
            V total = V.Zero;
            V plain = V.Zero;
            for (nint i = 0; i < whole; i += V.Count)
            {
                V distance = V.Load(scores + i) - shift;
                V e = VectorMath.Exp(distance);
                e.Store(slope + i);
                total += e;
                plain += distance;
            }

            float sum = V.Sum(total);
            float distances = V.Sum(plain);
            if (rest > 0)
            {
                V distance = V.LoadFirst(scores + whole, rest) - shift;
                VectorMath.Exp(distance).StoreFirst(slope + whole, rest);
                for (nint i = whole; i < Classes; i++)
                {
                    sum += slope[i];
                    distances += scores[i] - largest;
                }
            }

            float log = MathF.Log(sum);
            float uniform = Smoothing / Classes;
            V factor = V.All(Share / sum);
            V less = V.All(-uniform * Share);
            for (nint i = 0; i < whole; i += V.Count)
            {
                V.Fma(V.Load(slope + i), factor, less).Store(slope + i);
            }

            if (rest > 0)
            {
                V.Fma(V.LoadFirst(slope + whole, rest), factor, less).StoreFirst(slope + whole, rest);
            }

            slope[target] -= (1 - Smoothing) * Share;
            float loss = (1 - Smoothing) * (log - (scores[target] - largest));

            // Without smoothing a class whose score is minus infinity must not make 0 times infinity.
            return Smoothing == 0 ? loss : loss + (uniform * ((Classes * log) - distances));
        }
    }
}
