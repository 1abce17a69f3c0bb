using static TorchSharp.torch;

namespace ModelGen;

/// <summary>A copy of everything that training steps change, to be put back: parameters, gradients, optimizer state, the model's other tensors, and torch's random generator.</summary>
internal sealed class StepState : IDisposable
{
    private readonly List<(Tensor Live, Tensor Copy)> tensors = [];
    private readonly TrainingStep step;
    private readonly long count;
    private readonly Tensor generator;

    public StepState(nn.Module model, TrainingStep step)
    {
        this.step = step;
        count = step.Optimizer.StepCount;
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

        step.Optimizer.StepCount = count;
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
