using ModelGen.Onnx.Proto;

namespace ModelGen.Onnx.Quantization;

/// <summary>
/// Stores the weights of products in blocks of 4 or 8 bits, in the layout of com.microsoft.MatMulNBits: <c>[N, blocks of K, bytes of a block]</c>, first element in the low bits, a
/// scale and a zero point for each block. Activations stay float.
/// </summary>
internal sealed class WeightOnlyQuantizer(OnnxModel model, WeightQuantizationOptions options)
{
    private const string Domain = "com.microsoft";

    private readonly GraphProto graph = model.Proto.Graph;
    private readonly GraphIndex index = new(model.Proto.Graph);
    private readonly Dictionary<string, BlockWeights> shared = new(StringComparer.Ordinal);

    public IReadOnlyList<QuantizedNode> Run(IReadOnlyDictionary<string, InputStatistics>? statistics)
    {
        var report = new List<QuantizedNode>();
        for (int i = 0; i < graph.Node.Count; i++)
        {
            NodeProto node = graph.Node[i];
            string? problem = Problem(node);
            report.Add(new QuantizedNode(node.Name, node.OpType, false, problem ?? $"{options.Bits}-bit weights, float arithmetic on them"));
            if (problem is null)
            {
                graph.Node[i] = Replace(node, statistics?.GetValueOrDefault(node.Name));
            }
        }

        if (!model.Proto.OpsetImport.Any(static set => set.Domain == Domain))
        {
            model.Proto.OpsetImport.Add(new OperatorSetIdProto { Domain = Domain, Version = 1 });
        }

        QdqWriter.DropUnused(graph);
        model.Proto.MetadataProps.Add(new StringStringEntryProto { Key = "modelgen.quantization", Value = $"weight-only int{options.Bits}, blocks of {options.BlockSize}" });
        return report;
    }

    /// <summary>Why a node's weights stay as they are; null when they become integers.</summary>
    public string? Problem(NodeProto node) => options.ExcludeNodes.Contains(node.Name) ? "excluded by the options"
        : node.OpType == "Conv" ? "ONNX Runtime has no convolution with weights in blocks"
        : IntegerProduct.Problem(node, index) is string problem ? problem
        : index.FloatInitializer(node.Input[1])!.Dims.Any(static size => size == 0) ? "the weights are empty" : null;

    private NodeProto Replace(NodeProto node, InputStatistics? statistics)
    {
        TensorProto tensor = index.FloatInitializer(node.Input[1])!;
        int axis = node.Int("transB") != 0 ? 0 : 1;
        string key = $"{node.Input[1]}/int{options.Bits}{(axis == 0 ? "_rows" : "")}{(statistics is null ? "" : node.Name)}";
        if (!shared.TryGetValue(key, out BlockWeights? blocks))
        {
            shared[key] = blocks = BlockWeights.Quantize(WeightMatrix.Of(tensor, axis), options, statistics);
            graph.Initializer.Add(TensorBytes.Tensor<byte>(key + "_quantized", [blocks.Outputs, blocks.Blocks, blocks.BlockBytes], blocks.Packed));
            graph.Initializer.Add(TensorBytes.Tensor<float>(key + "_scale", [blocks.Outputs * blocks.Blocks], blocks.Scales));
            if (blocks.PackedZeroPoints is { } zeros)
            {
                graph.Initializer.Add(TensorBytes.Tensor<byte>(key + "_zero_point", [zeros.Length], zeros));
            }
        }

        var result = new NodeProto { OpType = "MatMulNBits", Domain = Domain, Name = node.Name, Input = { node.Input[0], key + "_quantized", key + "_scale" }, Output = { node.Output } };
        bool bias = node.Input.Count > 2 && node.Input[2].Length > 0;
        if (blocks.PackedZeroPoints is not null || bias)
        {
            result.Input.Add(blocks.PackedZeroPoints is null ? "" : key + "_zero_point");
        }

        if (bias)
        {
            result.Input.Add("");
            result.Input.Add(node.Input[2]);
        }

        result.Attribute.Add(OnnxAttribute.Int("K", blocks.Inputs).Proto);
        result.Attribute.Add(OnnxAttribute.Int("N", blocks.Outputs).Proto);
        result.Attribute.Add(OnnxAttribute.Int("bits", options.Bits).Proto);
        result.Attribute.Add(OnnxAttribute.Int("block_size", options.BlockSize).Proto);
        result.Attribute.Add(OnnxAttribute.Int("accuracy_level", options.IntegerArithmetic ? 4 : 1).Proto);
        result.MetadataProps.Add(node.MetadataProps);
        return result;
    }
}
