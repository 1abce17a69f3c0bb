using System.Diagnostics;
using System.Text;
using static TorchSharp.torch;

namespace ModelGen.Monitoring;

/// <summary>One part of the memory of a training step.</summary>
/// <param name="Name">What it holds.</param>
/// <param name="PlannedBytes">What the compiler planned; null where it plans nothing, or not for this batch size.</param>
/// <param name="MeasuredBytes">What is allocated.</param>
public sealed record MemoryPart(string Name, long? PlannedBytes, long MeasuredBytes);

/// <summary>Planned against measured memory of a training step, and the process around it. <see cref="ToString"/> is a table.</summary>
/// <param name="Model">Name of the model class.</param>
/// <param name="Batch">Samples of a step.</param>
/// <param name="Parts">Parts of the step, and last their sum.</param>
/// <param name="Process">Memory of the process.</param>
/// <param name="PeakResidentBytes">Most bytes in physical memory since the start of the process.</param>
/// <param name="Gpus">GPUs as NVML reports them; empty without.</param>
public sealed record MemoryReport(string Model, int Batch, IReadOnlyList<MemoryPart> Parts, MemorySample Process, long PeakResidentBytes, IReadOnlyList<GpuSample> Gpus)
{
    /// <summary>Looks at a step.</summary>
    /// <param name="model">The model.</param>
    /// <param name="step">A step that ran at least once with this batch and never with a larger one; the arena has a size only then.</param>
    /// <param name="batch">Samples of a step.</param>
    /// <returns>The report.</returns>
    public static MemoryReport Of<TModel>(TModel model, TrainingStep step, int batch)
        where TModel : nn.Module, ICompiledModel
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(step);
        ModelSummary summary = model.Summary;
        long arena = step is KernelStep kernels ? kernels.ArenaBytes : 0;
        long? planned = summary.Memory.FirstOrDefault(plan => plan.Batch == batch)?.TrainingPeakBytes;
        long optimizer = Bytes(step.Optimizer.StateTensors);
        long buffers = Bytes(model.buffers());
        long kept = step.Parameters.Bytes + step.Gradients.Bytes + optimizer + buffers;
        List<MemoryPart> parts =
        [
            new("parameters", summary.ParameterBytes, step.Parameters.Bytes),
            new("gradients", summary.ParameterBytes, step.Gradients.Bytes),
            new("optimizer state", summary.ParameterBytes * step.Optimizer.StateTensors.Count(), optimizer),
            new("running statistics", null, buffers),
            new("inputs and intermediates", planned - kept, arena),
        ];
        parts.Add(new MemoryPart("training step", planned, parts.Sum(static part => part.MeasuredBytes)));
        using Process process = System.Diagnostics.Process.GetCurrentProcess();
        return new MemoryReport(summary.Model, batch, parts, MemorySample.Take(), process.PeakWorkingSet64, Nvml.Take());
    }

    private static long Bytes(IEnumerable<Tensor> tensors) => tensors.Sum(static tensor => tensor.numel() * tensor.element_size());

    /// <summary>The table. Lines end in a line feed; numbers do not depend on the culture.</summary>
    /// <returns>Several lines of text.</returns>
    public override string ToString()
    {
        var table = new TextTable($"{Model}, batch {Batch}", ">planned", ">measured");
        for (int i = 0; i < Parts.Count; i++)
        {
            if (i == Parts.Count - 1)
            {
                table.AddRule();
            }

            table.Add(Parts[i].Name, Parts[i].PlannedBytes is long bytes ? TextTable.Bytes(bytes) : "-", TextTable.Bytes(Parts[i].MeasuredBytes));
        }

        table.AddRule();
        table.Add("kernels' native memory", "", TextTable.Bytes(Process.KernelBytes));
        table.Add("managed heap", "", TextTable.Bytes(Process.ManagedBytes));
        table.Add("process, resident", "", TextTable.Bytes(Process.ResidentBytes));
        table.Add("process, most resident", "", TextTable.Bytes(PeakResidentBytes));
        foreach (GpuSample gpu in Gpus)
        {
            table.Add(gpu.Name, "", TextTable.Bytes(gpu.UsedBytes));
        }

        return new StringBuilder().Append(table).Append(Gpus.Count == 0 ? Nvml.Status + "\n" : "").ToString();
    }
}
