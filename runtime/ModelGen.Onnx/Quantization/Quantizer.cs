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
        return new StaticQuantization(model, calibration, options).Quantize(options.ExcludeNodes);
    }

    /// <summary>Finds the scales of static quantization from samples, without quantizing: for training that rounds as the integer model does, and for quantizing a model more than once.</summary>
    /// <param name="model">A float32 model of opset 13 or later; not changed.</param>
    /// <param name="calibration">Typical inputs, by input name; read once.</param>
    /// <param name="options">Settings; null for the defaults. Those that change weights before or while they are rounded have no place here.</param>
    /// <returns>Scales by value name.</returns>
    /// <exception cref="ArgumentException">There are no samples, one does not fit the model, a value is NaN or infinite for one of them, or an option has no meaning.</exception>
    /// <exception cref="NotSupportedException">The model's opset is too old, or its weights lie in another file.</exception>
    public static CalibrationTable Calibrate(OnnxModel model, IEnumerable<IReadOnlyDictionary<string, OnnxTensor>> calibration, StaticQuantizationOptions? options = null) =>
        new TableQuantization(model, options ?? new StaticQuantizationOptions()).Calibrate(calibration);

    /// <summary>The scales that <see cref="QuantizeStatic(OnnxModel, CalibrationTable, StaticQuantizationOptions?)"/> finds for the weights as they are: where training starts that learns them.</summary>
    /// <param name="model">A float32 model of opset 13 or later; not changed.</param>
    /// <param name="table">Scales of exactly the values that become integers.</param>
    /// <param name="options">Settings; null for the defaults. Those that change weights before or while they are rounded have no place here.</param>
    /// <returns>A scale for each output channel, by the names of <see cref="CalibrationTable.Products"/>.</returns>
    /// <exception cref="ArgumentException">The quantizer wants a scale that the table lacks, or the other way round, or an option has no meaning.</exception>
    /// <exception cref="NotSupportedException">The model's opset is too old, or its weights lie in another file.</exception>
    public static IReadOnlyDictionary<string, float[]> WeightScales(OnnxModel model, CalibrationTable table, StaticQuantizationOptions? options = null) =>
        new TableQuantization(model, options ?? new StaticQuantizationOptions()).WeightScales(table);

    /// <summary>Static INT8 quantization with scales that are known: those of training that rounded as the integer model does.</summary>
    /// <param name="model">A float32 model of opset 13 or later; not changed.</param>
    /// <param name="table">Scales of exactly the values that become integers.</param>
    /// <param name="options">Settings; null for the defaults. Those that change weights before or while they are rounded have no place here.</param>
    /// <returns>The quantized model and a report.</returns>
    /// <exception cref="ArgumentException">The quantizer wants a scale that the table lacks, or the other way round, or an option has no meaning.</exception>
    /// <exception cref="NotSupportedException">The model's opset is too old, or its weights lie in another file.</exception>
    public static QuantizationResult QuantizeStatic(OnnxModel model, CalibrationTable table, StaticQuantizationOptions? options = null) =>
        new TableQuantization(model, options ?? new StaticQuantizationOptions()).Quantize(table);

    /// <summary>
    /// The fastest INT8 model that keeps an accuracy: first ways of quantization that cost no speed (<see cref="AccuracyOptions.Recipes"/>), then, with the best of them, as few products as
    /// needed go back to float, those first that do most harm for the work that they save.
    /// </summary>
    /// <param name="model">A float32 model of opset 13 or later; not changed.</param>
    /// <param name="calibration">Typical inputs, by input name; read several times.</param>
    /// <param name="evaluate">Gives the score of a model, larger is better, such as <see cref="Evaluation.Accuracy"/>.</param>
    /// <param name="options">Settings; null for the defaults.</param>
    /// <returns>The model and a report with both scores.</returns>
    /// <exception cref="ArgumentException">There are no samples, one does not fit the model, or an option has no meaning.</exception>
    public static QuantizationResult QuantizeToAccuracy(
        OnnxModel model, IEnumerable<IReadOnlyDictionary<string, OnnxTensor>> calibration, Func<OnnxModel, double> evaluate, AccuracyOptions? options = null) =>
        new AccuracySearch(model, calibration, evaluate, options ?? new()).Run();

    /// <summary>Measures a quantized model against the float one: signal-to-noise ratio of each layer, latency, and the score if there is a way to find it.</summary>
    /// <param name="model">The float model.</param>
    /// <param name="result">What a method of this class made of it.</param>
    /// <param name="samples">Inputs; a few dozen are enough. The first one is used for the latency.</param>
    /// <param name="evaluate">Gives the score of a model; null for none.</param>
    /// <returns>The result's report, completed.</returns>
    /// <exception cref="ArgumentException">There are no samples, or one does not fit the model.</exception>
    public static QuantizationReport Examine(
        OnnxModel model, QuantizationResult result, IEnumerable<IReadOnlyDictionary<string, OnnxTensor>> samples, Func<OnnxModel, double>? evaluate = null)
    {
        IReadOnlyDictionary<string, OnnxTensor> first = samples.FirstOrDefault() ?? throw new ArgumentException("There are no samples.", nameof(samples));
        (double before, double after) = Latency.Compare(model, result.Model, first);
        return result.Report with
        {
            Layers = LayerErrors.Measure(model, result.Model, samples),
            FloatMilliseconds = before,
            QuantizedMilliseconds = after,
            FloatScore = evaluate?.Invoke(model) ?? result.Report.FloatScore,
            QuantizedScore = evaluate?.Invoke(result.Model) ?? result.Report.QuantizedScore,
        };
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
        return Result(model, quantized, nodes, []);
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

        return Result(model, quantized, quantizer.Run(statistics), []);
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
        return Result(model, half, new HalfConverter(half.Proto).Run(), []);
    }

    /// <summary>A quantized model with what was done and both sizes.</summary>
    internal static QuantizationResult Result(OnnxModel source, OnnxModel quantized, IReadOnlyList<QuantizedNode> nodes, IReadOnlyList<string> steps) =>
        new(quantized, new QuantizationReport(nodes) { Steps = steps, FloatBytes = source.Proto.CalculateSize(), QuantizedBytes = quantized.Proto.CalculateSize() });
}
