using System.Runtime.InteropServices;

namespace ModelGen.Onnx;

/// <summary>Runs any static-shape model on tensors by name: for verification and calibration.</summary>
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

    /// <summary>Runs the model.</summary>
    /// <param name="inputs">A tensor per input, of its type and shape.</param>
    /// <returns>A tensor per output.</returns>
    /// <exception cref="ArgumentException">An input is missing or does not fit.</exception>
    public IReadOnlyDictionary<string, OnnxTensor> Run(IReadOnlyDictionary<string, OnnxTensor> inputs)
    {
        for (int i = 0; i < Inputs.Count; i++)
        {
            OnnxContractEntry entry = Inputs[i];
            if (!inputs.TryGetValue(entry.Name, out OnnxTensor? tensor) || tensor.Type != entry.Type || !tensor.Shape.SequenceEqual(entry.Shape))
            {
                throw new ArgumentException($"The model needs {entry}, got {(tensor is null ? "nothing" : $"{tensor.Type}[{string.Join(", ", tensor.Shape)}]")}.", nameof(inputs));
            }

            tensor.Bytes.CopyTo(Raw(entry, i, input: true));
        }

        bound.Run();
        return Outputs.Select((entry, index) => (entry, tensor: new OnnxTensor(entry.Type, entry.Shape, Raw(entry, index, input: false).ToArray())))
            .ToDictionary(static pair => pair.entry.Name, static pair => pair.tensor, StringComparer.Ordinal);
    }

    /// <inheritdoc/>
    public void Dispose() => bound.Dispose();

    private Span<byte> Raw(OnnxContractEntry entry, int index, bool input) => entry.Type switch
    {
        OnnxType.Float => MemoryMarshal.AsBytes(Span<float>(index, input)),
        OnnxType.Double => MemoryMarshal.AsBytes(Span<double>(index, input)),
        OnnxType.Int64 => MemoryMarshal.AsBytes(Span<long>(index, input)),
        OnnxType.Int32 => MemoryMarshal.AsBytes(Span<int>(index, input)),
        OnnxType.Int16 => MemoryMarshal.AsBytes(Span<short>(index, input)),
        OnnxType.UInt16 => MemoryMarshal.AsBytes(Span<ushort>(index, input)),
        OnnxType.Int8 => MemoryMarshal.AsBytes(Span<sbyte>(index, input)),
        OnnxType.UInt8 => Span<byte>(index, input),
        OnnxType.Bool => MemoryMarshal.AsBytes(Span<bool>(index, input)),
        _ => throw new NotSupportedException($"{entry}: tensors of this type are not supported."),
    };

    private Span<T> Span<T>(int index, bool input)
        where T : unmanaged => input ? bound.Input<T>(index) : bound.Output<T>(index);
}
