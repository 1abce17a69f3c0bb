using ModelGen.Onnx.Quantization;

namespace ModelGen.Onnx;

/// <summary>Turns float models into smaller and faster ones. Every method takes any ONNX model and gives a new one with the same inputs and outputs.</summary>
public static class Quantizer
{
    /// <summary>
    /// Static INT8 quantization in QDQ form: 8-bit activations with ranges from calibration samples, signed 8-bit weights per output channel, 32-bit biases. The form is the one that
    /// ONNX Runtime's CPU provider fuses to integer kernels.
    /// </summary>
    /// <param name="model">A float32 model of opset 13 or later; not changed. Batch normalisation should be folded into the convolutions before it.</param>
    /// <param name="calibration">Typical inputs, by input name; read one at a time, once for each pass that the options name.</param>
    /// <param name="options">Settings; null for the defaults.</param>
    /// <returns>The quantized model and a report.</returns>
    /// <exception cref="ArgumentException">There are no samples, one does not fit the model, a value is NaN or infinite for one of them, or an option has no meaning.</exception>
    /// <exception cref="NotSupportedException">The model's opset is too old, or its weights lie in another file.</exception>
    /// <exception cref="OnnxFormatException">ONNX Runtime refuses the float model.</exception>
    public static QuantizationResult QuantizeStatic(OnnxModel model, IEnumerable<IReadOnlyDictionary<string, OnnxTensor>> calibration, StaticQuantizationOptions? options = null)
    {
        options ??= new StaticQuantizationOptions();
        options.Check();
        OnnxModel prepared = GraphPreparation.Prepare(model, options.ActivationType is OnnxType.UInt16 or OnnxType.Int16 ? 21 : 13);
        var steps = new List<string>();
        if (options.EqualizeLayers)
        {
            steps.Add($"equalised {LayerEqualization.Apply(prepared)} pairs of layers");
        }

        if (options.SmoothQuant is double exponent)
        {
            steps.Add($"smoothed {ActivationSmoothing.Apply(prepared, calibration, exponent)} normalisations");
        }

        var plan = new QuantizationPlan(prepared.Proto.Graph, options);
        IReadOnlyDictionary<string, ValueRange> ranges = RangeCalibrator.Run(prepared, [.. plan.Measured], calibration, options);
        Dictionary<string, IntegerGrid> grids = plan.Quantized.Concat(plan.Products.Select(static product => product.Input)).Distinct().ToDictionary(static value => value, value => plan.Grid(value, ranges), StringComparer.Ordinal);
        IReadOnlyDictionary<string, ProductWeights> weights = ProductQuantizer.Run(prepared, plan, grids, calibration, options);
        OnnxModel quantized = new QdqWriter(prepared, plan, grids, weights, options).Write();
        if (options.Rounding == WeightRounding.Adaptive)
        {
            steps.Add($"rounded the weights of {plan.Products.Count} products adaptively");
        }

        if (options.CorrectBias)
        {
            steps.Add($"corrected {plan.Products.Count(static product => product.Bias is not null)} biases");
        }

        return new QuantizationResult(quantized, new QuantizationReport(plan.Report) { Steps = steps, FloatBytes = model.Proto.CalculateSize(), QuantizedBytes = quantized.Proto.CalculateSize() });
    }

    /// <summary>
    /// Dynamic INT8 quantization: signed 8-bit weights per output channel; activations become 8-bit integers for each input, with its own range, in front of every matrix product. Needs no
    /// samples. For transformers and other models of matrix products; convolutions stay float.
    /// </summary>
    /// <param name="model">A float32 model of opset 13 or later; not changed.</param>
    /// <param name="options">Settings; null for the defaults.</param>
    /// <returns>The quantized model and a report.</returns>
    /// <exception cref="NotSupportedException">The model's opset is too old, or its weights lie in another file.</exception>
    public static QuantizationResult QuantizeDynamic(OnnxModel model, DynamicQuantizationOptions? options = null)
    {
        OnnxModel quantized = GraphPreparation.Prepare(model, 13);
        IReadOnlyList<QuantizedNode> nodes = new DynamicQuantizer(quantized, options ?? new()).Run();
        return Result(model, quantized, nodes);
    }

