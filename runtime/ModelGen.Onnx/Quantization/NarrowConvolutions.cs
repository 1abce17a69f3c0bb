using ModelGen.Onnx.Proto;

namespace ModelGen.Onnx.Quantization;

/// <summary>
/// Gives a quantized convolution of an image with few channels an input that ONNX Runtime's integer kernel for whole channel groups takes: neighbouring columns, as many as the stride, become
/// channels, and channels are filled up to a multiple of four. The integers of the result stay the same.
/// </summary>
/// <remarks>
/// In the channels-last layout of the integer kernels columns lie next to channels, so the rearrangement is a Reshape that moves nothing; what it costs is the filling of the channels. Without
/// it ONNX Runtime copies each window (im2col) in pieces of three bytes.
/// </remarks>
internal sealed class NarrowConvolutions(GraphProto graph)
{
    // The kernel multiplies four channels at once, for sixteen outputs: with fewer there is nothing to gain.
    private const int Group = 4;
    private const int Outputs = 16;

    private readonly GraphIndex index = new(graph);
    private readonly Dictionary<string, long[]> shapes = graph.Input.Concat(graph.ValueInfo).Where(static value => value.Type?.TensorType?.Shape is not null)
        .DistinctBy(static value => value.Name).ToDictionary(static value => value.Name, static value => value.Type.TensorType.Shape.Dim.Select(static dim => dim.DimValue).ToArray(), StringComparer.Ordinal);

    /// <summary>Rewrites what can be rewritten.</summary>
    /// <returns>The names of the convolutions.</returns>
    public IReadOnlyList<string> Run()
    {
        var names = new List<string>();
        foreach (NodeProto convolution in graph.Node.Where(static node => node.OpType == "Conv" && node.Domain.Length == 0).ToArray())
        {
            if (Rewrite(convolution))
            {
                names.Add(convolution.Name);
            }
        }

        return names;
    }

    private bool Rewrite(NodeProto convolution)
    {
        if (index.Producer(convolution.Input[0]) is not { OpType: "DequantizeLinear" } dequantize || index.OnlyReader(dequantize.Output[0]) is null
            || index.Producer(dequantize.Input[0]) is not { OpType: "QuantizeLinear" } quantize || index.OnlyReader(quantize.Output[0]) is null
            || !shapes.TryGetValue(quantize.Input[0], out long[]? shape) || shape is not [_, > 0, > 0, > 0]
            || index.Producer(convolution.Input[1]) is not { OpType: "DequantizeLinear" } weights || index.OnlyReader(weights.Output[0]) is null
            || index.Initializer(weights.Input[0]) is not { DataType: (int)OnnxType.Int8, Dims.Count: 4 } kernel || index.OnlyReader(kernel.Name) is null
            || kernel.Dims[0] % Outputs != 0)
        {
            return false;
        }

        (long channels, long height, long width) = (shape[1], shape[2], shape[3]);
        long[] strides = convolution.Ints("strides", 1, 1);
        long[] pads = convolution.Ints("pads", 0, 0, 0, 0);
        long[] dilations = convolution.Ints("dilations", 1, 1);
        if (channels >= Group || convolution.Int("group", 1) != 1 || kernel.Dims[1] != channels || dilations[1] != 1 || convolution.Text("auto_pad", "NOTSET") != "NOTSET")
        {
            return false;
        }

        long fold = width % strides[1] == 0 ? strides[1] : 1;
        long filled = channels;
        while (filled * fold % Group != 0)
        {
            filled++;
        }

        // The kernel begins at a multiple of the stride.
        (long outputs, long rows, long columns) = (kernel.Dims[0], kernel.Dims[2], kernel.Dims[3]);
        long front = (fold - (pads[1] % fold)) % fold;
        long blocks = (columns + front + fold - 1) / fold;
        long left = (pads[1] + front) / fold;
        long stride = strides[1] / fold;
        long outputColumns = ((width + pads[1] + pads[3] - columns) / strides[1]) + 1;
        long right = ((outputColumns - 1) * stride) + blocks - (width / fold) - left;
        if (right < 0)
        {
            return false;
        }

        ReadOnlySpan<byte> old = TensorBytes.Raw(kernel).RawData.Span;
        var folded = new byte[outputs * fold * filled * rows * blocks];
        for (long output = 0; output < outputs; output++)
        {
            for (long channel = 0; channel < channels; channel++)
            {
                for (long row = 0; row < rows; row++)
                {
                    for (long column = 0; column < columns; column++)
                    {
                        (long block, long part) = Math.DivRem(column + front, fold);
                        folded[(((((output * fold) + part) * filled) + channel) * rows * blocks) + (row * blocks) + block] = old[(int)((((((output * channels) + channel) * rows) + row) * columns) + column)];
                    }
                }
            }
        }

        kernel.Dims[1] = fold * filled;
        kernel.Dims[3] = blocks;
        kernel.RawData = Google.Protobuf.ByteString.CopyFrom(folded);
        kernel.Int32Data.Clear();
        Set(convolution, "kernel_shape", rows, blocks);
        Set(convolution, "strides", strides[0], stride);
        Set(convolution, "pads", pads[0], left, pads[2], right);

        string value = quantize.Output[0];
        if (filled > channels)
        {
            graph.Initializer.Add(TensorBytes.Tensor<long>(value + "_filling", [8], [0, 0, 0, 0, 0, filled - channels, 0, 0]));
            value = Insert(dequantize, "Pad", value + "_filled", [value, value + "_filling", quantize.Input[2]]);
        }

        if (fold > 1)
        {
            string channelsLast = Insert(dequantize, "Transpose", value + "_last", [value], OnnxAttribute.Ints("perm", 0, 2, 3, 1));
            graph.Initializer.Add(TensorBytes.Tensor<long>(channelsLast + "_shape", [4], [0, height, width / fold, filled * fold]));
            string reshaped = Insert(dequantize, "Reshape", channelsLast + "_folded", [channelsLast, channelsLast + "_shape"]);
            value = Insert(dequantize, "Transpose", value + "_folded", [reshaped], OnnxAttribute.Ints("perm", 0, 3, 1, 2));
        }

        dequantize.Input[0] = value;
        dequantize.Output[0] += "_folded";
        convolution.Input[0] = dequantize.Output[0];
        return true;
    }

    private string Insert(NodeProto before, string op, string output, string[] inputs, params OnnxAttribute[] attributes)
    {
        graph.Node.Insert(graph.Node.IndexOf(before), new NodeProto { OpType = op, Name = "/fold/" + output, Input = { inputs }, Output = { output }, Attribute = { attributes.Select(static attribute => attribute.Proto) } });
        return output;
    }

    private static void Set(NodeProto node, string name, params long[] values)
    {
        if (node.Attribute.FirstOrDefault(attribute => attribute.Name == name) is { } old)
        {
            node.Attribute.Remove(old);
        }

        node.Attribute.Add(OnnxAttribute.Ints(name, values).Proto);
    }
}
