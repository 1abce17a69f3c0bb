using ModelGen.Kernels;
using static TorchSharp.torch;
using Scalar = TorchSharp.Scalar;

namespace ModelGen;

/// <summary>Update rule and settings of a <see cref="FlatOptimizer"/>. See <see cref="TrainAttribute"/> for meanings and defaults.</summary>
/// <param name="Kind">Update rule.</param>
/// <param name="LearningRate">Learning rate.</param>
public sealed record OptimizerSettings(Optimizer Kind, double LearningRate)
{
    /// <summary>Weight decay; an L2 term for SGD and Adam, decoupled for AdamW. Default 0.</summary>
    public double WeightDecay { get; init; }

    /// <summary>Momentum of SGD; default 0.</summary>
    public double Momentum { get; init; }

    /// <summary>Nesterov momentum for SGD; default false.</summary>
    public bool Nesterov { get; init; }

    /// <summary>Decay of the first moment; default 0.9.</summary>
    public double Beta1 { get; init; } = 0.9;

    /// <summary>Decay of the second moment; default 0.999.</summary>
    public double Beta2 { get; init; } = 0.999;

    /// <summary>Denominator term; default 1e-8.</summary>
    public double Epsilon { get; init; } = 1e-8;

    /// <summary>Largest L2 norm of all gradients together, above which they are scaled down; default 0, no limit.</summary>
    public double ClipNorm { get; init; }

    /// <summary>Largest magnitude of a gradient; default 0, no limit.</summary>
    public double ClipValue { get; init; }

    /// <summary>The settings of an attribute; an unset weight decay becomes 0.01 for AdamW and 0 otherwise.</summary>
    /// <param name="train">The attribute.</param>
    /// <returns>The settings.</returns>
    public static OptimizerSettings From(TrainAttribute train) => new(train.Optimizer, train.LearningRate)
    {
        WeightDecay = double.IsNaN(train.WeightDecay) ? (train.Optimizer == Optimizer.AdamW ? 0.01 : 0) : train.WeightDecay,
        Momentum = train.Momentum,
        Nesterov = train.Nesterov,
        Beta1 = train.Beta1,
        Beta2 = train.Beta2,
        Epsilon = train.Epsilon,
        ClipNorm = train.ClipNorm,
        ClipValue = train.ClipValue,
    };
}

/// <summary>
/// SGD, Adam and AdamW over flat buffers: one pass over memory for the whole model for float32 on the CPU, otherwise a handful of in-place operations of libtorch.
/// </summary>
public sealed class FlatOptimizer : IDisposable
{
    /// <summary>Added to a norm that divides, as in PyTorch's <c>clip_grad_norm_</c>.</summary>
    private const double NormTerm = 1e-6;

    private readonly bool onKernels;
    private readonly OptimizerSettings settings;
    private readonly FlatBuffer parameters;
    private readonly FlatBuffer gradients;
    private readonly FlatBuffer? first;
    private readonly FlatBuffer? second;

    /// <summary>Creates the optimizer and its zeroed state.</summary>
    /// <param name="settings">Update rule and settings.</param>
    /// <param name="parameters">Parameters, updated in place.</param>
    /// <param name="gradients">Gradients of the same layout.</param>
    /// <exception cref="ArgumentException">Nesterov is asked for without momentum, or gradients are to be clipped in two ways or by a negative limit.</exception>
    public FlatOptimizer(OptimizerSettings settings, FlatBuffer parameters, FlatBuffer gradients)
    {
        if (settings is { Nesterov: true, Momentum: <= 0 })
        {
            throw new ArgumentException("Nesterov momentum needs Momentum above 0.", nameof(settings));
        }

        if (settings.ClipNorm < 0 || settings.ClipValue < 0 || (settings.ClipNorm > 0 && settings.ClipValue > 0))
        {
            throw new ArgumentException("Set ClipNorm or ClipValue to a limit above 0, not both; 0 is no limit.", nameof(settings));
        }

        this.settings = settings;
        this.parameters = parameters;
        this.gradients = gradients;
        LearningRate = settings.LearningRate;
        onKernels = KernelSwitch.IsOn && parameters.Data.dtype == ScalarType.Float32 && parameters.Data.device_type == TorchSharp.DeviceType.CPU;
        if (onKernels)
        {
            NativeLibraries.ShareThreads();
        }

        if (settings.Kind != ModelGen.Optimizer.SGD)
        {
            first = parameters.Like();
            second = parameters.Like();
        }
        else if (settings.Momentum != 0)
        {
            first = parameters.Like();
        }
    }

