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
        nint bad = Count(targets, rows, classes, out nint counted);
        if (bad >= 0)
        {
            return bad;
        }

        float* losses = Scratch.Floats(rows + 16);
        var job = new Job { Scores = scores, Targets = targets.Address, Classes = classes, Smoothing = smoothing, Share = 1f / counted, Losses = losses, Slope = slope };
        Workers.Share(ref job, rows, 1 + (4096 / Math.Max(classes, 1)));
        double sum = 0;
        for (nint row = 0; row < rows; row++)
        {
            sum += losses[row];
        }

        loss[0] = (float)(sum / counted);
        return -1;
    }

    /// <summary>Computes the loss alone: for validation, and for models that return it.</summary>
    /// <param name="scores">Scores [rows, classes].</param>
    /// <param name="targets">Classes [rows].</param>
    /// <param name="rows">Rows.</param>
    /// <param name="classes">Classes.</param>
    /// <param name="smoothing">Share of each target that is spread over all classes.</param>
    /// <param name="loss">Receives the mean; NaN when all targets are ignored.</param>
    /// <returns>-1, or the first row whose target is no class; then nothing was computed.</returns>
    public static nint Loss(Floats scores, Longs targets, nint rows, nint classes, float smoothing, Floats loss) => Run(scores, targets, rows, classes, smoothing, loss, default);

    /// <summary>Subtracts the smoothed targets from probabilities: the gradient of cross-entropy by the scores, but for the average. No target is ignored.</summary>
    /// <param name="probabilities">Softmax of the scores [rows, classes].</param>
    /// <param name="targets">Classes [rows].</param>
    /// <param name="rows">Rows.</param>
    /// <param name="classes">Classes.</param>
    /// <param name="smoothing">Share of each target that is spread over all classes.</param>
    /// <param name="result">Result [rows, classes].</param>
    /// <returns>-1, or the first row whose target is no class; then nothing was computed.</returns>
    public static nint SubtractTarget(Floats probabilities, Longs targets, nint rows, nint classes, float smoothing, Floats result)
    {
        nint bad = Indexing.Outside(targets, rows, classes);
        if (bad >= 0)
        {
            return bad;
        }

        for (nint i = 0; i < rows * classes; i++)
        {
            result[i] = probabilities[i] - (smoothing / classes);
        }

        for (nint row = 0; row < rows; row++)
        {
            result[(row * classes) + (nint)targets[row]] -= 1 - smoothing;
        }

        return -1;
    }

    private static nint Count(Longs targets, nint rows, nint classes, out nint counted)
    {
        counted = 0;
        nint bad = FirstInvalid(targets, rows, classes);
        for (nint row = 0; bad < 0 && row < rows; row++)
        {
            counted += targets[row] == Ignored ? 0 : 1;
        }

        return bad;
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
                float* slope = Slope is null ? null : Slope + (row * Classes);
                if (Targets[row] != Ignored)
                {
                    Losses[row] = Row(Scores + (row * Classes), slope, (nint)Targets[row]);
                    continue;
                }

                Losses[row] = 0;
                if (slope is not null)
                {
                    new Span<float>(slope, (int)Classes).Clear();
                }
            }
        }

        private readonly float Row(float* scores, float* slope, nint target)
        {
            // NaN need not show up in the largest score: its exponential does.
            float largest = Softmax<V>.Largest(scores, Classes);
            double sum = Softmax<V>.Exponentials(scores, Classes, largest, slope);
            double log = Math.Log(sum);
            float uniform = Smoothing / Classes;
            if (slope is not null)
            {
                Scale(slope, (float)(Share / sum), -uniform * Share);
                slope[target] -= (1 - Smoothing) * Share;
            }

            double loss = (1 - Smoothing) * (log - (scores[target] - largest));

            // Without smoothing a class whose score is minus infinity must not make 0 times infinity.
            return (float)(Smoothing == 0 ? loss : loss + (uniform * ((Classes * (log + largest)) - Softmax<V>.Total(scores, Classes))));
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private readonly void Scale(float* slope, float factor, float less)
        {
            (V times, V plus) = (V.All(factor), V.All(less));
            nint i = 0;
            for (; i + V.Count <= Classes; i += V.Count)
            {
                V.Fma(V.Load(slope + i), times, plus).Store(slope + i);
            }

            if (i < Classes)
            {
                V.Fma(V.LoadFirst(slope + i, (int)(Classes - i)), times, plus).StoreFirst(slope + i, (int)(Classes - i));
            }
        }
    }
}
