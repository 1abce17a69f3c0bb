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
    /// <param name="tensor">Values; other real numbers become float32.</param>
    /// <param name="transpose">Swaps the last two dimensions.</param>
    /// <param name="keepDouble">Writes float64 as float64.</param>
    public static void Initializer(OnnxGraphBuilder builder, string name, Tensor tensor, bool transpose = false, bool keepDouble = false)
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
            case ScalarType.Int32:
                builder.Initializer<int>(name, shape, MemoryMarshal.Cast<byte, int>(dense.bytes));
                break;
            case ScalarType.Float64 when keepDouble:
                builder.Initializer<double>(name, shape, MemoryMarshal.Cast<byte, double>(dense.bytes));
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

    /// <summary>The name of a number of another type, written once.</summary>
    public static string Number(OnnxGraphBuilder builder, double value, OnnxType type)
    {
        string name = $"{type}({value.ToString("R", System.Globalization.CultureInfo.InvariantCulture)})";
        if (!builder.HasInitializer(name))
        {
            switch (type)
            {
                case OnnxType.Int32:
                    builder.Initializer<int>(name, [], [(int)value]);
                    break;
                case OnnxType.Bool:
                    builder.Initializer<bool>(name, [], [value != 0]);
                    break;
                case OnnxType.Double:
                    builder.Initializer<double>(name, [], [value]);
                    break;
                default:
                    throw new NotSupportedException($"A number of type {type} cannot be written.");
            }
        }

        return name;
    }

    /// <summary>Weights of a recurrent layer in ONNX's order of gates: <c>[directions, gates * hidden, features]</c>.</summary>
    /// <param name="directions">One tensor per direction, gates stacked in PyTorch's order.</param>
    /// <param name="order">Position of each of ONNX's gates among PyTorch's.</param>
    public static Tensor Gates(Tensor[] directions, int[] order) =>
        stack([.. directions.Select(weight => Reordered(weight, order))]);

    /// <summary>Biases of a recurrent layer: those of the input, then those of the state, <c>[directions, 2 * gates * hidden]</c>.</summary>
    /// <param name="input">Input biases per direction.</param>
    /// <param name="state">State biases per direction.</param>
    /// <param name="order">Position of each of ONNX's gates among PyTorch's.</param>
    public static Tensor Biases(Tensor[] input, Tensor[] state, int[] order) =>
        stack([.. input.Select((bias, index) => cat([Reordered(bias, order), Reordered(state[index], order)]))]);

    private static Tensor Reordered(Tensor gates, int[] order)
    {
        Tensor[] parts = gates.chunk(order.Length);
        return cat([.. order.Select(position => parts[position])]);
    }
}