    /// <summary>Learning rate of the next step.</summary>
    public double LearningRate { get; set; }

    /// <summary>Steps taken.</summary>
    public long StepCount { get; internal set; }

    /// <summary>
    /// L2 norm of all gradients of the last step before they were clipped; NaN before the first step and where it is not computed: without <see cref="OptimizerSettings.ClipNorm"/>,
    /// and on other devices, where reading it would stall the step.
    /// </summary>
    public double GradientNorm { get; private set; } = double.NaN;

    /// <summary>Bytes that one step reads and writes: parameters and states both ways, gradients once, once more to measure their norm or to clamp them.</summary>
    public long StepBytes => (2 * (parameters.Bytes + StateBytes)) + (gradients.Bytes * (1 + (settings.ClipNorm > 0 ? 1 : 0) + (settings.ClipValue > 0 ? 2 : 0)));

    /// <summary>Floating-point operations of one step: 12 an element for Adam and AdamW, 2 for SGD, 2 more for momentum, for weight decay and for clipping.</summary>
    public long StepFlops => parameters.Count * ((settings.Kind == ModelGen.Optimizer.SGD ? 2 : 12) + (first is not null && second is null ? 2 : 0) + (settings.WeightDecay > 0 ? 2 : 0) + (settings.ClipNorm > 0 || settings.ClipValue > 0 ? 2 : 0));

    /// <summary>Bytes of the moments or the velocity.</summary>
    internal long StateBytes => (first?.Bytes ?? 0) + (second?.Bytes ?? 0);

    /// <summary>The moments or the velocity.</summary>
    internal IEnumerable<Tensor> StateTensors => new[] { first, second }.OfType<FlatBuffer>().Select(static buffer => buffer.Data);

    /// <summary>Updates the parameters from the gradients.</summary>
    public void Step()
    {
        StepCount++;
        if (onKernels)
        {
            switch (Hardware.VectorBits)
            {
                case 512:
                    StepOnKernels<V512>();
                    break;
                case 256:
                    StepOnKernels<V256>();
                    break;
                default:
                    StepOnKernels<V128>();
                    break;
            }

            return;
        }

        using IDisposable guard = no_grad();
        ClipOnLibrary();
        if (settings.Kind == ModelGen.Optimizer.SGD)
        {
            StepSgd();
        }
        else
        {
            StepAdam(decoupled: settings.Kind == ModelGen.Optimizer.AdamW);
        }
    }

    /// <summary>Frees the optimizer's state.</summary>
    public void Dispose()
    {
        first?.Dispose();
        second?.Dispose();
    }

    private unsafe void StepOnKernels<V>()
        where V : unmanaged, IVector<V>
    {
        static Floats At(FlatBuffer? buffer) => buffer is null ? default : buffer.Address;
        nint count = (nint)parameters.Count;
        float scale = 1;
        if (settings.ClipNorm > 0)
        {
            // As PyTorch's clip_grad_norm_; the factor is applied while the optimizer reads, so the gradients stay as they are.
            GradientNorm = Math.Sqrt(GradientClip<V>.SumOfSquares(At(gradients), count));
            scale = (float)Math.Min(1, settings.ClipNorm / (GradientNorm + NormTerm));
        }
        else if (settings.ClipValue > 0)
        {
            GradientClip<V>.Clamp(At(gradients), count, (float)settings.ClipValue);
        }

        if (settings.Kind == ModelGen.Optimizer.SGD)
        {
            Sgd<V>.Step(At(parameters), At(gradients), At(first), count, new SgdSettings(LearningRate, settings.Momentum, settings.Nesterov, settings.WeightDecay) { GradientScale = scale });
        }
        else
        {
            var adam = new AdamSettings(LearningRate, settings.Beta1, settings.Beta2, settings.Epsilon, settings.WeightDecay, settings.Kind == ModelGen.Optimizer.AdamW, StepCount) { GradientScale = scale };
            Adam<V>.Step(At(parameters), At(gradients), At(first), At(second), count, adam);
        }
    }

