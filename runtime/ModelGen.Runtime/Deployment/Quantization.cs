using System.ComponentModel;
using ModelGen.Onnx;
using static TorchSharp.torch;

namespace ModelGen;

/// <summary>Settings of a quantized export.</summary>
public sealed record QuantizationOptions
{
    /// <summary>Settings of the float graph that is quantized.</summary>
    public OnnxExportOptions? Export { get; init; }

    /// <summary>What is quantized and when the ranges are found; null for what <c>[Quantize]</c> says, and static without it.</summary>
    public QuantizationMode? Mode { get; init; }

    /// <summary>Settings of static quantization; null for the defaults with the calibration that <c>[Quantize]</c> names.</summary>
    public StaticQuantizationOptions? Static { get; init; }

    /// <summary>Settings of dynamic quantization; null for the defaults.</summary>
    public DynamicQuantizationOptions? Dynamic { get; init; }

    /// <summary>Settings of weight-only quantization; null for the defaults: 8 bits, blocks of 32.</summary>
    public WeightQuantizationOptions? Weights { get; init; }
}

/// <summary>Typical inputs of a model, from which activation ranges are found.</summary>
/// <param name="inputs">One tensor per model input, batch first, all with the same number of samples. Not disposed.</param>
public sealed class CalibrationData(IReadOnlyList<Tensor> inputs)
{
    /// <summary>The tensors.</summary>
    public IReadOnlyList<Tensor> Inputs { get; } = inputs;

    /// <summary>Samples of a model with one input.</summary>
    public static implicit operator CalibrationData(Tensor input) => new([input]);

    /// <summary>Samples of a model with several inputs.</summary>
    public static implicit operator CalibrationData(Tensor[] inputs) => new(inputs);

    /// <summary>The samples in batches of a static graph; the last batch is filled up with the last sample.</summary>
    internal IEnumerable<IReadOnlyDictionary<string, OnnxTensor>> Batches(OnnxModel model)
    {
        var declared = model.Proto.Graph.Input;
        if (declared.Count != Inputs.Count)
        {
            throw new ArgumentException($"The model has {declared.Count} input(s), but the calibration data has {Inputs.Count}.");
        }

        long samples = Inputs.Min(static input => input.shape[0]);
        long batch = declared[0].Type.TensorType.Shape.Dim[0].DimValue;
        for (long start = 0; start < samples; start += batch)
        {
            var feed = new Dictionary<string, OnnxTensor>(StringComparer.Ordinal);
            for (int i = 0; i < Inputs.Count; i++)
            {
                feed[declared[i].Name] = Slice(Inputs[i], start, batch);
            }

            yield return feed;
        }
    }

    private static OnnxTensor Slice(Tensor input, long start, long batch)
    {
        using Tensor positions = arange(start, start + batch).clamp(0, input.shape[0] - 1);
        using Tensor indices = positions.to_type(ScalarType.Int64);
        using Tensor host = input.detach().cpu();
        using Tensor rows = host.index_select(0, indices);
        return TensorConversion.ToOnnx(rows);
    }
}

/// <summary>What generated exporters call to quantize.</summary>
[EditorBrowsable(EditorBrowsableState.Never)]
public static class QuantizedExport
{
    /// <summary>Quantizes an exported model.</summary>
    /// <param name="model">The float model.</param>
    /// <param name="calibration">Typical inputs; null for none.</param>
    /// <param name="options">Settings; null for the defaults.</param>
    /// <param name="mode">The mode that the attribute names.</param>
    /// <param name="method">The calibration that the attribute names.</param>
    /// <returns>The quantized model.</returns>
    /// <exception cref="ArgumentException">The mode needs samples and there are none.</exception>
    public static OnnxModel Quantize(OnnxModel model, CalibrationData? calibration, QuantizationOptions? options, QuantizationMode mode = QuantizationMode.Static, Calibration method = Calibration.MinMax)
    {
        options ??= new QuantizationOptions();
        return (options.Mode ?? mode) switch
        {
            QuantizationMode.Dynamic => Quantizer.QuantizeDynamic(model, options.Dynamic).Model,
            QuantizationMode.WeightOnly => Quantizer.QuantizeWeights(model, options.Weights ?? new(), calibration?.Batches(model)).Model,
            _ => Quantizer.QuantizeStatic(
                model,
                calibration?.Batches(model) ?? throw new ArgumentException("Static quantization needs calibration samples: typical inputs, a hundred or more.", nameof(calibration)),
                StaticOptions(options, method)).Model,
        };
    }

    /// <summary>What the options say of static quantization; without them the attribute's calibration.</summary>
    internal static StaticQuantizationOptions StaticOptions(QuantizationOptions? options, Calibration method) => options?.Static ?? new StaticQuantizationOptions { Calibration = Method(method) };

    private static CalibrationMethod Method(Calibration calibration) => calibration switch
    {
        Calibration.MinMax => CalibrationMethod.MinMax,
        Calibration.Percentile => CalibrationMethod.Percentile,
        Calibration.Entropy => CalibrationMethod.Entropy,
        Calibration.Mse => CalibrationMethod.Mse,
        _ => throw new ArgumentOutOfRangeException(nameof(calibration), calibration, "There is no such calibration."),
    };
}
