using ModelGen;

namespace CharGpt;

/// <summary>Stops a training after some steps.</summary>
internal sealed class StopAfter(long steps, CancellationTokenSource source) : TrainerCallback
{
    public override void OnStepEnd(TrainerContext context)
    {
        if (context.Steps >= steps)
        {
            source.Cancel();
        }
    }
}