    /// <summary>
    /// Weight-only quantization: the weights of matrix products in blocks of 4 or 8 bits (operator MatMulNBits of ONNX Runtime's domain com.microsoft); activations stay float. For models
    /// whose speed is that of reading the weights, such as language models that write one token at a time, and for size.
    /// </summary>
    /// <param name="model">A float32 model of opset 13 or later; not changed.</param>
    /// <param name="bits">Bits of a weight: 4 or 8.</param>
    /// <param name="blockSize">Weights that share a scale: a power of two of at least 16.</param>
    /// <param name="calibration">Typical inputs, for adaptive rounding (GPTQ); null (default) rounds to the nearest.</param>
    /// <returns>The quantized model and a report.</returns>
    /// <exception cref="ArgumentException">Bits or block size have no meaning, or a sample does not fit.</exception>
    /// <exception cref="NotSupportedException">The model's opset is too old, or its weights lie in another file.</exception>
    public static QuantizationResult QuantizeWeights(OnnxModel model, int bits = 8, int blockSize = 32, IEnumerable<IReadOnlyDictionary<string, OnnxTensor>>? calibration = null) =>
        QuantizeWeights(model, new WeightQuantizationOptions { Bits = bits, BlockSize = blockSize }, calibration);

    /// <inheritdoc cref="QuantizeWeights(OnnxModel, int, int, IEnumerable{IReadOnlyDictionary{string, OnnxTensor}}?)"/>
    /// <param name="model">A float32 model of opset 13 or later; not changed.</param>
    /// <param name="options">Settings.</param>
    /// <param name="calibration">Typical inputs, for adaptive rounding (GPTQ); null (default) rounds to the nearest.</param>
    public static QuantizationResult QuantizeWeights(OnnxModel model, WeightQuantizationOptions options, IEnumerable<IReadOnlyDictionary<string, OnnxTensor>>? calibration = null)
    {
        options.Check();
        OnnxModel quantized = GraphPreparation.Prepare(model, 13);
        var quantizer = new WeightOnlyQuantizer(quantized, options);
        Dictionary<string, InputStatistics>? statistics = null;
        if (calibration is not null)
        {
            var index = new GraphIndex(quantized.Proto.Graph);
            IntegerProduct[] products = [.. quantized.Proto.Graph.Node.Where(node => quantizer.Problem(node) is null).Select(node => IntegerProduct.Of(node, index))];
            statistics = ProductQuantizer.Measure(quantized, index, products, static _ => null, calibration, moments: true);
        }

        return Result(model, quantized, quantizer.Run(statistics));
    }

    /// <summary>
    /// Stores weights and computes in float16, except where float16 cannot hold the values; inputs and outputs stay float32. Halves the size; faster on GPUs. ONNX Runtime's CPU provider
    /// computes in float32 all the same.
    /// </summary>
    /// <param name="model">A float32 model; not changed.</param>
    /// <returns>The float16 model and a report.</returns>
    /// <exception cref="NotSupportedException">The model's opset is too old, or its weights lie in another file.</exception>
    public static QuantizationResult ToFloat16(OnnxModel model)
    {
        OnnxModel half = GraphPreparation.Prepare(model, 13);
        return Result(model, half, new HalfConverter(half.Proto).Run());
    }

    private static QuantizationResult Result(OnnxModel source, OnnxModel quantized, IReadOnlyList<QuantizedNode> nodes) =>
        new(quantized, new QuantizationReport(nodes) { FloatBytes = source.Proto.CalculateSize(), QuantizedBytes = quantized.Proto.CalculateSize() });
}
