using System.Diagnostics;
using static TorchSharp.torch;

namespace ModelGen;

/// <summary>Runs training steps with a clock in them, and takes back what they changed.</summary>
internal static class StepProfiler
{
    private const int WarmUp = 3;

    public static StepProfile Run(string name, nn.Module model, TrainingStep step, IReadOnlyList<Tensor> inputs, Tensor target, int steps)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(steps, 1);
        if (step is not KernelStep kernels)
        {
            throw new NotSupportedException(
                $"The step of {name} runs on libtorch's operators (a parameter is not float32 on the CPU, or ModelGen's kernels are switched off), which the profiler does not take the time of.");
        }

        HardwareLimits limits = HardwareLimits.OfThisMachine;

        // A search evaluates as often as it needs: one evaluation is what can be compared.
        Action<IReadOnlyList<Tensor>, Tensor> run = step.Optimizer.EvaluatesLoss ? step.Measure : step.Run;
        using var state = new StepState(model, step);
        try
        {
            for (int i = 0; i < WarmUp; i++)
            {
                run(inputs, target);
            }

            StepOperation[] operations = kernels.Operations;
            var clock = new StepClock(operations.Length, steps);
            var whole = new double[steps];
            kernels.Clock = clock;
            for (int i = 0; i < steps; i++)
            {
                long start = Stopwatch.GetTimestamp();
                run(inputs, target);
                whole[i] = Stopwatch.GetElapsedTime(start).TotalSeconds;
            }

            Array.Sort(whole);
            return new StepProfile(name, (int)target.shape[0], operations, clock, whole[steps / 2], limits);
        }
        finally
        {
            kernels.Clock = null;
            state.Restore();
        }
    }
}
