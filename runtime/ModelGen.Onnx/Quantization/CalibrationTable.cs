namespace ModelGen.Onnx;

/// <summary>Scale of one activation of a model.</summary>
/// <param name="Name">Name of the value.</param>
/// <param name="Scale">What one step of the integers is worth.</param>
/// <param name="ZeroPoint">The integer that stands for 0.</param>
public sealed record ActivationScale(string Name, float Scale, int ZeroPoint)
{
    /// <summary>Names of values that hold the same integers in other places, such as the result of a Reshape.</summary>
    public IReadOnlyList<string> Moved { get; init; } = [];

    /// <summary>Name of the value whose scale this one shares in the integer model, such as the result of the Concat that this one is a part of; by default the value itself.</summary>
    public string Owner { get; init; } = Name;

    /// <summary>The largest scale at which all representable numbers stay inside the bounds of the activation that the integers make superfluous; infinite (default) where there is none.</summary>
    public float LargestScale { get; init; } = float.PositiveInfinity;
}

/// <summary>What the weights of a product are rounded to: multiples of a scale.</summary>
/// <param name="Largest">The largest integer, and the smallest with the other sign: 127, 63 or 7.</param>
/// <param name="PerChannel">Whether each output channel (each column of a lookup's table) has a scale of its own.</param>
public sealed record WeightGrid(int Largest, bool PerChannel);

/// <summary>What static quantization takes from samples, or from training.</summary>
/// <param name="Activations">Scales of all values that become integers.</param>
/// <param name="Products">Results of the products, with their bias, that run in integers, and of the lookups in integer tables.</param>
public sealed record CalibrationTable(IReadOnlyList<ActivationScale> Activations, IReadOnlyList<string> Products)
{
    /// <summary>
    /// What the weights are rounded to, by a name of <see cref="Products"/>, as the options of the calibration say: a quantization with other options is refused. Products that are not among
    /// them are not checked. Default empty.
    /// </summary>
    public IReadOnlyDictionary<string, WeightGrid> WeightGrids { get; init; } = new Dictionary<string, WeightGrid>();

    /// <summary>
    /// Scales of weights, one for each output channel (for each column of a lookup's table; all the same where they share one), by a name of <see cref="Products"/>. Products that are not among
    /// them get the scale at which the largest magnitude of a channel becomes the largest integer. Default empty.
    /// </summary>
    public IReadOnlyDictionary<string, float[]> WeightScales { get; init; } = new Dictionary<string, float[]>();
}
