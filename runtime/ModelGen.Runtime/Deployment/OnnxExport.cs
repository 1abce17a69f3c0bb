using System.ComponentModel;
using System.Runtime.InteropServices;
using ModelGen.Onnx;
using static TorchSharp.torch;

namespace ModelGen;

/// <summary>Settings of an ONNX export.</summary>
public sealed record OnnxExportOptions
{
    /// <summary>Static batch size; null for the attribute's (default 1).</summary>
    public int? BatchSize { get; init; }

    /// <summary>Values of the other symbolic sizes of <c>[Shape]</c>, by name.</summary>
    public IReadOnlyDictionary<string, long> Sizes { get; init; } = new Dictionary<string, long>();

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
}

/// <summary>What generated exporters call to write initialisers.</summary>
[EditorBrowsable(EditorBrowsableState.Never)]
public static class OnnxExport
{
    /// <summary>Starts a graph with the metadata that sessions check.</summary>
    /// <param name="name">Class name.</param>
    /// <param name="contract">Inputs and outputs.</param>
    /// <returns>The builder.</returns>
    public static OnnxGraphBuilder Begin(string name, OnnxContract contract)
    {
        var builder = new OnnxGraphBuilder(name);
        builder.Metadata(OnnxContract.ModelKey, contract.Model);
        return builder;
    }

    /// <summary>Writes a tensor as an initialiser.</summary>
    /// <param name="builder">The graph.</param>
    /// <param name="name">Name.</param>
    /// <param name="tensor">Values; float64 becomes float32.</param>
    /// <param name="transpose">Swaps the last two dimensions.</param>
    public static void Initializer(OnnxGraphBuilder builder, string name, Tensor tensor, bool transpose = false)
    {
        if (builder.HasInitializer(name))
        {
            return;
        }

        using Tensor host = tensor.detach().cpu();
        using Tensor turned = transpose ? host.transpose(-1, -2) : host.alias();
        using Tensor dense = turned.contiguous();
        long[] shape = dense.shape;
        switch (dense.dtype)
        {
            case ScalarType.Int64:
                builder.Initializer<long>(name, shape, MemoryMarshal.Cast<byte, long>(dense.bytes));
                break;
            case ScalarType.Bool:
                builder.Initializer<bool>(name, shape, MemoryMarshal.Cast<byte, bool>(dense.bytes));
                break;
            case ScalarType.Float32:
                builder.Initializer<float>(name, shape, MemoryMarshal.Cast<byte, float>(dense.bytes));
                break;
            default:
                using (Tensor single = dense.to_type(ScalarType.Float32))
                {
                    builder.Initializer<float>(name, shape, MemoryMarshal.Cast<byte, float>(single.bytes));
                }

                break;
        }
    }

    /// <summary>The name of an int64 vector, written once.</summary>
    public static string Longs(OnnxGraphBuilder builder, long[] values)
    {
        string name = "i64[" + string.Join(",", values) + "]";
        if (!builder.HasInitializer(name))
        {
            builder.Initializer<long>(name, [values.Length], values);
        }

        return name;
    }

    /// <summary>The name of a float32 tensor, a vector unless a shape is given, written once.</summary>
    public static string Floats(OnnxGraphBuilder builder, double[] values, params long[] shape)
    {
        long[] sizes = shape.Length == 0 ? [values.Length] : shape;
        string name = $"f32[{string.Join(",", sizes)}][{string.Join(",", values.Select(static value => value.ToString("R", System.Globalization.CultureInfo.InvariantCulture)))}]";
        if (!builder.HasInitializer(name))
        {
            builder.Initializer<float>(name, sizes, [.. values.Select(static value => (float)value)]);
        }

        return name;
    }

    /// <summary>The name of a float32 tensor of one number, written once.</summary>
    public static string Filled(OnnxGraphBuilder builder, double value, params long[] shape)
    {
        string name = $"f32[{string.Join(",", shape)}]({value.ToString("R", System.Globalization.CultureInfo.InvariantCulture)})";
        if (!builder.HasInitializer(name))
        {
            float[] values = new float[shape.Aggregate(1L, static (product, size) => product * size)];
            Array.Fill(values, (float)value);
            builder.Initializer<float>(name, shape, values);
        }

        return name;
    }

    /// <summary>The name of a float32 number, written once.</summary>
    public static string Float(OnnxGraphBuilder builder, double value)
    {
        string name = "f32(" + value.ToString("R", System.Globalization.CultureInfo.InvariantCulture) + ")";
        if (!builder.HasInitializer(name))
        {
            builder.Initializer<float>(name, [], [(float)value]);
        }

        return name;
    }

    /// <summary>The name of an int64 number, written once.</summary>
    public static string Long(OnnxGraphBuilder builder, long value)
    {
        string name = "i64(" + value.ToString(System.Globalization.CultureInfo.InvariantCulture) + ")";
        if (!builder.HasInitializer(name))
        {
            builder.Initializer<long>(name, [], [value]);
        }

        return name;
    }
}
