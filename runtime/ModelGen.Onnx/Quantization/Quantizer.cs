using ModelGen.Onnx.Quantization;

namespace ModelGen.Onnx;

/// <summary>Turns float models into INT8 models.</summary>
public static class Quantizer
{
    /// <summary>
    /// Static INT8 quantization in QDQ form: unsigned 8-bit activations with ranges from calibration samples (smallest and largest value), signed 8-bit weights per
    /// output channel, 32-bit biases. The form is the one that ONNX Runtime's CPU provider fuses to integer kernels.
    /// </summary>
    /// <param name="model">A float32 model with static shapes and value_info; not changed.</param>
    /// <param name="calibration">Typical inputs, by input name; read once, one at a time.</param>
    /// <param name="options">Settings; null for the defaults.</param>
    /// <returns>The quantized model and a report.</returns>
    /// <exception cref="ArgumentException">There are no samples, or a value is NaN or infinite for one of them.</exception>
    /// <exception cref="OnnxFormatException">ONNX Runtime refuses the float model, or value_info is missing.</exception>
    public static QuantizationResult QuantizeStatic(OnnxModel model, IEnumerable<IReadOnlyDictionary<string, OnnxTensor>> calibration, StaticQuantizationOptions? options = null)
    {
        options ??= new StaticQuantizationOptions();
        var plan = new QuantizationPlan(model.Proto.Graph, options);
        IReadOnlyDictionary<string, ValueRange> ranges = RangeCalibrator.Run(model, [.. plan.Measured], calibration);
        return new QuantizationResult(new QdqWriter(model, plan, ranges, options).Write(), plan.Report);
    }
}
