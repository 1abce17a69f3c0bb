using System.Numerics.Tensors;
using ModelGen.Onnx.Proto;

namespace ModelGen.Onnx.Quantization;

/// <summary>Smallest and largest value seen of a tensor.</summary>
internal readonly record struct ValueRange(float Min, float Max)
{
    public ValueRange Union(ValueRange other) => new(Math.Min(Min, other.Min), Math.Max(Max, other.Max));

    /// <summary>Scale and zero point of unsigned 8-bit integers; 0 is always represented exactly.</summary>
    public (float Scale, byte ZeroPoint) Unsigned()
    {
        float min = Math.Min(Min, 0);
        float max = Math.Max(Max, 0);
        float scale = (max - min) / 255;
        return scale < WeightQuantizer.SmallestScale ? (1f, (byte)0) : (scale, (byte)Math.Clamp(MathF.Round(-min / scale, MidpointRounding.ToEven), 0, 255));
    }
}

/// <summary>Runs the float model on samples and keeps the range of each wanted value: memory does not grow with the number of samples.</summary>
internal static class RangeCalibrator
{
    public static IReadOnlyDictionary<string, ValueRange> Run(OnnxModel model, IReadOnlyCollection<string> wanted, IEnumerable<IReadOnlyDictionary<string, OnnxTensor>> samples)
    {
        var ranges = new Dictionary<string, ValueRange>(StringComparer.Ordinal);
        using var runner = new OnnxRunner(WithOutputs(model, wanted));
        int count = 0;
        foreach (IReadOnlyDictionary<string, OnnxTensor> sample in samples)
        {
            count++;
            foreach ((string name, OnnxTensor tensor) in runner.Run(sample).Concat(sample).Where(pair => wanted.Contains(pair.Key)))
            {
                ValueRange range = Range(name, tensor, count);
                ranges[name] = ranges.TryGetValue(name, out ValueRange known) ? known.Union(range) : range;
            }
        }

        return count > 0 ? ranges : throw new ArgumentException("There are no calibration samples; give at least one, better a hundred or more typical ones.", nameof(samples));
    }

    private static ValueRange Range(string name, OnnxTensor tensor, int sample)
    {
        ReadOnlySpan<float> values = tensor.AsSpan<float>();
        if (values.IsEmpty)
        {
            return new ValueRange(0, 0);
        }

        var range = new ValueRange(TensorPrimitives.Min(values), TensorPrimitives.Max(values));
        return float.IsFinite(range.Min) && float.IsFinite(range.Max)
            ? range
            : throw new ArgumentException($"The value '{name}' holds NaN or infinity for calibration sample {sample}, so it has no range. Check the sample and the model's weights.", nameof(tensor));
    }

    private static OnnxModel WithOutputs(OnnxModel model, IReadOnlyCollection<string> wanted)
    {
        ModelProto copy = model.Proto.Clone();
        HashSet<string> given = [.. copy.Graph.Output.Concat(copy.Graph.Input).Select(static value => value.Name)];
        Dictionary<string, ValueInfoProto> known = copy.Graph.ValueInfo.GroupBy(static value => value.Name).ToDictionary(static group => group.Key, static group => group.First());
        foreach (string name in wanted.Where(name => !given.Contains(name)))
        {
            copy.Graph.Output.Add(known.TryGetValue(name, out ValueInfoProto? info)
                ? info.Clone()
                : throw new OnnxFormatException($"The value '{name}' has no value_info, which calibration needs; run ONNX shape inference on the model first."));
        }

        return new OnnxModel(copy);
    }
}
