namespace ModelGen.Onnx;

/// <summary>
/// Base of generated sessions: a file of one model class, opened in ONNX Runtime with buffers that are allocated and bound once. A call copies the inputs in,
/// runs, and copies the outputs out; after warm-up it allocates no managed memory. Not for use by two threads at once.
/// </summary>
public abstract class OnnxSession : IDisposable
{
    private readonly BoundModel bound;
    private int batch = 1;

    /// <summary>Opens a file.</summary>
    /// <param name="path">The file.</param>
    /// <param name="contract">What the class expects.</param>
    /// <param name="options">Settings; null for the defaults.</param>
    /// <exception cref="OnnxContractException">The file belongs to another model.</exception>
    /// <exception cref="OnnxFormatException">The file is not an ONNX model or is damaged.</exception>
    protected OnnxSession(string path, OnnxContract contract, InferenceOptions? options)
    {
        OnnxModel model = OnnxModel.Load(path);
        contract.Check(path, model.Metadata, Entries(model.Proto.Graph.Input), Entries(model.Proto.Graph.Output));
        bound = new BoundModel(model, path, options);
    }

    /// <summary>The execution provider in use.</summary>
    public string ActiveProvider => bound.Provider;

    /// <summary>The execution providers that were tried, and why those that are not in use failed.</summary>
    public IReadOnlyList<ProviderAttempt> ProviderAttempts => bound.ProviderAttempts;

    /// <summary>The file's inputs.</summary>
    public IReadOnlyList<OnnxContractEntry> Inputs => bound.Inputs;

    /// <summary>The file's outputs.</summary>
    public IReadOnlyList<OnnxContractEntry> Outputs => bound.Outputs;

    /// <summary>Frees the session and its buffers.</summary>
    public void Dispose()
    {
        bound.Dispose();
        GC.SuppressFinalize(this);
    }

    /// <summary>Copies values into an input. When the file leaves the batch size open, the first such input sets it.</summary>
    /// <exception cref="ArgumentException">The number of values is not the input's.</exception>
    protected void CopyInput<T>(int index, ReadOnlySpan<T> values)
        where T : unmanaged
    {
        OnnxContractEntry entry = bound.Inputs[index];
        if (bound.IsDynamic && index == FirstDynamic())
        {
            long sample = BoundModel.Elements(entry, 1);
            if (values.Length == 0 || values.Length % sample != 0)
            {
                throw new ArgumentException($"{entry} takes a multiple of {sample} elements, but the span has {values.Length}.");
            }

            batch = checked((int)(values.Length / sample));
            bound.Reserve(batch);
        }

        Span<T> memory = bound.Input<T>(index, batch);
        CheckLength(entry, memory.Length, values.Length);
        values.CopyTo(memory);
    }

    /// <summary>Runs the model on the bound buffers.</summary>
    protected void RunBound() => bound.Run(batch);

    /// <summary>Copies an output.</summary>
    /// <exception cref="ArgumentException">The destination has another number of elements.</exception>
    protected void CopyOutput<T>(int index, Span<T> destination)
        where T : unmanaged
    {
        Span<T> memory = bound.Output<T>(index, batch);
        CheckLength(bound.Outputs[index], memory.Length, destination.Length);
        memory.CopyTo(destination);
    }

    private int FirstDynamic()
    {
        int index = 0;
        while (Array.IndexOf(bound.Inputs[index].Shape, -1) < 0)
        {
            index++;
        }

        return index;
    }

    private static void CheckLength(OnnxContractEntry entry, int expected, int given)
    {
        if (expected != given)
        {
            throw new ArgumentException($"{entry} has {expected} elements, but the span has {given}. Export the model with another batch size (OnnxExportOptions.BatchSize), or with an open one (DynamicBatch), if you need it.");
        }
    }

    private static OnnxContractEntry[] Entries(IEnumerable<Proto.ValueInfoProto> values) =>
    [
        .. values.Select(static value => new OnnxContractEntry(
            value.Name,
            (OnnxType)(value.Type?.TensorType?.ElemType ?? 0),
            [.. value.Type?.TensorType?.Shape?.Dim.Select(static dim => dim.ValueCase == Proto.TensorShapeProto.Types.Dimension.ValueOneofCase.DimValue ? dim.DimValue : -1) ?? []])),
    ];
}
