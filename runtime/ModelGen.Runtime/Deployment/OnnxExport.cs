using System.ComponentModel;
using System.Runtime.InteropServices;
using ModelGen.Onnx;
using static TorchSharp.torch;

namespace ModelGen;

/// <summary>What generated exporters call to write initialisers.</summary>
[EditorBrowsable(EditorBrowsableState.Never)]
public static class OnnxExport
{
    /// <summary>Two primes that are no usual sizes: what an export for each has in common does not depend on the size.</summary>
    private const int FirstPrime = 11;

    private const int SecondPrime = 13;

    /// <summary>Makes a model's graph in the form that the options ask for.</summary>
    /// <param name="build">Builds the plain graph for static sizes.</param>
    /// <param name="defaults">What the class declares.</param>
    /// <param name="options">Settings; null for the defaults.</param>
    /// <returns>The model.</returns>
    public static OnnxModel Create(Func<OnnxExportOptions, OnnxModel> build, OnnxExportDefaults defaults, OnnxExportOptions? options)
    {
        options ??= new OnnxExportOptions();
        options.Check();
        OnnxModel model = options.OpenSize is { } size ? Open(build, options, size) : build(options);
        if (options.Pixels is { } pixels)
        {
            model = OnnxBoundary.TakePixels(model, pixels);
        }
        else if (options.RawPixels)
        {
            model = OnnxBoundary.TakePixels(model, defaults.Pixels
                ?? throw new InvalidOperationException("OnnxExportOptions.RawPixels needs the normalisation of the pixels: declare it where the model takes them, [Shape(\"N\", 3, 224, 224, Normalize = ...)], or give OnnxExportOptions.Pixels."));
        }

        model = OnnxBoundary.Give(model, options.Output);
        if (options.Optimize)
        {
            model = OnnxOptimizer.Optimize(model).Model;
        }

        return options.Precision == OnnxType.Float ? model : OnnxPrecision.Convert(model, options.Precision);
    }

    /// <summary>Writes a model's graph, or one per batch size that the class or the options name.</summary>
    /// <param name="path">The file; other batch sizes go beside it, see <see cref="OnnxExportOptions.BatchFile"/>.</param>
    /// <param name="build">Builds the plain graph for static sizes.</param>
    /// <param name="defaults">What the class declares.</param>
    /// <param name="options">Settings; null for the defaults.</param>
    public static void Save(string path, Func<OnnxExportOptions, OnnxModel> build, OnnxExportDefaults defaults, OnnxExportOptions? options)
    {
        options ??= new OnnxExportOptions();
        Create(build, defaults, options).Save(path, options.Save);
        IReadOnlyList<int> batches = options.BatchSizes ?? (options.BatchSize is null && options.OpenSize is null ? defaults.Batches : []);
        foreach (int batch in batches)
        {
            Create(build, defaults, options with { BatchSize = batch, BatchSizes = null }).Save(OnnxExportOptions.BatchFile(path, batch), options.Save);
        }
    }

    /// <summary>Starts a graph with the metadata that sessions check.</summary>
    /// <param name="name">Class name.</param>
    /// <param name="contract">Inputs and outputs.</param>
    /// <param name="options">Settings.</param>
    /// <returns>The builder.</returns>
    public static OnnxGraphBuilder Begin(string name, OnnxContract contract, OnnxExportOptions options)
    {
        var builder = new OnnxGraphBuilder(name, options.Opset, options.Opset switch { <= 22 => 10, 23 => 11, 24 => 12, _ => 13 });
        builder.Metadata(OnnxContract.ModelKey, contract.Model);
        builder.Document($"{contract.Model}: {string.Join(", ", contract.Inputs.Select(static entry => entry.ToString()))} -> {string.Join(", ", contract.Outputs.Select(static entry => entry.ToString()))}");
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
            case ScalarType.Float64:
                throw new NotSupportedException($"The weight '{name}' is float64, but the exported graph computes in float32: half of its digits would be lost. Call .to(ScalarType.Float32) on the model first.");
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

    private static OnnxModel Open(Func<OnnxExportOptions, OnnxModel> build, OnnxExportOptions options, string size)
    {
        OnnxModel Build(int value) => build(options with { Sizes = options.Sizes.Where(pair => pair.Key != size).Append(new(size, value)).ToDictionary() });
        OnnxModel model = OnnxOpenSize.Join(Build(FirstPrime), FirstPrime, Build(SecondPrime), SecondPrime, size);
        return model.Proto.Graph.Input.Any(input => input.Type.TensorType.Shape.Dim.Any(dim => dim.DimParam == size))
            ? model
            : throw new ArgumentException($"OnnxExportOptions.OpenSize: the model has no size '{size}'; it is a name in [Shape], such as \"N\".");
    }

    private static Tensor Reordered(Tensor gates, int[] order)
    {
        Tensor[] parts = gates.chunk(order.Length);
        return cat([.. order.Select(position => parts[position])]);
    }
}
