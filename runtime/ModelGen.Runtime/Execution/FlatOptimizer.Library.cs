using TorchSharp;
using static TorchSharp.torch;

namespace ModelGen;

/// <content>The update on libtorch's operators, for other devices and types.</content>
public sealed partial class FlatOptimizer
{
    private void StepOnLibrary()
    {
        using IDisposable guard = no_grad();
        AddPenaltiesOnLibrary();
        using (DisposeScope scope = NewDisposeScope())
        {
            ClipOnLibrary();
        }

        foreach (Segment segment in segments)
        {
            if (!segment.Frozen)
            {
                using DisposeScope scope = NewDisposeScope();
                Update(segment);
            }
        }
    }

    private void AddPenaltiesOnLibrary()
    {
        if (settings is { L1: 0, L2: 0 })
        {
            return;
        }

        using IDisposable guard = no_grad();
        using DisposeScope scope = NewDisposeScope();
        foreach (Segment segment in segments)
        {
            if (segment is { Frozen: false, Penalised: true })
            {
                Tensor p = Part(parameters, segment);
                Part(gradients, segment).add_(p, settings.L2).add_(p.sign(), settings.L1);
            }
        }
    }

    private static Tensor Part(FlatBuffer buffer, Segment segment) => buffer.Data.narrow(0, segment.Start, segment.Count);

    private Tensor Signed(Tensor gradient) => settings.Maximize ? gradient.neg() : gradient;

    /// <summary>As on kernels without reading the norm back, which would stall a GPU; the gradients are scaled in place.</summary>
    private void ClipOnLibrary()
    {
        Tensor g = gradients.Data;
        if (settings.ClipNorm > 0)
        {
            Tensor factor = (g.norm().add_(NormTerm).reciprocal() * settings.ClipNorm).clamp_max(1);
            g.mul_(factor).DisposeAliasOf(g);
        }
        else if (settings.ClipValue > 0)
        {
            g.clamp_(-settings.ClipValue, settings.ClipValue).DisposeAliasOf(g);
        }
    }

