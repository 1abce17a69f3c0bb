using ModelGen.Data;
using ModelGen.Monitoring;
using static TorchSharp.torch;

namespace ModelGen;

/// <content>What can be seen of a fit and of its steps.</content>
public sealed partial class Trainer<TModel>
{
    private readonly TrainingHistory history = new();

    /// <summary>Steps, epochs and memory of the last fit, or of the one that runs.</summary>
    public TrainingHistory History => history;

    /// <summary>
    /// Takes the time of every statement of the training step. Parameters, optimizer state, running statistics and the random generator are as before afterwards.
    /// </summary>
    /// <param name="data">Data set whose first samples make the batch.</param>
    /// <param name="steps">Steps to measure, after three that are not.</param>
    /// <returns>The times, with costs and the share of what the machine can do.</returns>
    /// <exception cref="NotSupportedException">The step runs on libtorch's operators.</exception>
    public StepProfile Profile(Dataset data, int steps = 20)
    {
        DatasetCheck.Check(data, settings.Loss, "profiled");
        (Tensor[] inputs, Tensor target) = data.ToTensors(0, Math.Min(BatchSize, data.Count));
        try
        {
            return Profile(inputs, target, steps);
        }
        finally
        {
            foreach (Tensor tensor in inputs.Append(target))
            {
                tensor.Dispose();
            }
        }
    }

    /// <summary>As above, for tensors.</summary>
    /// <param name="inputs">Model inputs in order.</param>
    /// <param name="target">Target of the loss.</param>
    /// <param name="steps">Steps to measure, after three that are not.</param>
    /// <returns>The times, with costs and the share of what the machine can do.</returns>
    /// <exception cref="NotSupportedException">The step runs on libtorch's operators.</exception>
    public StepProfile Profile(IReadOnlyList<Tensor> inputs, Tensor target, int steps = 20)
    {
        bool wasTraining = model.training;
        model.train();
        try
        {
            return StepProfiler.Run(typeof(TModel).Name, model, Step, inputs, target, steps);
        }
        finally
        {
            model.train(wasTraining);
        }
    }

    /// <summary>Planned against measured memory of the step, after a fit.</summary>
    /// <returns>The report.</returns>
    public MemoryReport MeasureMemory() => MemoryReport.Of(model, Step, BatchSize);
}
