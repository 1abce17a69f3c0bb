namespace ModelGen.Onnx;

/// <summary>How weights become integers.</summary>
public enum WeightRounding
{
    /// <summary>Each weight to the nearest integer.</summary>
    Nearest,

    /// <summary>
    /// Weight after weight, each making up for the errors of those before it as far as they act together on the layer's typical inputs: GPTQ (Frantar et al., arXiv:2210.17323) in its
    /// form as a nearest-plane search. Needs one more pass over the samples, and a matrix of (inputs of an output)^2 floats a layer.
    /// </summary>
    Adaptive,
}

/// <summary>Settings of static INT8 quantization.</summary>
public sealed record StaticQuantizationOptions
{
    /// <summary>How activation ranges are found; default smallest and largest value.</summary>
    public CalibrationMethod Calibration { get; init; } = CalibrationMethod.MinMax;

    /// <summary>Share of values inside the range for <see cref="CalibrationMethod.Percentile"/>, in per cent; default 99.99.</summary>
    public double Percentile { get; init; } = 99.99;

    /// <summary>
    /// Type of quantized activations: UInt8 (default; what x64 processors multiply fastest), Int8 (for ARM64), or UInt16 and Int16, which need opset 21 and cost no accuracy, but
    /// which ONNX Runtime's CPU provider computes in float.
    /// </summary>
    public OnnxType ActivationType { get; init; } = OnnxType.UInt8;

    /// <summary>One weight scale per output channel (default) or one for the whole tensor.</summary>
    public bool PerChannel { get; init; } = true;

    /// <summary>
    /// Bits of a weight: 8 (default), or 4 for files of half the size. Weights of 4 bits are stored as int4, which needs opset 21; ONNX Runtime widens them once when it loads the file and
    /// computes with the same integer kernels. Embedding tables keep 8 bits.
    /// </summary>
    public int WeightBits { get; init; } = 8;

    /// <summary>
    /// Takes the scales of weights that make the squared error of all of them smallest, where the largest weights may be cut off, instead of those at which the largest weight is the largest
    /// integer. For 4 bits; with 8 there is little to win. Default false.
    /// </summary>
    public bool ClipWeights { get; init; }

    /// <summary>Weights in 7 bits, for processors without VNNI, whose 8-bit products saturate; default false. Weights of 4 bits never saturate.</summary>
    public bool ReduceRange { get; init; }

    /// <summary>How weights become integers; default to the nearest.</summary>
    public WeightRounding Rounding { get; init; } = WeightRounding.Nearest;

    /// <summary>
    /// Makes the channels between two products alike in size, by factors that cancel: cross-layer equalisation (Nagel et al., arXiv:1906.04721). Only where a ReLU, a pool or nothing
    /// lies between. Default false.
    /// </summary>
    public bool EqualizeLayers { get; init; }

    /// <summary>
    /// Moves outliers of normalised activations into the weights that read them: SmoothQuant (Xiao et al., arXiv:2211.10438), folded into LayerNormalization and
    /// RMSNormalization. The exponent, usually 0.5; null (default) for none. Needs one more pass over the samples.
    /// </summary>
    public double? SmoothQuant { get; init; }

    /// <summary>Takes the mean error of each output channel, which rounding of weights and inputs leaves, off the bias (Nagel et al., arXiv:1906.04721). Needs one more pass over the samples. Default false.</summary>
    public bool CorrectBias { get; init; }

    /// <summary>Also quantizes products of two activations (attention scores). Default false: at the sizes of attention heads the conversions cost about what the products save.</summary>
    public bool QuantizeAttention { get; init; }

    /// <summary>Stores embedding tables as int8 with a scale per column; default true.</summary>
    public bool QuantizeEmbeddings { get; init; } = true;

    /// <summary>
    /// Gives convolutions of images (three channels or fewer) an input whose neighbouring columns are channels, which ONNX Runtime's CPU kernels read faster; the integers of the result
    /// stay the same. Only with UInt8 activations. Default true; other providers may not fuse the Pad, Transpose and Reshape that it needs.
    /// </summary>
    public bool FoldImageColumns { get; init; } = true;

    /// <summary>Names of nodes that stay float.</summary>
    public IReadOnlyCollection<string> ExcludeNodes { get; init; } = [];

    /// <summary>Operator types that stay float, such as <c>Add</c>.</summary>
    public IReadOnlyCollection<string> ExcludeOpTypes { get; init; } = [];

    /// <summary>The opset that the quantized model needs at least.</summary>
    internal int Opset => WeightBits == 4 || ActivationType is OnnxType.UInt16 or OnnxType.Int16 ? 21 : 13;

    /// <summary>Whether more than ranges is wanted of the samples.</summary>
    internal bool NeedsInputStatistics => CorrectBias || Rounding == WeightRounding.Adaptive;

    internal void Check()
    {
        if (ActivationType is not (OnnxType.UInt8 or OnnxType.Int8 or OnnxType.UInt16 or OnnxType.Int16))
        {
            throw new ArgumentException($"Activations cannot be quantized to {ActivationType}; use UInt8, Int8, UInt16 or Int16.");
        }

        if (WeightBits is not (4 or 8) || (WeightBits == 4 && ReduceRange))
        {
            throw new ArgumentException($"WeightBits must be 8 or 4, and ReduceRange is for 8 bits, got {WeightBits} bits{(ReduceRange ? " with ReduceRange" : "")}.");
        }

        if (!(Percentile is > 0 and <= 100))
        {
            throw new ArgumentException($"The percentile must lie above 0 and at most at 100, got {Percentile}.");
        }

        if (SmoothQuant is double exponent && !(exponent is >= 0 and <= 1))
        {
            throw new ArgumentException($"The exponent of SmoothQuant must lie in 0..1, got {exponent}.");
        }
    }
}
