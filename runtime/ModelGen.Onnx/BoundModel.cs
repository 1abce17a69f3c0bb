using System.Runtime.InteropServices;
using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;

namespace ModelGen.Onnx;

/// <summary>A static-shape model in ONNX Runtime with native buffers bound to its inputs and outputs once.</summary>
internal sealed unsafe class BoundModel : IDisposable
{
    private readonly InferenceSession session;
    private readonly RunOptions run = new();
    private readonly OrtIoBinding binding;
    private readonly List<OrtValue> values = [];
    private readonly void*[] buffers;
    private bool disposed;

    public BoundModel(OnnxModel model, string what, InferenceOptions? options)
    {
        bool quantized = model.Proto.Graph.Node.Any(static node => node.OpType is "QuantizeLinear" or "DequantizeLinear" || node.OpType.StartsWith("QLinear", StringComparison.Ordinal));
        try
        {
            (session, Provider) = InferenceOptions.Open(model.ToByteArray(), options, quantized);
        }
        catch (OnnxRuntimeException exception)
        {
            throw new OnnxFormatException($"{what}: ONNX Runtime refuses the model: {exception.Message}", exception);
        }

        Inputs = [.. session.InputNames.Select(name => Entry(name, session.InputMetadata[name]))];
        Outputs = [.. session.OutputNames.Select(name => Entry(name, session.OutputMetadata[name]))];
        if (Inputs.Concat(Outputs).FirstOrDefault(static entry => entry.Shape.Any(static size => size < 0)) is { } dynamic)
        {
            session.Dispose();
            throw new NotSupportedException($"{what}: {dynamic} has sizes that are not fixed; sessions with bound buffers need static shapes.");
        }

        binding = session.CreateIoBinding();
        buffers = new void*[Inputs.Count + Outputs.Count];
        for (int i = 0; i < buffers.Length; i++)
        {
            OnnxContractEntry entry = i < Inputs.Count ? Inputs[i] : Outputs[i - Inputs.Count];
            OrtValue value = Bind(entry, out buffers[i]);
            if (i < Inputs.Count)
            {
                binding.BindInput(entry.Name, value);
            }
            else
            {
                binding.BindOutput(entry.Name, value);
            }
        }

        for (int i = 0; i < (options ?? new()).WarmupRuns; i++)
        {
            Run();
        }
    }

    public string Provider { get; }

    public IReadOnlyList<OnnxContractEntry> Inputs { get; }

    public IReadOnlyList<OnnxContractEntry> Outputs { get; }

    /// <summary>The memory of an input.</summary>
    public Span<T> Input<T>(int index)
        where T : unmanaged => Memory<T>(Inputs[index], index);

    /// <summary>The memory of an output.</summary>
    public Span<T> Output<T>(int index)
        where T : unmanaged => Memory<T>(Outputs[index], Inputs.Count + index);

    public void Run()
    {
        ObjectDisposedException.ThrowIf(disposed, typeof(OnnxSession));
        session.RunWithBinding(run, binding);
    }

    public void Dispose()
    {
        if (disposed)
        {
            return;
        }

        disposed = true;
        binding.Dispose();
        values.ForEach(static value => value.Dispose());
        run.Dispose();
        session.Dispose();
        foreach (void* buffer in buffers)
        {
            NativeMemory.AlignedFree(buffer);
        }
    }

    private static OnnxContractEntry Entry(string name, NodeMetadata metadata) =>
        new(name, (OnnxType)(int)metadata.ElementDataType, [.. metadata.Dimensions.Select(static size => (long)size)]);

    private OrtValue Bind(OnnxContractEntry entry, out void* buffer)
    {
        long bytes = OnnxTypes.Count(entry.Shape) * entry.Type.Bytes();
        buffer = NativeMemory.AlignedAlloc((nuint)Math.Max(bytes, 1), 64);
        NativeMemory.Clear(buffer, (nuint)bytes);
        OrtValue value = OrtValue.CreateTensorValueWithData(OrtMemoryInfo.DefaultInstance, (TensorElementType)(int)entry.Type, entry.Shape, (IntPtr)buffer, bytes);
        values.Add(value);
        return value;
    }

    private Span<T> Memory<T>(OnnxContractEntry entry, int index)
        where T : unmanaged
    {
        ObjectDisposedException.ThrowIf(disposed, typeof(OnnxSession));
        return OnnxTypes.Of<T>() == entry.Type
            ? new Span<T>(buffers[index], checked((int)OnnxTypes.Count(entry.Shape)))
            : throw new ArgumentException($"{entry} does not hold {OnnxTypes.Of<T>()}.");
    }
}
