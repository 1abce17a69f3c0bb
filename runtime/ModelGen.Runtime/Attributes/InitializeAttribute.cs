using static TorchSharp.torch.nn;

namespace ModelGen;

/// <summary>
/// How parameters are filled when a model is made, in place of TorchSharp's defaults. On a class it counts for all its parameters, those of blocks included; on a layer (a layer member of the attribute
/// DSL, or a field of a TorchSharp module) for that layer alone, and goes before what classes say. Without a pattern it fills the parameters of at least two dimensions, which leaves biases and
/// normalisations as they are.
/// </summary>
/// <remarks>
/// The constructor that is generated for the attribute DSL applies it. A TorchSharp module calls <c>this.Initialize();</c> at the end of its own constructor; the build asks for it. The random numbers
/// are torch's (<c>torch.random.manual_seed</c>), drawn after those of the layers' own defaults: classes before layers, attributes of one place in their order.
/// </remarks>
/// <example><c>[Model] [Initialize(Initialization.KaimingNormal)] [Initialize(Initialization.Zeros, "head.bias")] public sealed partial class Net</c></example>
/// <param name="scheme">The scheme.</param>
/// <param name="pattern">
/// State-dict keys with <c>*</c> for any characters and <c>?</c> for one; on a layer the names within it, such as <c>"bias"</c>. Null (default) for all parameters of at least two dimensions.
/// </param>
[AttributeUsage(AttributeTargets.Class | AttributeTargets.Method | AttributeTargets.Property | AttributeTargets.Field, Inherited = false, AllowMultiple = true)]
public sealed class InitializeAttribute(Initialization scheme, string? pattern = null) : Attribute
{
    /// <summary>The scheme.</summary>
    public Initialization Scheme { get; } = scheme;

    /// <summary>Which parameters; null for all of at least two dimensions.</summary>
    public string? Pattern { get; } = pattern;

    /// <summary>The number of <see cref="Initialization.Constant"/>, which needs it.</summary>
    public double Value { get; set; }

    /// <summary>Lower bound: of <see cref="Initialization.Uniform"/>, default 0, and of <see cref="Initialization.TruncatedNormal"/>, default -2.</summary>
    public double Low { get; set; }

    /// <summary>Upper bound: of <see cref="Initialization.Uniform"/>, default 1, and of <see cref="Initialization.TruncatedNormal"/>, default 2.</summary>
    public double High { get; set; }

    /// <summary>Mean of the normal distributions; default 0.</summary>
    public double Mean { get; set; }

    /// <summary>Standard deviation of the normal distributions, default 1, and of <see cref="Initialization.Sparse"/>, default 0.01.</summary>
    public double Deviation { get; set; }

    /// <summary>Factor of the Xavier schemes and of <see cref="Initialization.Orthogonal"/>; default 1.</summary>
    public double Gain { get; set; }

    /// <summary>Whether the Kaiming schemes keep the variance forward or backward; default forward.</summary>
    public init.FanInOut Mode { get; set; }

    /// <summary>The activation that follows, for the Kaiming schemes; default ReLU.</summary>
    public init.NonlinearityType Activation { get; set; }

    /// <summary>Share of zeros in each column for <see cref="Initialization.Sparse"/>, which needs it.</summary>
    public double Zeros { get; set; }
}

/// <summary>Schemes that fill parameters: those of PyTorch's <c>torch.nn.init</c>. <see cref="Initializers"/> has them for code.</summary>
public enum Initialization
{
    /// <summary>All zeros.</summary>
    Zeros,

    /// <summary>All ones.</summary>
    Ones,

    /// <summary>All the same number, <see cref="InitializeAttribute.Value"/>.</summary>
    Constant,

    /// <summary>Evenly distributed between <see cref="InitializeAttribute.Low"/> and <see cref="InitializeAttribute.High"/>.</summary>
    Uniform,

    /// <summary>Normally distributed.</summary>
    Normal,

    /// <summary>Normally distributed without what is beyond two bounds.</summary>
    TruncatedNormal,

    /// <summary>Glorot and Bengio's scheme (AISTATS 2010), evenly distributed.</summary>
    XavierUniform,

    /// <summary>Glorot and Bengio's scheme (AISTATS 2010), normally distributed.</summary>
    XavierNormal,

    /// <summary>He et al.'s scheme (arXiv:1502.01852), evenly distributed.</summary>
    KaimingUniform,

    /// <summary>He et al.'s scheme (arXiv:1502.01852), normally distributed.</summary>
    KaimingNormal,

    /// <summary>Orthogonal rows or columns (Saxe et al., arXiv:1312.6120).</summary>
    Orthogonal,

    /// <summary>Columns that are mostly zero (Martens, ICML 2010).</summary>
    Sparse,
}
