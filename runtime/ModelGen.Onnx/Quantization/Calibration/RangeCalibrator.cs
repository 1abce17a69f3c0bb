using System.Collections.Concurrent;
using System.Numerics.Tensors;

namespace ModelGen.Onnx.Quantization;

/// <summary>Runs the float model on samples and finds the range of each wanted value; memory does not grow with the number of samples.</summary>
internal static class RangeCalibrator
{
    public static IReadOnlyDictionary<string, ValueRange> Run(OnnxModel model, IReadOnlyCollection<string> wanted, IEnumerable<IReadOnlyDictionary<string, OnnxTensor>> samples, StaticQuantizationOptions options)
    {
        var histograms = new ConcurrentDictionary<string, Histogram>(StringComparer.Ordinal);
        var ranges = new ConcurrentDictionary<string, ValueRange>(StringComparer.Ordinal);
        bool counts = options.Calibration != CalibrationMethod.MinMax;
        using var reader = new ActivationReader(model, wanted);
        int count = 0;
        foreach (IReadOnlyDictionary<string, OnnxTensor> sample in samples)
        {
            count++;
            reader.Read(sample, (name, values, _) =>
            {
                ValueRange range = Range(name, values, count);
                ranges[name] = ranges.TryGetValue(name, out ValueRange known) ? known.Union(range) : range;
                if (counts)
                {
                    histograms.GetOrAdd(name, static _ => new Histogram()).Add(values, range.Min, range.Max);
                }
            });
        }

        if (count == 0)
        {
            throw new ArgumentException("There are no calibration samples; give at least one, better a hundred or more typical ones.", nameof(samples));
        }

        (int lowest, int highest) = ValueRange.Limits(options.ActivationType);
        return counts
            ? histograms.AsParallel().ToDictionary(static pair => pair.Key, pair => RangeSearch.Find(pair.Value, options.Calibration, options.Percentile, highest - lowest + 1), StringComparer.Ordinal)
            : ranges;
    }

    private static ValueRange Range(string name, ReadOnlySpan<float> values, int sample)
    {
        if (values.IsEmpty)
        {
            return new ValueRange(0, 0);
        }

        var range = new ValueRange(TensorPrimitives.Min(values), TensorPrimitives.Max(values));
        return float.IsFinite(range.Min) && float.IsFinite(range.Max)
            ? range
            : throw new ArgumentException($"The value '{name}' holds NaN or infinity for calibration sample {sample}, so it has no range. Check the sample and the model's weights.", nameof(values));
    }
}
