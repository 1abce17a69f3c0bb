using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace ModelGen;

/// <summary>Sums the loss and the metric of batches without reading them back one by one.</summary>
internal sealed class Metrics(TrainAttribute train) : IDisposable
{
    private Tensor? loss;
    private Tensor? score;
    private long samples;
    private long decisions;

    public void Add(Tensor prediction, Tensor target, int count)
    {
        using Tensor batchLoss = Loss(prediction, target);
        using Tensor batchScore = Score(prediction, target);
        Accumulate(ref loss, batchLoss, count);
        Accumulate(ref score, batchScore, 1);
        samples += count;
        decisions += target.numel();
    }

    public EvaluationResult Result()
    {
        double mean = loss is null ? double.NaN : loss.ToDouble() / samples;
        double ratio = score is null ? double.NaN : score.ToDouble() / decisions;
        bool classifies = train.Loss is ModelGen.Loss.CrossEntropy or ModelGen.Loss.BCEWithLogits;
        return new EvaluationResult(mean, classifies ? ratio : null, classifies ? null : ratio, samples);
    }

    public void Dispose()
    {
        loss?.Dispose();
        score?.Dispose();
    }

    private static void Accumulate(ref Tensor? sum, Tensor value, double weight)
    {
        using Tensor wide = value.to_type(ScalarType.Float64);
        Tensor weighted = TensorOps.Multiply(wide, weight).DetachFromDisposeScope();
        if (sum is null)
        {
            sum = weighted;
            return;
        }

        sum.add_(weighted).DisposeAliasOf(sum);
        weighted.Dispose();
    }

    private Tensor Loss(Tensor prediction, Tensor target) => train.Loss switch
    {
        ModelGen.Loss.CrossEntropy => functional.cross_entropy(prediction, target, label_smoothing: train.LabelSmoothing),
        ModelGen.Loss.MSE => functional.mse_loss(prediction, target),
        ModelGen.Loss.BCEWithLogits => functional.binary_cross_entropy_with_logits(prediction, target),
        ModelGen.Loss.L1 => functional.l1_loss(prediction, target),
        _ => functional.smooth_l1_loss(prediction, target, beta: train.SmoothL1Beta),
    };

    /// <summary>Number of correct decisions, or the sum of absolute errors.</summary>
    private Tensor Score(Tensor prediction, Tensor target)
    {
        if (train.Loss == ModelGen.Loss.CrossEntropy)
        {
            using Tensor chosen = prediction.argmax(1);
            using Tensor same = chosen.eq(target);
            return same.sum();
        }

        if (train.Loss == ModelGen.Loss.BCEWithLogits)
        {
            using Tensor yes = TensorOps.Greater(prediction, 0);
            using Tensor wanted = TensorOps.Greater(target, 0.5);
            using Tensor same = yes.eq(wanted);
            return same.sum();
        }

        using Tensor difference = prediction - target;
        using Tensor error = difference.abs();
        return error.sum();
    }
}
