using System.Runtime.InteropServices;
using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;
using ModelGen.Onnx.Proto;

namespace ModelGen.Onnx;

/// <summary>
/// A model in ONNX Runtime with native buffers bound to its inputs and outputs once. All shapes are static, but for one size that every input and output may have: the batch.
/// </summary>
internal sealed unsafe class BoundModel : IDisposable
{
    private readonly InferenceSession session;
    private readonly RunOptions run = new();
    private readonly void*[] buffers;
    private readonly Dictionary<int, Binding> bindings = [];
    private readonly string what;
    private int capacity;
    private bool disposed;

    public BoundModel(OnnxModel model, string what, InferenceOptions? options)
    {
        options ??= new InferenceOptions();
        this.what = what;
        model.Validate(what);
        CheckSizes(model.Proto.Graph);
        bool quantized = model.Proto.Graph.Node.Any(static node => node.OpType is "QuantizeLinear" or "DequantizeLinear" || node.OpType.StartsWith("QLinear", StringComparison.Ordinal));
        session = Open(model, options, quantized, out IReadOnlyList<ProviderAttempt> attempts);
        ProviderAttempts = attempts;
        Provider = attempts.First(static attempt => attempt.Failure is null).Provider;
        Inputs = [.. session.InputNames.Select(name => Entry(name, session.InputMetadata[name]))];
        Outputs = [.. session.OutputNames.Select(name => Entry(name, session.OutputMetadata[name]))];
        buffers = new void*[Inputs.Count + Outputs.Count];
        try
        {
            if (Entries.FirstOrDefault(static entry => entry.Shape.Count(static size => size < 0) > 1) is { } free)
            {
                throw new NotSupportedException($"{what}: {free} has several sizes that are not fixed; a session binds its buffers once and leaves only the batch open.");
            }

            IsDynamic = Inputs.Any(static entry => entry.Shape.Contains(-1));
            if (!IsDynamic && Outputs.FirstOrDefault(static entry => entry.Shape.Contains(-1)) is { } unknown)
            {
                throw new NotSupportedException($"{what}: {unknown} has a size that is not fixed, though the inputs have none; sessions bind their buffers once.");
            }

            Resize(IsDynamic ? options.MaxBatch : 1);
            for (int i = 0; i < options.WarmupRuns; i++)
            {
                Run(capacity);
            }
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    public string Provider { get; }

    public IReadOnlyList<ProviderAttempt> ProviderAttempts { get; }

    /// <summary>Whether the batch size is left to each call.</summary>
    public bool IsDynamic { get; }

    public IReadOnlyList<OnnxContractEntry> Inputs { get; }

    public IReadOnlyList<OnnxContractEntry> Outputs { get; }

    private IEnumerable<OnnxContractEntry> Entries => Inputs.Concat(Outputs);

    /// <summary>Elements of an input or output for a batch; a static one has its own whatever the batch.</summary>
    public static long Elements(OnnxContractEntry entry, int batch)
    {
        long count = 1;
        foreach (long size in entry.Shape)
        {
            count = checked(count * (size < 0 ? batch : size));
        }

        return count;
    }

    /// <summary>The memory of an input for a batch.</summary>
    public Span<T> Input<T>(int index, int batch)
        where T : unmanaged => Memory<T>(Inputs[index], index, batch);

    /// <summary>The memory of an output for a batch.</summary>
    public Span<T> Output<T>(int index, int batch)
        where T : unmanaged => Memory<T>(Outputs[index], Inputs.Count + index, batch);

    /// <summary>The memory of an input for a batch, as bytes.</summary>
    public Span<byte> InputBytes(int index, int batch) => Bytes(Inputs[index], index, batch);

    /// <summary>The memory of an output for a batch, as bytes.</summary>
    public Span<byte> OutputBytes(int index, int batch) => Bytes(Outputs[index], Inputs.Count + index, batch);

    /// <summary>Makes room for a batch; what the buffers hold is lost when they grow.</summary>
    public void Reserve(int batch)
    {
        ObjectDisposedException.ThrowIf(disposed, typeof(OnnxSession));
        if (IsDynamic && batch > capacity)
        {
            Resize(batch);
        }
    }

    /// <summary>Runs the model on what the buffers hold.</summary>
    /// <param name="batch">Samples, when the model is dynamic.</param>
    /// <exception cref="InvalidOperationException">ONNX Runtime fails.</exception>
    public void Run(int batch)
    {
        ObjectDisposedException.ThrowIf(disposed, typeof(OnnxSession));
        int key = IsDynamic ? batch : 1;
        if (!bindings.TryGetValue(key, out Binding? binding))
        {
            bindings[key] = binding = Bind(key);
        }

        try
        {
            session.RunWithBinding(run, binding.Io);
        }
        catch (OnnxRuntimeException exception)
        {
            throw new InvalidOperationException($"{what}: ONNX Runtime fails: {exception.Message}", exception);
        }
    }

    public void Dispose()
    {
        if (disposed)
        {
            return;
        }

        disposed = true;
        Release();
        run.Dispose();
        session.Dispose();
    }

    /// <summary>ONNX Runtime's C# interface reports sizes as 32-bit integers.</summary>
    private void CheckSizes(GraphProto graph)
    {
        foreach (ValueInfoProto value in graph.Input.Concat(graph.Output))
        {
            if (value.Type?.TensorType?.Shape?.Dim.FirstOrDefault(static dim => dim.DimValue > int.MaxValue) is { } dim)
            {
                throw new OnnxFormatException($"{what}: '{value.Name}' has the size {dim.DimValue}, more than a session takes ({int.MaxValue}).");
            }
        }
    }

    private InferenceSession Open(OnnxModel model, InferenceOptions options, bool quantized, out IReadOnlyList<ProviderAttempt> attempts)
    {
        try
        {
            if (model.ConstantBytes <= new OnnxSaveOptions().LargestFile)
            {
                byte[] bytes = model.ToByteArray();
                return ExecutionProviders.Open(settings => new InferenceSession(bytes, settings), options, quantized, out attempts);
            }

            // More than one message holds: ONNX Runtime reads it from a folder.
            DirectoryInfo folder = Directory.CreateTempSubdirectory("modelgen-session-");
            try
            {
                string path = Path.Combine(folder.FullName, "model.onnx");
                model.Save(path);
                return ExecutionProviders.Open(settings => new InferenceSession(path, settings), options, quantized, out attempts);
            }
            finally
            {
                folder.Delete(recursive: true);
            }
        }
        catch (OnnxRuntimeException exception)
        {
            throw new OnnxFormatException($"{what}: ONNX Runtime refuses the model: {exception.Message}", exception);
        }
    }

    private OnnxContractEntry Entry(string name, NodeMetadata metadata) => metadata.OnnxValueType == OnnxValueType.ONNX_TYPE_TENSOR
        ? new(name, (OnnxType)(int)metadata.ElementDataType, [.. metadata.Dimensions.Select(static size => (long)Math.Max(size, -1))])
        : throw new NotSupportedException($"{what}: '{name}' is a {metadata.OnnxValueType}, and sessions take tensors only.");

    private void Resize(int batch)
    {
        Release();
        long total = Entries.Sum(entry => checked(Elements(entry, batch) * entry.Type.Bytes()));
        long machine = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes;
        if (total > machine)
        {
            throw new OnnxFormatException($"{what}: its inputs and outputs take {total} bytes for a batch of {batch}, and the machine has {machine}.");
        }

        int index = 0;
        foreach (OnnxContractEntry entry in Entries)
        {
            long bytes = Elements(entry, batch) * entry.Type.Bytes();
            buffers[index] = NativeMemory.AlignedAlloc((nuint)Math.Max(bytes, 1), 64);
            NativeMemory.Clear(buffers[index++], (nuint)bytes);
        }

        capacity = batch;
    }

    private void Release()
    {
        foreach (Binding binding in bindings.Values)
        {
            binding.Dispose();
        }

        bindings.Clear();
        for (int i = 0; i < buffers.Length; i++)
        {
            NativeMemory.AlignedFree(buffers[i]);
            buffers[i] = null;
        }
    }

    private Binding Bind(int batch)
    {
        var binding = new Binding(session.CreateIoBinding());
        int index = 0;
        foreach (OnnxContractEntry entry in Entries)
        {
            long[] shape = [.. entry.Shape.Select(size => size < 0 ? batch : size)];
            OrtValue value = OrtValue.CreateTensorValueWithData(
                OrtMemoryInfo.DefaultInstance, (TensorElementType)(int)entry.Type, shape, (IntPtr)buffers[index], Elements(entry, batch) * entry.Type.Bytes());
            binding.Add(entry.Name, value, index++ < Inputs.Count);
        }

        return binding;
    }

    private Span<T> Memory<T>(OnnxContractEntry entry, int index, int batch)
        where T : unmanaged
    {
        ObjectDisposedException.ThrowIf(disposed, typeof(OnnxSession));
        return OnnxTypes.Of<T>() == entry.Type
            ? new Span<T>(buffers[index], checked((int)Elements(entry, Capped(batch))))
            : throw new ArgumentException($"{entry} does not hold {OnnxTypes.Of<T>()}.");
    }

    private Span<byte> Bytes(OnnxContractEntry entry, int index, int batch)
    {
        ObjectDisposedException.ThrowIf(disposed, typeof(OnnxSession));
        return new Span<byte>(buffers[index], checked((int)(Elements(entry, Capped(batch)) * entry.Type.Bytes())));
    }

    private int Capped(int batch) => !IsDynamic || (batch >= 1 && batch <= capacity)
        ? batch
        : throw new ArgumentOutOfRangeException(nameof(batch), batch, $"{what}: the buffers hold 1 to {capacity} samples.");

    /// <summary>The buffers as tensors of one batch size, bound to the session.</summary>
    private sealed class Binding(OrtIoBinding io) : IDisposable
    {
        private readonly List<OrtValue> values = [];

        public OrtIoBinding Io { get; } = io;

        public void Add(string name, OrtValue value, bool isInput)
        {
            values.Add(value);
            if (isInput)
            {
                Io.BindInput(name, value);
            }
            else
            {
                Io.BindOutput(name, value);
            }
        }

        public void Dispose()
        {
            Io.Dispose();
            values.ForEach(static value => value.Dispose());
        }
    }
}