    // Weight decay never touches the gradient buffer: callers read it after the step.
    private void Update(Segment segment)
    {
        Tensor p = Part(parameters, segment);
        Tensor g = Signed(Part(gradients, segment));
        Tensor a = states.Length > 0 ? Part(states[0]!, segment) : p;
        Tensor? b = states.Length > 1 && states[1] is { } second ? Part(second, segment) : null;
        Tensor? c = states.Length > 2 && states[2] is { } third ? Part(third, segment) : null;
        double rate = LearningRate * segment.RateFactor;
        (double beta1, double beta2, double epsilon) = (settings.Beta1, settings.Beta2, settings.Epsilon);
        bool decoupled = settings.Kind is ModelGen.Optimizer.AdamW or ModelGen.Optimizer.Lion or ModelGen.Optimizer.Muon;
        if (segment.Decay != 0)
        {
            if (decoupled)
            {
                p.mul_(1 - (rate * segment.Decay));
            }
            else
            {
                g = g.add(p, segment.Decay);
            }
        }

        double correction1 = 1 - Math.Pow(beta1, StepCount);
        double correction2 = 1 - Math.Pow(beta2, StepCount);
        switch (settings.Kind)
        {
            case ModelGen.Optimizer.SGD:
                if (settings.Momentum != 0)
                {
                    a.mul_(settings.Momentum).add_(g, VelocityGain);
                    g = settings.Nesterov ? g.add(a, settings.Momentum) : a;
                }

                p.add_(g, -rate);
                break;
            case ModelGen.Optimizer.Adam or ModelGen.Optimizer.AdamW:
                StepAdam(p, g, a, b!, c, rate);
                break;
            case ModelGen.Optimizer.Adagrad:
                a.addcmul_(g, g, 1);
                p.addcdiv_(g, a.sqrt().add_(epsilon), -rate / (1 + ((StepCount - 1) * settings.RateDecay)));
                break;
            case ModelGen.Optimizer.Adadelta:
                a.mul_(settings.Alpha).addcmul_(g, g, 1 - settings.Alpha);
                Tensor delta = b!.add(epsilon).sqrt_().div_(a.add(epsilon).sqrt_()).mul_(g);
                b.mul_(settings.Alpha).addcmul_(delta, delta, 1 - settings.Alpha);
                p.add_(delta, -rate);
                break;
            case ModelGen.Optimizer.Adamax:
                a.mul_(beta1).add_(g, 1 - beta1);
                b!.copy_(maximum(b.mul(beta2), g.abs().add_(epsilon)));
                p.addcdiv_(a, b, -rate / correction1);
                break;
            case ModelGen.Optimizer.NAdam:
                (double onGradient, double onMoment) = NAdamRates(rate);
                Moments(g, a, b!);
                Tensor nesterov = b!.div(correction2).sqrt_().add_(epsilon);
                p.addcdiv_(g, nesterov, -onGradient);
                p.addcdiv_(a, nesterov, -onMoment);
                break;
            case ModelGen.Optimizer.RAdam:
                Moments(g, a, b!);
                double rectification = ModelGen.Kernels.RAdamRule<ModelGen.Kernels.V128>.Rectification(beta2, StepCount);
                if (rectification == 0)
                {
                    p.add_(a, -rate / correction1);
                }
                else
                {
                    p.addcdiv_(a, b!.sqrt().add_(epsilon), -rate / correction1 * rectification);
                }

                break;
            case ModelGen.Optimizer.RMSProp:
                a.mul_(settings.Alpha).addcmul_(g, g, 1 - settings.Alpha);
                Tensor square = a;
                if (settings.Centered)
                {
                    b!.mul_(settings.Alpha).add_(g, 1 - settings.Alpha);
                    square = a.addcmul(b, b, -1).clamp_min_(0);
                }

                Tensor step = g / square.sqrt().add_(epsilon);
                if (settings.Momentum != 0)
                {
                    step = c!.mul_(settings.Momentum).add_(step);
                }

                p.add_(step, -rate);
                break;
            case ModelGen.Optimizer.ASGD:
                (double eta, double mean) = AverageRates(segment.RateFactor);
                p.mul_(1 - (settings.AverageDecay * eta)).add_(g, -eta);
                if (mean == 1)
                {
                    a.copy_(p);
                }
                else
                {
                    a.add_(p - a, mean);
                }

                break;
            case ModelGen.Optimizer.Rprop:
                Tensor trend = g.sign() * a.sign();
                Tensor turned = trend.lt(0);
                Tensor factor = where(turned, full_like(trend, settings.Etas.Minus), where(trend.gt(0), full_like(trend, settings.Etas.Plus), ones_like(trend)));
                b!.mul_(factor).clamp_(settings.StepSizes.Smallest, settings.StepSizes.Largest);
                a.copy_(g.masked_fill(turned, 0));
                p.addcmul_(a.sign(), b, -1);
                break;
            case ModelGen.Optimizer.Lion:
                p.add_(a.mul(beta1).add_(g, 1 - beta1).sign_(), -rate);
                a.mul_(beta2).add_(g, 1 - beta2);
                break;
            case ModelGen.Optimizer.Muon when segment.Matrix is { } matrix:
                UpdateMatrix(segment, matrix, rate);
                break;
            case ModelGen.Optimizer.Muon:
                StepAdam(p, g, a, b!, null, rate);
                break;
            default:
                throw new NotSupportedException($"{settings.Kind} has no update.");
        }
    }

    private void Moments(Tensor g, Tensor first, Tensor second)
    {
        first.mul_(settings.Beta1).add_(g, 1 - settings.Beta1);
        second.mul_(settings.Beta2).addcmul_(g, g, 1 - settings.Beta2);
    }

    private void StepAdam(Tensor p, Tensor g, Tensor first, Tensor second, Tensor? largest, double rate)
    {
        Moments(g, first, second);
        if (largest is not null)
        {
            largest.copy_(maximum(largest, second));
        }

        Tensor denominator = (largest ?? second).sqrt().mul_(1 / Math.Sqrt(1 - Math.Pow(settings.Beta2, StepCount))).add_(settings.Epsilon);
        p.addcdiv_(first, denominator, -rate / (1 - Math.Pow(settings.Beta1, StepCount)));
    }

    private void UpdateMatrix(Segment segment, (long Rows, long Columns) matrix, double rate)
    {
        long count = matrix.Rows * matrix.Columns;
        Tensor At(FlatBuffer buffer) => buffer.Data.narrow(0, segment.Start, count).view(matrix.Rows, matrix.Columns);
        Tensor g = Signed(At(gradients));
        Tensor momentum = At(states[0]!);
        momentum.mul_(settings.Momentum).add_(g, 1 - settings.Momentum);
        Tensor x = g.mul(1 - settings.Momentum).add_(momentum, settings.Momentum);
        bool tall = matrix.Rows > matrix.Columns;
        x = tall ? x.t() : x;
        x = x / x.norm().add_(1e-7);
        for (int i = 0; i < MuonSteps; i++)
        {
            Tensor gram = x.matmul(x.t());
            x = (3.4445 * x) + ((-4.7750 * gram) + (2.0315 * gram.matmul(gram))).matmul(x);
        }

        At(parameters).add_(tall ? x.t() : x, -MuonRate(rate, matrix));
    }
}
