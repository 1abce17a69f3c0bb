namespace ModelGen.Onnx;

/// <summary>Runs any model on tensors by name: for verification and calibration. Shapes are static, but for a batch size that may be free.</summary>
public sealed class OnnxRunner : IDisposable
{
    private readonly BoundModel bound;

    /// <summary>Opens a model.</summary>
    /// <param name="model">The model.</param>
    /// <param name="options">Settings; null for the defaults.</param>
    /// <exception cref="OnnxFormatException">ONNX Runtime refuses the model.</exception>
    public OnnxRunner(OnnxModel model, InferenceOptions? options = null) => bound = new BoundModel(model, model.Proto.Graph.Name, options);

    /// <summary>The model's inputs.</summary>
    public IReadOnlyList<OnnxContractEntry> Inputs => bound.Inputs;

    /// <summary>The model's outputs.</summary>
    public IReadOnlyList<OnnxContractEntry> Outputs => bound.Outputs;

    /// <summary>The execution provider in use.</summary>
    public string ActiveProvider => bound.Provider;

    /// <summary>The execution providers that were tried, and why those that are not in use failed.</summary>
    public IReadOnlyList<ProviderAttempt> ProviderAttempts => bound.ProviderAttempts;

    /// <summary>Runs the model.</summary>
    /// <param name="inputs">A tensor per input, of its type and shape.</param>
    /// <returns>A tensor per output.</returns>
    /// <exception cref="ArgumentException">An input is missing or does not fit.</exception>
    public IReadOnlyDictionary<string, OnnxTensor> Run(IReadOnlyDictionary<string, OnnxTensor> inputs)
    {
        int batch = Batch(inputs);
        bound.Reserve(batch);
        for (int i = 0; i < Inputs.Count; i++)
        {
            OnnxContractEntry entry = Inputs[i];
            if (!inputs.TryGetValue(entry.Name, out OnnxTensor? tensor) || tensor.Type != entry.Type || !tensor.Shape.SequenceEqual(Shape(entry, batch)))
            {
                throw new ArgumentException($"The model needs {entry}, got {(tensor is null ? "nothing" : $"{tensor.Type}[{string.Join(", ", tensor.Shape)}]")}.", nameof(inputs));
            }

            tensor.Bytes.CopyTo(bound.InputBytes(i, batch));
        }

        bound.Run(batch);
        return Outputs.Select((entry, index) => (entry, tensor: new OnnxTensor(entry.Type, Shape(entry, batch), bound.OutputBytes(index, batch).ToArray())))
            .ToDictionary(static pair => pair.entry.Name, static pair => pair.tensor, StringComparer.Ordinal);
    }

    /// <inheritdoc/>
    public void Dispose() => bound.Dispose();

    private static long[] Shape(OnnxContractEntry entry, int batch) => [.. entry.Shape.Select(size => size < 0 ? batch : size)];

    /// <summary>The batch that the first tensor of a free size has; 1 when there is none, so that the check of shapes speaks.</summary>
    private int Batch(IReadOnlyDictionary<string, OnnxTensor> inputs)
    {
        foreach (OnnxContractEntry entry in Inputs)
        {
            int axis = Array.IndexOf(entry.Shape, -1);
            if (axis >= 0 && inputs.TryGetValue(entry.Name, out OnnxTensor? tensor) && axis < tensor.Shape.Count)
            {
                return checked((int)Math.Max(tensor.Shape[axis], 1));
            }
        }

        return 1;
    }
}
