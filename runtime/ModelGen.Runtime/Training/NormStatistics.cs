using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace ModelGen;

/// <summary>Estimates running statistics of batch normalisation anew, as PyTorch's <c>update_bn</c> does: their plain mean over the batches of an epoch.</summary>
internal static class NormStatistics
{
    public static void Estimate(nn.Module model, TrainingStep step, BatchSource batches, CancellationToken cancellation)
    {
        (Tensor Live, Tensor Sum, double Momentum)[] statistics =
        [
            .. model.modules().OfType<NormBase>().Where(static norm => norm.track_running_stats && norm.momentum is > 0)
                .SelectMany(static norm => new[] { norm.running_mean!, norm.running_var! }.Select(live => (live, zeros_like(live, ScalarType.Float64).DetachFromDisposeScope(), norm.momentum!.Value))),
        ];
        if (statistics.Length == 0)
        {
            return;
        }

        using IDisposable guard = no_grad();
        int count = 0;
        for (batches.BeginEpoch(1, 0, 1, (1, 0)); !batches.EndsEpoch; count++)
        {
            cancellation.ThrowIfCancellationRequested();
            using DisposeScope scope = NewDisposeScope();
            foreach ((Tensor live, _, _) in statistics)
            {
                live.zero_().DisposeAliasOf(live);
            }

            // From zero, a step leaves momentum times the statistics of its batch.
            ModelGen.Data.Batch batch = batches.Next(cancellation);
            step.Measure(batch.Inputs, batch.Target);
            foreach ((Tensor live, Tensor sum, double momentum) in statistics)
            {
                sum.add_(live.to_type(ScalarType.Float64) / momentum).DisposeAliasOf(sum);
            }
        }

        foreach ((Tensor live, Tensor sum, _) in statistics)
        {
            using DisposeScope scope = NewDisposeScope();
            live.copy_(sum / count).DisposeAliasOf(live);
            sum.Dispose();
        }
    }
}
