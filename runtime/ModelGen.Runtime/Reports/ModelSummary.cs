using System.Text;

namespace ModelGen;

/// <summary>One layer of a <see cref="ModelSummary"/>.</summary>
/// <param name="Name">State-dict key of the layer, such as <c>stage1.conv1</c>.</param>
/// <param name="Type">Kind of layer, such as <c>Conv2d</c>.</param>
/// <param name="InputShape">Shape of its input, such as <c>[N, 1, 28, 28]</c>.</param>
/// <param name="OutputShape">Shape of its output.</param>
/// <param name="Parameters">Number of trainable parameters; 0 for a use of a layer that was counted before.</param>
/// <param name="FlopsPerSample">Floating-point operations of the forward pass for one sample; a multiplication and an addition count as two.</param>
public sealed record LayerSummary(string Name, string Type, string InputShape, string OutputShape, long Parameters, long FlopsPerSample);

/// <summary>Memory that the compiler planned for one batch size.</summary>
/// <param name="Batch">Samples per step or call.</param>
/// <param name="TrainingPeakBytes">What a training step takes in bytes: parameters, gradients, optimizer state, inputs and intermediates; 0 when the model has no training step. Workspaces of kernels, which all models of a thread share, are not in it.</param>
/// <param name="InferencePeakBytes">What fused inference takes in bytes: parameters, weights prepared from them, inputs and intermediates.</param>
public sealed record MemoryPlan(int Batch, long TrainingPeakBytes, long InferencePeakBytes);

/// <summary>What a model consists of and what it costs, known at build time. <see cref="ToString"/> is a table.</summary>
/// <param name="model">Name of the model class.</param>
/// <param name="layers">Layers in the order of their use.</param>
/// <param name="memory">Planned peak memory, one entry per batch size; may be empty.</param>
public sealed class ModelSummary(string model, IReadOnlyList<LayerSummary> layers, IReadOnlyList<MemoryPlan> memory)
{
    private const int BytesPerParameter = sizeof(float);

    /// <summary>Name of the model class.</summary>
    public string Model { get; } = model;

    /// <summary>Layers in the order of their use.</summary>
    public IReadOnlyList<LayerSummary> Layers { get; } = layers;

    /// <summary>Planned peak memory, one entry per batch size; may be empty.</summary>
    public IReadOnlyList<MemoryPlan> Memory { get; } = memory;

    /// <summary>Number of trainable parameters.</summary>
    public long Parameters { get; } = layers.Sum(static layer => layer.Parameters);

    /// <summary>Size of the parameters in bytes, as float32.</summary>
    public long ParameterBytes => Parameters * BytesPerParameter;

    /// <summary>Floating-point operations of the forward pass for one sample, summed over <see cref="Layers"/>.</summary>
    public long FlopsPerSample { get; } = layers.Sum(static layer => layer.FlopsPerSample);

    /// <summary>The largest batch whose training step is planned to fit into a number of bytes. Between and beyond the planned batch sizes of <see cref="Memory"/> the plan is taken as a straight line, which it is.</summary>
    /// <param name="bytes">Bytes that a training step may take.</param>
    /// <returns>Samples per batch, at least 1.</returns>
    /// <exception cref="InvalidOperationException">Not even one sample fits, or fewer than two batch sizes are planned for training.</exception>
    public int LargestTrainingBatch(long bytes)
    {
        MemoryPlan[] plans = [.. Memory.Where(static plan => plan.TrainingPeakBytes > 0).OrderBy(static plan => plan.Batch)];
        if (plans.Length < 2)
        {
            throw new InvalidOperationException($"{Model} has no planned memory of a training step for two batch sizes; it needs [Train], and sizes other than the batch's that are known.");
        }

        int after = Math.Max(1, Array.FindIndex(plans, plan => plan.TrainingPeakBytes > bytes) is int found and >= 0 ? found : plans.Length - 1);
        (MemoryPlan low, MemoryPlan high) = (plans[after - 1], plans[after]);
        double perSample = (double)(high.TrainingPeakBytes - low.TrainingPeakBytes) / (high.Batch - low.Batch);
        double batch = low.Batch + ((bytes - low.TrainingPeakBytes) / perSample);
        return batch >= 1
            ? (int)Math.Min(batch, int.MaxValue)
            : throw new InvalidOperationException($"A training step of {Model} with one sample takes about {TextTable.Bytes((long)(low.TrainingPeakBytes - ((low.Batch - 1) * perSample)))}, more than {TextTable.Bytes(bytes)}.");
    }

    /// <summary>A table of layers, a line of totals, and the planned memory. Lines end in a line feed; numbers do not depend on the culture.</summary>
    /// <returns>Several lines of text.</returns>
    public override string ToString()
    {
        var table = new TextTable("layer", "type", "input", "output", ">parameters", ">FLOPs/sample");
        foreach (LayerSummary layer in Layers)
        {
            table.Add(
                layer.Name,
                layer.Type,
                layer.InputShape,
                layer.OutputShape,
                layer.Parameters == 0 ? "-" : TextTable.Number(layer.Parameters),
                layer.FlopsPerSample == 0 ? "-" : TextTable.Number(layer.FlopsPerSample));
        }

        table.AddRule();
        table.Add("total", string.Empty, string.Empty, string.Empty, TextTable.Number(Parameters), TextTable.Number(FlopsPerSample));
        var text = new StringBuilder();
        text.Append(Model).Append('\n').Append(table).Append("Parameters take ").Append(TextTable.Bytes(ParameterBytes)).Append(" (float32).\n");
        if (Memory.Count > 0)
        {
            text.Append('\n').Append(MemoryTable());
        }

        return text.ToString();
    }

    private TextTable MemoryTable()
    {
        var table = new TextTable("planned peak memory", ">training step", ">inference");
        foreach (MemoryPlan plan in Memory)
        {
            string training = plan.TrainingPeakBytes == 0 ? "-" : TextTable.Bytes(plan.TrainingPeakBytes);
            table.Add($"batch {TextTable.Number(plan.Batch)}", training, TextTable.Bytes(plan.InferencePeakBytes));
        }

        return table;
    }
}
