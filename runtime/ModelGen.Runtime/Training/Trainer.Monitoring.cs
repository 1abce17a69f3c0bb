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

    /// <summary>Looks at what the model gets wrong.</summary>
    /// <param name="data">Samples that it was not trained on.</param>
    /// <param name="options">Settings; null for the defaults.</param>
    /// <returns>The analysis.</returns>
    /// <exception cref="ArgumentException">The data set is empty or does not fit the model.</exception>
    public ErrorAnalysis AnalyzeErrors(Dataset data, ErrorAnalysisOptions? options = null) => ErrorAnalysis.Of(model, data, options);

    /// <summary>
    /// Writes a page in HTML about the model and its last fit: curves, graph and layers, memory, settings, and what the options add. It needs no other file and no network, follows the
    /// reader's choice of light or dark, and fits a phone.
    /// </summary>
    /// <param name="path">HTML file; replaced when it exists.</param>
    /// <param name="options">Profile, error analysis and verification to be shown; null for none.</param>
    public void WriteReport(string path, ReportOptions? options = null) =>
        new TrainingReport(model.Summary, history, history.Settings, MeasureMemory(), options ?? new ReportOptions()).Write(path);
}