    /// <summary>The same without reading the norm back, which would stall a GPU; the gradients are scaled in place.</summary>
    private void ClipOnLibrary()
    {
        Tensor g = gradients.Data;
        if (settings.ClipNorm > 0)
        {
            using Tensor norm = g.norm();
            using Scalar term = NormTerm;
            using Scalar limit = settings.ClipNorm;
            using Scalar one = 1;
            norm.add_(term).DisposeAliasOf(norm);
            using Tensor reciprocal = norm.reciprocal();
            reciprocal.mul_(limit).DisposeAliasOf(reciprocal);
            using Tensor factor = reciprocal.clamp_max(one);
            g.mul_(factor).DisposeAliasOf(g);
        }
        else if (settings.ClipValue > 0)
        {
            using Scalar low = -settings.ClipValue;
            using Scalar high = settings.ClipValue;
            g.clamp_(low, high).DisposeAliasOf(g);
        }
    }

    // Weight decay never touches the gradient buffer: callers read it after the step.
    private void StepSgd()
    {
        Tensor p = parameters.Data;
        Tensor g = gradients.Data;
        using Scalar minusRate = -LearningRate;
        using Scalar shrink = 1 - (LearningRate * settings.WeightDecay);
        if (first is null)
        {
            p.mul_(shrink).DisposeAliasOf(p);
            p.add_(g, minusRate).DisposeAliasOf(p);
            return;
        }

        Tensor velocity = first.Data;
        using (Scalar momentum = settings.Momentum, decay = settings.WeightDecay)
        {
            velocity.mul_(momentum).DisposeAliasOf(velocity);
            velocity.add_(g).DisposeAliasOf(velocity);
            velocity.add_(p, decay).DisposeAliasOf(velocity);
        }

        if (settings.Nesterov)
        {
            p.mul_(shrink).DisposeAliasOf(p);
            p.add_(g, minusRate).DisposeAliasOf(p);
            using Scalar lookAhead = -LearningRate * settings.Momentum;
            p.add_(velocity, lookAhead).DisposeAliasOf(p);
        }
        else
        {
            p.add_(velocity, minusRate).DisposeAliasOf(p);
        }
    }

    private void StepAdam(bool decoupled)
    {
        Tensor p = parameters.Data;
        using Scalar decay = settings.WeightDecay;
        using Tensor g = decoupled ? gradients.Data.alias() : gradients.Data.add(p, decay);
        Tensor m = first!.Data;
        Tensor v = second!.Data;
        if (decoupled)
        {
            using Scalar shrink = 1 - (LearningRate * settings.WeightDecay);
            p.mul_(shrink).DisposeAliasOf(p);
        }

        using (Scalar beta1 = settings.Beta1, gain = 1 - settings.Beta1)
        {
            m.mul_(beta1).DisposeAliasOf(m);
            m.add_(g, gain).DisposeAliasOf(m);
        }

        using (Scalar beta2 = settings.Beta2, gain = 1 - settings.Beta2)
        {
            v.mul_(beta2).DisposeAliasOf(v);
            v.addcmul_(g, g, gain).DisposeAliasOf(v);
        }

        double correction1 = 1 - Math.Pow(settings.Beta1, StepCount);
        double correction2 = 1 - Math.Pow(settings.Beta2, StepCount);
        using Tensor denominator = v.sqrt();
        using (Scalar scale = 1 / Math.Sqrt(correction2), epsilon = settings.Epsilon)
        {
            denominator.mul_(scale).DisposeAliasOf(denominator);
            denominator.add_(epsilon).DisposeAliasOf(denominator);
        }

        using Scalar step = -LearningRate / correction1;
        p.addcdiv_(m, denominator, step).DisposeAliasOf(p);
    }
}
