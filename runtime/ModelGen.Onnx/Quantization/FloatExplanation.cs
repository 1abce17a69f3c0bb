using ModelGen.Onnx.Proto;

namespace ModelGen.Onnx.Quantization;

/// <summary>Says why ONNX Runtime runs a node of a QDQ model in floating point, from the conditions of its fusions (measured with version 1.31.1).</summary>
internal sealed class FloatExplanation(GraphProto graph)
{
    private static readonly HashSet<string> Kernels =
    [
        "Conv", "MatMul", "Gemm", "Add", "Mul", "Concat", "Where", "AveragePool", "GlobalAveragePool", "Softmax", "Sigmoid", "LeakyRelu", "MaxPool", "Reshape", "Flatten", "Transpose", "Squeeze", "Unsqueeze", "Slice",
        "Gather", "Split", "Expand", "Tile", "DepthToSpace", "Resize", "Relu", "Clip",
    ];

    private readonly GraphIndex index = new(graph);

    public string Why(NodeProto node)
    {
        if (!Kernels.Contains(node.OpType) || node.Domain.Length > 0)
        {
            return $"no integer kernel for {node.OpType}";
        }

        if (node.OpType is "Relu" or "Clip")
        {
            return "an activation of its own has no integer kernel; it vanishes only between a product and a QuantizeLinear whose range lies inside its bounds";
        }

        int operands = node.OpType is "Conv" or "MatMul" or "Gemm" or "Add" or "Mul" ? 2 : node.OpType == "Concat" ? node.Input.Count : 1;
        for (int i = 0; i < operands; i++)
        {
            if (index.Producer(node.Input[i]) is not { OpType: "DequantizeLinear" } dequantize)
            {
                return $"its operand '{node.Input[i]}' is float: no DequantizeLinear before it";
            }

            if (index.Initializer(dequantize.Input.Count > 2 ? dequantize.Input[2] : "") is { DataType: (int)OnnxType.UInt16 or (int)OnnxType.Int16 })
            {
                return "there are no kernels for 16-bit integers";
            }
        }

        if (node.OpType is "Conv" or "Gemm" && node.Input.Count > 2 && node.Input[2].Length > 0 && Bias(node) is string fault)
        {
            return fault;
        }

        return node.OpType is "MatMul" or "Gemm" ? "ONNX Runtime left it float although its operands are integers" : Output(node);
    }

    private string? Bias(NodeProto node)
    {
        if (index.Producer(node.Input[2]) is not { OpType: "DequantizeLinear" } bias)
        {
            return node.OpType == "Gemm" ? "its bias is float; it must be int32 with the product of the scales" : null;
        }

        float[] scales = Scales(bias);
        float[] inputs = Scales(index.Producer(node.Input[0])!);
        float[] weights = Scales(index.Producer(node.Input[1])!);
        bool exact = scales.Length == weights.Length && inputs.Length == 1 && scales.Zip(weights, (scale, weight) => MathF.Abs(scale - (weight * inputs[0])) <= 0.01f * MathF.Abs(scale)).All(static fits => fits);
        return exact ? null : "the scale of its bias is not the product of the scales of input and weights";
    }

    private string Output(NodeProto node)
    {
        IReadOnlyList<NodeProto> readers = index.Readers(node.Output[0]);
        if (readers is [{ OpType: "BatchNormalization" }])
        {
            return "a BatchNormalization follows; fold it into the weights before quantization";
        }

        if (readers is [{ OpType: "Relu" or "Clip" } activation])
        {
            return index.OnlyReader(activation.Output[0]) is { OpType: "QuantizeLinear" }
                ? $"the range of the QuantizeLinear after '{activation.Name}' reaches beyond that activation's bounds, so it cannot vanish"
                : $"nothing quantizes the result of '{activation.Name}'";
        }

        if (readers.Count == 0 || readers.Any(static reader => reader.OpType != "QuantizeLinear"))
        {
            return "its result is read as float: no QuantizeLinear directly after it";
        }

        NodeProto input = index.Producer(node.Input[0])!;
        return !Scales(input).SequenceEqual(Scales(readers[0])) ? "scales before and after it differ" : "ONNX Runtime left it float although operands and result are integers";
    }

    private float[] Scales(NodeProto node) => index.FloatInitializer(node.Input[1]) is { } scales ? TensorBytes.Floats(scales) : [];
}
