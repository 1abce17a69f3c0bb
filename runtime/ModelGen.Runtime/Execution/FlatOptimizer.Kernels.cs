using ModelGen.Kernels;
using static TorchSharp.torch;

namespace ModelGen;

/// <content>The update on kernels.</content>
public sealed unsafe partial class FlatOptimizer
{
    /// <summary>Added to a norm that divides, as in PyTorch's <c>clip_grad_norm_</c>.</summary>
    private const double NormTerm = 1e-6;

    private const int MuonSteps = 5;

    private Tensor? workspace;

    private void StepOnKernels<V>()
        where V : unmanaged, IVector<V>
    {
        AddPenalties<V>();
        nint count = (nint)parameters.Count;
        float scale = 1;
        if (settings.ClipNorm > 0)
        {
            // As PyTorch's clip_grad_norm_; the factor is applied while the optimizer reads, so the gradients stay as they are.
            GradientNorm = Math.Sqrt(GradientClip<V>.SumOfSquares(gradients.Address, count));
            scale = (float)Math.Min(1, settings.ClipNorm / (GradientNorm + NormTerm));
        }
        else if (settings.ClipValue > 0)
        {
            GradientClip<V>.Clamp(gradients.Address, count, (float)settings.ClipValue);
        }

        scale = settings.Maximize ? -scale : scale;
        foreach (Segment segment in segments)
        {
            if (!segment.Frozen)
            {
                Update<V>(segment, scale);
            }
        }
    }

    private void AddPenalties<V>()
        where V : unmanaged, IVector<V>
    {
        if (settings.L1 != 0 || settings.L2 != 0)
        {
            foreach (Segment segment in segments)
            {
                if (segment is { Frozen: false, Penalised: true })
                {
                    FlatSums<V>.AddPenalty(gradients.Address + segment.Start, parameters.Address + segment.Start, (nint)segment.Count, (float)settings.L1, (float)settings.L2);
                }
            }
        }
    }

