using System.Buffers;
using System.Collections.Concurrent;
using System.Runtime.ExceptionServices;
using Microsoft.ML.OnnxRuntime;
using ModelGen.Onnx.Proto;

namespace ModelGen.Onnx.Quantization;

/// <summary>Runs a model in ONNX Runtime on samples and shows intermediate values: memory does not grow with the number of samples. Sizes may be symbolic.</summary>
internal sealed class ActivationReader : IDisposable
{
    private readonly InferenceSession session;
    private readonly RunOptions run = new();
    private readonly string[] wanted;
    private readonly string[] outputs;

    public ActivationReader(OnnxModel model, IEnumerable<string> wanted, bool optimize = true)
    {
        this.wanted = [.. wanted.Distinct()];
        ModelProto copy = WithOutputs(model, this.wanted, out HashSet<string> inputs);
        outputs = [.. this.wanted.Where(name => !inputs.Contains(name))];
        byte[] bytes = new OnnxModel(copy).ToByteArray();
        try
        {
            if (optimize)
            {
                session = ExecutionProviders.Open(settings => new InferenceSession(bytes, settings), new InferenceOptions(), quantized: copy.Graph.Node.Any(static node => node.OpType == "DequantizeLinear"), out _);
            }
            else
            {
                using var options = new SessionOptions { GraphOptimizationLevel = GraphOptimizationLevel.ORT_DISABLE_ALL };
                session = new InferenceSession(bytes, options);
            }
        }
        catch (OnnxRuntimeException exception)
        {
            throw new OnnxFormatException($"ONNX Runtime refuses the model: {exception.Message}", exception);
        }
    }

    /// <summary>Receives a value of one sample.</summary>
    public delegate void Visitor(string name, ReadOnlySpan<float> values, long[] shape);

    /// <summary>Runs one sample and shows the wanted values, several at a time on different threads.</summary>
    public void Read(IReadOnlyDictionary<string, OnnxTensor> sample, Visitor visit)
    {
        string[] names = [.. session.InputNames];
        MemoryHandle[] pins = new MemoryHandle[names.Length];
        OrtValue[] values = new OrtValue[names.Length];
        try
        {
            for (int i = 0; i < names.Length; i++)
            {
                OnnxTensor tensor = sample.TryGetValue(names[i], out OnnxTensor? given) ? given
                    : throw new ArgumentException($"The sample has no value for the input '{names[i]}'; it has [{string.Join(", ", sample.Keys)}].", nameof(sample));
                values[i] = Wrap(tensor, out pins[i]);
            }

            if (outputs.Length > 0)
            {
                using IDisposableReadOnlyCollection<OrtValue> results = session.Run(run, names, values, outputs);
                Parallel.For(0, results.Count, index => visit(outputs[index], results[index].GetTensorDataAsSpan<float>(), results[index].GetTensorTypeAndShape().Shape));
            }

            foreach (string input in wanted.Where(name => sample.ContainsKey(name) && !outputs.Contains(name)))
            {
                visit(input, sample[input].AsSpan<float>(), [.. sample[input].Shape]);
            }
        }
        catch (AggregateException several)
        {
            ExceptionDispatchInfo.Throw(several.InnerExceptions[0]);
        }
        catch (OnnxRuntimeException exception)
        {
            throw new ArgumentException($"ONNX Runtime cannot run the model on the sample: {exception.Message}", nameof(sample), exception);
        }
        finally
        {
            Array.ForEach(values, static value => value?.Dispose());
            Array.ForEach(pins, static pin => pin.Dispose());
        }
    }

    /// <summary>Copies of the wanted values of one sample.</summary>
    public Dictionary<string, float[]> ReadAll(IReadOnlyDictionary<string, OnnxTensor> sample)
    {
        var all = new ConcurrentDictionary<string, float[]>(StringComparer.Ordinal);
        Read(sample, (name, values, _) => all[name] = values.ToArray());
        return new Dictionary<string, float[]>(all, StringComparer.Ordinal);
    }

    public void Dispose()
    {
        run.Dispose();
        session.Dispose();
    }

    private static unsafe OrtValue Wrap(OnnxTensor tensor, out MemoryHandle pin)
    {
        pin = tensor.Bytes.AsMemory().Pin();
        return OrtValue.CreateTensorValueWithData(
            OrtMemoryInfo.DefaultInstance, (Microsoft.ML.OnnxRuntime.Tensors.TensorElementType)(int)tensor.Type, [.. tensor.Shape], (IntPtr)pin.Pointer, tensor.Bytes.Length);
    }

    private static ModelProto WithOutputs(OnnxModel model, string[] wanted, out HashSet<string> inputs)
    {
        ModelProto copy = model.Proto.Clone();
        inputs = [.. copy.Graph.Input.Select(static value => value.Name)];
        copy.Graph.Output.Clear();
        foreach (string name in wanted.Where(name => !copy.Graph.Input.Any(input => input.Name == name)))
        {
            // ONNX Runtime infers the shape itself.
            copy.Graph.Output.Add(new ValueInfoProto { Name = name, Type = new TypeProto { TensorType = new TypeProto.Types.Tensor { ElemType = (int)OnnxType.Float } } });
        }

        if (copy.Graph.Output.Count == 0)
        {
            copy.Graph.Output.Add(model.Proto.Graph.Output);
        }

        return copy;
    }
}
