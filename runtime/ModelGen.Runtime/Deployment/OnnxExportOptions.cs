using System.ComponentModel;
using System.Globalization;
using ModelGen.Onnx;

namespace ModelGen;

/// <summary>Settings of an ONNX export.</summary>
public sealed record OnnxExportOptions
{
    /// <summary>Static batch size: of the first name in <c>[Shape]</c>; null for the attribute's (default 1).</summary>
    public int? BatchSize { get; init; }

    /// <summary>
    /// Further batch sizes: <c>ExportOnnx</c> writes a file for each beside the first, see <see cref="BatchFile"/>. Null for the attribute's (<c>[ExportOnnx(Batches = new[] { 8, 32 })]</c>), which
    /// do not count when <see cref="BatchSize"/> or <see cref="OpenSize"/> is given.
    /// </summary>
    public IReadOnlyList<int>? BatchSizes { get; init; }

    /// <summary>Values of the other symbolic sizes of <c>[Shape]</c>, by name.</summary>
    public IReadOnlyDictionary<string, long> Sizes { get; init; } = new Dictionary<string, long>();

    /// <summary>
    /// Name of a symbolic size that the graph leaves open, such as <c>"N"</c> for any batch size; default null: all sizes are static, which is faster. The graph is built for two sizes
    /// and joined; a model in which more than shapes depends on the size is refused.
    /// </summary>
    public string? OpenSize { get; init; }

    /// <summary>Version of the ai.onnx operator set, 21 to 26; default 21, which all runtimes of the last years read.</summary>
    public int Opset { get; init; } = 21;

    /// <summary>
    /// <see cref="OnnxType.Float"/> (default), <see cref="OnnxType.Float16"/> or <see cref="OnnxType.BFloat16"/> for weights and arithmetic; inputs and outputs stay float32. For execution
    /// providers with such kernels: ONNX Runtime's CPU provider gains nothing from float16 and lacks bfloat16. BFloat16 needs <see cref="Opset"/> 22 or newer.
    /// </summary>
    public OnnxType Precision { get; init; } = OnnxType.Float;

    /// <summary>Whether the graph is cleaned up by <see cref="OnnxOptimizer"/>; default true.</summary>
    public bool Optimize { get; init; } = true;

    /// <summary>Whether the model takes raw pixels (uint8, <c>[N, H, W, C]</c>) and normalises them as <c>[Shape(..., Normalize = ...)]</c> says; default false.</summary>
    public bool RawPixels { get; init; }

    /// <summary>Raw pixels with a normalisation of their own; null for none.</summary>
    public OnnxPixels? Pixels { get; init; }

    /// <summary>What the model gives out: what <c>forward</c> returns (default), probabilities, or the best class.</summary>
    public OnnxOutputForm Output { get; init; }

    /// <summary>How the file is written: constants in a file of their own; null for the defaults.</summary>
    public OnnxSaveOptions? Save { get; init; }

    /// <summary>The file of a further batch size: <c>net.batch8.onnx</c> beside <c>net.onnx</c>.</summary>
    /// <param name="path">The file that was exported.</param>
    /// <param name="batch">Batch size.</param>
    /// <returns>The path.</returns>
    public static string BatchFile(string path, int batch) =>
        Path.Combine(Path.GetDirectoryName(path) ?? "", $"{Path.GetFileNameWithoutExtension(path)}.batch{batch.ToString(CultureInfo.InvariantCulture)}{Path.GetExtension(path)}");

    /// <summary>The value of a symbolic size. Used by generated code.</summary>
    /// <param name="name">Name in <c>[Shape]</c>.</param>
    /// <param name="batch">Batch size of the attribute when the name is the batch dimension, null otherwise.</param>
    /// <returns>The value.</returns>
    /// <exception cref="ArgumentException">It is not given, or not positive.</exception>
    [EditorBrowsable(EditorBrowsableState.Never)]
    public long Size(string name, int? batch)
    {
        long value = Sizes.TryGetValue(name, out long given) ? given
            : batch is int standard ? BatchSize ?? standard
            : throw new ArgumentException($"The exported graph has static shapes, so the size '{name}' must be given: new OnnxExportOptions {{ Sizes = new Dictionary<string, long> {{ [\"{name}\"] = ... }} }}.");
        return value > 0 ? value : throw new ArgumentException($"The size '{name}' must be positive, got {value}.");
    }

    /// <exception cref="ArgumentException">A setting is outside its range.</exception>
    internal void Check()
    {
        if (Opset is < 21 or > 26)
        {
            throw new ArgumentException($"OnnxExportOptions.Opset must be 21 to 26, but is {Opset}.");
        }

        if (Precision is not (OnnxType.Float or OnnxType.Float16 or OnnxType.BFloat16))
        {
            throw new ArgumentException($"OnnxExportOptions.Precision must be Float, Float16 or BFloat16, but is {Precision}. INT8 models come from ExportQuantizedOnnx.");
        }

        if (BatchSizes is { Count: > 0 } && OpenSize is not null)
        {
            throw new ArgumentException("OnnxExportOptions.BatchSizes are static sizes, so they do not go with OpenSize.");
        }
    }
}

/// <summary>What a model class declares of its export. Used by generated code.</summary>
/// <param name="Batches">Further batch sizes of <c>[ExportOnnx]</c>.</param>
/// <param name="Pixels">Normalisation of the first input with <c>[Shape(..., Normalize = ...)]</c>; null when there is none.</param>
[EditorBrowsable(EditorBrowsableState.Never)]
public sealed record OnnxExportDefaults(int[] Batches, OnnxPixels? Pixels);