    private void Update<V>(Segment segment, float scale)
        where V : unmanaged, IVector<V>
    {
        Floats At(int state) => state < states.Length && states[state] is { } buffer ? buffer.Address + segment.Start : default;
        Floats p = parameters.Address + segment.Start;
        Floats g = gradients.Address + segment.Start;
        nint count = (nint)segment.Count;
        double rate = LearningRate * segment.RateFactor;
        var buffers = new UpdateBuffers(p, g, At(0), At(1), At(2), count) { GradientScale = scale, Decay = (float)segment.Decay };
        UpdateBuffers decoupled = buffers with { Decay = 0, Shrink = (float)(1 - (rate * segment.Decay)) };
        switch (settings.Kind)
        {
            case ModelGen.Optimizer.SGD:
                Sgd<V>.Step(p, g, At(0), count, new SgdSettings(rate, settings.Momentum, settings.Nesterov, segment.Decay) { GradientScale = scale, VelocityGain = (float)VelocityGain });
                break;
            case ModelGen.Optimizer.Adam or ModelGen.Optimizer.AdamW when settings.AmsGrad:
                FlatUpdate<V>.Run(new AmsGradRule<V>(rate, settings.Beta1, settings.Beta2, settings.Epsilon, StepCount), settings.Kind == ModelGen.Optimizer.AdamW ? decoupled : buffers);
                break;
            case ModelGen.Optimizer.Adam or ModelGen.Optimizer.AdamW:
                Adam<V>.Step(p, g, At(0), At(1), count, AdamSettings(rate, segment.Decay, settings.Kind == ModelGen.Optimizer.AdamW, scale));
                break;
            case ModelGen.Optimizer.Adagrad:
                FlatUpdate<V>.Run(new AdagradRule<V>(rate / (1 + ((StepCount - 1) * settings.RateDecay)), settings.Epsilon), buffers);
                break;
            case ModelGen.Optimizer.Adadelta:
                FlatUpdate<V>.Run(new AdadeltaRule<V>(rate, settings.Alpha, settings.Epsilon), buffers);
                break;
            case ModelGen.Optimizer.Adamax:
                FlatUpdate<V>.Run(new AdamaxRule<V>(rate, settings.Beta1, settings.Beta2, settings.Epsilon, StepCount), buffers);
                break;
            case ModelGen.Optimizer.NAdam:
                (double onGradient, double onMoment) = NAdamRates(rate);
                FlatUpdate<V>.Run(new NAdamRule<V>(onGradient, onMoment, settings.Beta1, settings.Beta2, settings.Epsilon, StepCount), buffers);
                break;
            case ModelGen.Optimizer.RAdam:
                FlatUpdate<V>.Run(new RAdamRule<V>(rate, settings.Beta1, settings.Beta2, settings.Epsilon, StepCount), buffers);
                break;
            case ModelGen.Optimizer.RMSProp:
                FlatUpdate<V>.Run(new RmsPropRule<V>(rate, settings.Alpha, settings.Epsilon, settings.Momentum, settings.Centered), buffers);
                break;
            case ModelGen.Optimizer.ASGD:
                (double eta, double mean) = AverageRates(segment.RateFactor);
                FlatUpdate<V>.Run(new AveragedSgdRule<V>(eta, settings.AverageDecay, mean), buffers);
                break;
            case ModelGen.Optimizer.Rprop:
                FlatUpdate<V>.Run(new RpropRule<V>(settings.Etas.Minus, settings.Etas.Plus, settings.StepSizes.Smallest, settings.StepSizes.Largest), buffers with { Decay = 0 });
                break;
            case ModelGen.Optimizer.Lion:
                FlatUpdate<V>.Run(new LionRule<V>(rate, settings.Beta1, settings.Beta2), decoupled);
                break;
            case ModelGen.Optimizer.Muon when segment.Matrix is { } matrix:
                UpdateMatrix<V>(segment, matrix, scale);
                break;
            case ModelGen.Optimizer.Muon:
                Adam<V>.Step(p, g, At(0), At(1), count, AdamSettings(rate, segment.Decay, decoupled: true, scale));
                break;
            default:
                throw new NotSupportedException($"{settings.Kind} has no update.");
        }
    }

    private AdamSettings AdamSettings(double rate, double decay, bool decoupled, float scale)
        => new(rate, settings.Beta1, settings.Beta2, settings.Epsilon, decay, decoupled, StepCount) { GradientScale = scale };

    private void UpdateMatrix<V>(Segment segment, (long Rows, long Columns) matrix, float scale)
        where V : unmanaged, IVector<V>
    {
        nint count = (nint)(matrix.Rows * matrix.Columns);
        nint needed = (count + 31) / 16 * 16;
        if (workspace is null)
        {
            long largest = segments.Where(static candidate => candidate.Matrix is not null).Max(static candidate =>
                ((candidate.Matrix!.Value.Rows * candidate.Matrix.Value.Columns + 31) / 16 * 16) + Muon<V>.WorkspaceFloats((nint)candidate.Matrix.Value.Rows, (nint)candidate.Matrix.Value.Columns));
            workspace = zeros([largest], ScalarType.Float32).DetachFromDisposeScope();
        }

        Floats direction = (float*)AtenC.Address(workspace);
        Floats momentum = states[0]!.Address + segment.Start;
        Floats g = gradients.Address + segment.Start;
        Floats p = parameters.Address + segment.Start;
        double rate = LearningRate * segment.RateFactor;
        float inertia = (float)settings.Momentum;
        FlatSums<V>.Scale(momentum, g, count, inertia, (1 - inertia) * scale);
        FlatSums<V>.Scale(direction, g, count, 0, (1 - inertia) * scale);
        FlatSums<V>.Scale(direction, momentum, count, 1, inertia);
        Muon<V>.Orthogonalize(direction, (nint)matrix.Rows, (nint)matrix.Columns, direction + needed, MuonSteps);
        FlatSums<V>.Scale(p, direction, count, (float)(1 - (rate * segment.Decay)), (float)-MuonRate(rate, matrix));
    }
}
