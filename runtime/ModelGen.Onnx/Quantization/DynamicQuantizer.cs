using ModelGen.Onnx.Proto;

namespace ModelGen.Onnx.Quantization;

/// <summary>
/// Replaces products by DynamicQuantizeLinear, MatMulInteger, Cast and Mul, which ONNX Runtime fuses to one kernel: the scale of the activations is found anew for every input.
/// </summary>
internal sealed class DynamicQuantizer(OnnxModel model, DynamicQuantizationOptions options)
{
    private readonly GraphProto graph = model.Proto.Graph;
    private readonly GraphIndex index = new(model.Proto.Graph);
    private readonly HashSet<string> quantized = new(StringComparer.Ordinal);
    private readonly HashSet<string> written = new(StringComparer.Ordinal);
    private readonly List<QuantizedNode> report = [];

    public IReadOnlyList<QuantizedNode> Run()
    {
        NodeProto[] nodes = [.. graph.Node];
        graph.Node.Clear();
        foreach (NodeProto node in nodes)
        {
            string? problem = options.ExcludeNodes.Contains(node.Name) ? "excluded by the options"
                : node.OpType == "Conv" ? "ONNX Runtime has no fused dynamic convolution: separate steps are slower than float"
                : IntegerProduct.Problem(node, index);
            if (problem is null)
            {
                Replace(node);
            }
            else
            {
                graph.Node.Add(node);
            }

            report.Add(new QuantizedNode(node.Name, node.OpType, problem is null, problem ?? "product with constant weights"));
        }

        QdqWriter.DropUnused(graph);
        model.Proto.MetadataProps.Add(new StringStringEntryProto { Key = "modelgen.quantization", Value = "dynamic int8" });
        return report;
    }

    private void Replace(NodeProto node)
    {
        TensorProto tensor = index.FloatInitializer(node.Input[1])!;
        int axis = node.Int("transB") != 0 ? 0 : 1;
        WeightMatrix weights = WeightMatrix.Of(tensor, axis);
        float[] scales = WeightQuantizer.Scales(weights, 1, null, new StaticQuantizationOptions { PerChannel = options.PerChannel, ReduceRange = options.ReduceRange });
        sbyte[] integers = WeightMatrix.Transposed<sbyte>(WeightQuantizer.Nearest(weights, scales, options.ReduceRange ? 63 : 127), weights.Outputs, weights.Inputs);
        string name = node.Name;
        string input = node.Input[0];
        if (quantized.Add(input))
        {
            Add("DynamicQuantizeLinear", "/quantize/" + input, [input], [input + "_quantized", input + "_scale", input + "_zero_point"]);
        }

        int count = options.PerChannel ? weights.Outputs : 1;
        graph.Initializer.Add(TensorBytes.Tensor<sbyte>(name + "/weight_quantized", [weights.Inputs, weights.Outputs], integers));
        graph.Initializer.Add(TensorBytes.Tensor<sbyte>(name + "/weight_zero_point", options.PerChannel ? [count] : [], new sbyte[count]));
        graph.Initializer.Add(TensorBytes.Tensor<float>(name + "/weight_scale", options.PerChannel ? [count] : [], scales.AsSpan(0, count)));
        bool bias = node.Input.Count > 2 && node.Input[2].Length > 0;
        Add("MatMulInteger", name, [input + "_quantized", name + "/weight_quantized", input + "_zero_point", name + "/weight_zero_point"], [name + "/integers"]);
        Add("Cast", name + "/Cast", [name + "/integers"], [name + "/floats"], OnnxAttribute.Int("to", (long)OnnxType.Float));
        Add("Mul", name + "/Scale", [input + "_scale", name + "/weight_scale"], [name + "/scale"]);
        Add("Mul", name + "/Mul", [name + "/floats", name + "/scale"], [bias ? name + "/product" : node.Output[0]]);
        if (bias)
        {
            Add("Add", name + "/Add", [name + "/product", node.Input[2]], [node.Output[0]]);
        }
    }

    private void Add(string op, string name, string[] inputs, string[] outputs, params OnnxAttribute[] attributes)
    {
        if (written.Add(name))
        {
            graph.Node.Add(new NodeProto { OpType = op, Name = name, Input = { inputs }, Output = { outputs }, Attribute = { attributes.Select(static attribute => attribute.Proto) } });
        }
    }
}
