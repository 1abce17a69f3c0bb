namespace ModelGen.Onnx;

/// <summary>Scale of one activation of a model.</summary>
/// <param name="Name">Name of the value.</param>
/// <param name="Scale">What one step of the integers is worth.</param>
/// <param name="ZeroPoint">The integer that stands for 0.</param>
public sealed record ActivationScale(string Name, float Scale, int ZeroPoint)
{
    /// <summary>Names of values that hold the same integers in other places, such as the result of a Reshape.</summary>
    public IReadOnlyList<string> Moved { get; init; } = [];
}

/// <summary>What static quantization takes from samples, or from training.</summary>
/// <param name="Activations">Scales of all values that become integers.</param>
/// <param name="Products">Results of the products, with their bias, that run in integers, and of the lookups in integer tables.</param>
public sealed record CalibrationTable(IReadOnlyList<ActivationScale> Activations, IReadOnlyList<string> Products);
