using static TorchSharp.torch;

namespace ModelGen;

/// <summary>A copy of everything that training steps change, to be put back: parameters, gradients, optimizer state, the model's other tensors, and torch's random generator.</summary>
internal sealed class StepState : IDisposable
{
    private readonly List<(Tensor Live, Tensor Copy)> tensors = [];
    private readonly TrainingStep step;
    private readonly (long StepCount, double Scalar, LbfgsCounters? Search) counters;
    private readonly long runs;
    private readonly ulong? key;
    private readonly Tensor generator;

    public StepState(nn.Module model, TrainingStep step)
    {
        this.step = step;
        counters = step.Optimizer.Counters;
        runs = step.RunCount;
        key = step.RandomKey;
        generator = random.get_rng_state().DetachFromDisposeScope();
        foreach (Tensor live in step.StateTensors.Concat(model.buffers()))
        {
            tensors.Add((live, live.detach().clone().DetachFromDisposeScope()));
        }
    }

    public void Restore()
    {
        using IDisposable guard = no_grad();
        foreach ((Tensor live, Tensor copy) in tensors)
        {
            live.copy_(copy).DisposeAliasOf(live);
        }

        step.Optimizer.Counters = counters;
        step.RunCount = runs;
        step.RandomKey = key;
        random.set_rng_state(generator);
    }

    public void Dispose()
    {
        generator.Dispose();
        foreach ((Tensor _, Tensor copy) in tensors)
        {
            copy.Dispose();
        }
    }
}
