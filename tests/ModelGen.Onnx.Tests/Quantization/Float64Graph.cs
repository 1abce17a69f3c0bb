using System.Runtime.InteropServices;
using ModelGen.Onnx.Proto;
using ModelGen.Onnx.Quantization;

namespace ModelGen.Onnx.Tests.Quantization;

/// <summary>Computes a graph in float64, plainly: the oracle for what ONNX Runtime makes of a quantized model.</summary>
internal sealed class Float64Graph(OnnxModel model)
{
    private readonly Dictionary<string, (double[] Data, int[] Shape)> values = new(StringComparer.Ordinal);

    public double[] Run(IReadOnlyDictionary<string, OnnxTensor> inputs)
    {
        foreach ((string name, OnnxTensor tensor) in inputs)
        {
            values[name] = ([.. tensor.AsSpan<float>().ToArray().Select(static value => (double)value)], [.. tensor.Shape.Select(static size => (int)size)]);
        }

        foreach (TensorProto tensor in model.Proto.Graph.Initializer)
        {
            values[tensor.Name] = (Numbers(tensor), [.. tensor.Dims.Select(static size => (int)size)]);
        }

        foreach (NodeProto node in model.Proto.Graph.Node)
        {
            values[node.Output[0]] = Compute(node);
        }

        return values[model.Proto.Graph.Output[0].Name].Data;
    }

    private static double[] Numbers(TensorProto tensor) => (OnnxType)tensor.DataType switch
    {
        OnnxType.Float => [.. TensorBytes.Floats(tensor).Select(static value => (double)value)],
        OnnxType.UInt8 => [.. tensor.RawData.Select(static value => (double)value)],
        OnnxType.Int8 => [.. tensor.RawData.Select(static value => (double)(sbyte)value)],
        (OnnxType)TensorProto.Types.DataType.Int4 => [.. tensor.RawData.SelectMany(static pair => new[] { (sbyte)(pair << 4) >> 4, (sbyte)pair >> 4 }).Take((int)TensorBytes.Count(tensor)).Select(static value => (double)value)],
        OnnxType.Int32 => [.. MemoryMarshal.Cast<byte, int>(tensor.RawData.Span).ToArray().Select(static value => (double)value)],
        OnnxType.Int64 => [.. MemoryMarshal.Cast<byte, long>(tensor.RawData.Span).ToArray().Select(static value => (double)value)],
        var other => throw new NotSupportedException(other.ToString()),
    };

    private (double[] Data, int[] Shape) Compute(NodeProto node)
    {
        (double[] x, int[] shape) = values[node.Input[0]];
        switch (node.OpType)
        {
            case "QuantizeLinear":
                return ([.. x.Select(value => Math.Clamp(Math.Round(value / Constant(node, 1)[0]) + Constant(node, 2)[0], 0, 255))], shape);
            case "DequantizeLinear":
                return (Dequantize(node, x, shape), shape);
            case "Relu":
                return ([.. x.Select(static value => Math.Max(value, 0))], shape);
            case "Add":
                double[] y = values[node.Input[1]].Data;
                return ([.. x.Select((value, index) => value + y[index % y.Length])], shape);
            case "Cast":
                return (x, shape);
            case "Reshape":
                return (x, [.. values[node.Input[1]].Data.Select(static size => (int)size)]);
            case "GlobalAveragePool":
                int plane = shape[2] * shape[3];
                return ([.. x.Chunk(plane).Select(static values => values.Average())], [shape[0], shape[1], 1, 1]);
            case "MaxPool":
                return MaxPool(x, shape);
            case "Conv":
                return Conv(x, shape, values[node.Input[1]].Data, values[node.Input[1]].Shape, Constant(node, 2));
            case "Gemm":
                return Gemm(x, shape, values[node.Input[1]].Data, values[node.Input[1]].Shape, Constant(node, 2));
            default:
                throw new NotSupportedException(node.OpType);
        }
    }

    private double[] Constant(NodeProto node, int input) => node.Input.Count > input ? values[node.Input[input]].Data : [0];

    private double[] Dequantize(NodeProto node, double[] x, int[] shape)
    {
        double[] scales = Constant(node, 1);
        double[] zeros = Constant(node, 2);
        int inner = shape.Skip((int)node.Int("axis", 1) + 1).Aggregate(1, static (count, size) => count * size);
        return [.. x.Select((value, index) => (value - zeros[zeros.Length == 1 ? 0 : index / inner % zeros.Length]) * scales[scales.Length == 1 ? 0 : index / inner % scales.Length])];
    }

    private static (double[] Data, int[] Shape) MaxPool(double[] x, int[] shape)
    {
        (int height, int width) = (shape[2] / 2, shape[3] / 2);
        double[] result = new double[shape[0] * shape[1] * height * width];
        for (int i = 0; i < result.Length; i++)
        {
            int corner = (i / (height * width) * shape[2] * shape[3]) + (i / width % height * 2 * shape[3]) + (i % width * 2);
            result[i] = Math.Max(Math.Max(x[corner], x[corner + 1]), Math.Max(x[corner + shape[3]], x[corner + shape[3] + 1]));
        }

        return (result, [shape[0], shape[1], height, width]);
    }

    // Kernels of 3x3 with one row and column of padding.
    private static (double[] Data, int[] Shape) Conv(double[] x, int[] shape, double[] weights, int[] kernel, double[] bias)
    {
        (int channels, int height, int width) = (shape[1], shape[2], shape[3]);
        double[] result = new double[kernel[0] * height * width];
        for (int i = 0; i < result.Length; i++)
        {
            (int output, int row, int column) = (i / (height * width), i / width % height, i % width);
            double sum = bias[output % bias.Length];
            for (int w = 0; w < channels * 9; w++)
            {
                (int y, int z) = (row + (w % 9 / 3) - 1, column + (w % 3) - 1);
                sum += y < 0 || z < 0 || y >= height || z >= width ? 0 : weights[(output * channels * 9) + w] * x[(((w / 9 * height) + y) * width) + z];
            }

            result[i] = sum;
        }

        return (result, [1, kernel[0], height, width]);
    }

    private static (double[] Data, int[] Shape) Gemm(double[] x, int[] shape, double[] weights, int[] sizes, double[] bias)
    {
        double[] result = new double[shape[0] * sizes[1]];
        for (int i = 0; i < result.Length; i++)
        {
            (int row, int column) = (i / sizes[1], i % sizes[1]);
            result[i] = bias[column % bias.Length] + Enumerable.Range(0, sizes[0]).Sum(k => x[(row * sizes[0]) + k] * weights[(k * sizes[1]) + column]);
        }

        return (result, [shape[0], sizes[1]]);
    }
}
