using ModelGen.Onnx.Proto;

namespace ModelGen.Onnx.Quantization;

/// <summary>Writes the planned Q/DQ pairs, integer weights and integer biases into a copy of the model.</summary>
internal sealed class QdqWriter(OnnxModel source, QuantizationPlan plan, IReadOnlyDictionary<string, ValueRange> ranges, StaticQuantizationOptions options)
{
    private readonly ModelProto model = source.Proto.Clone();
    private readonly Dictionary<string, string> dequantized = new(StringComparer.Ordinal);
    private readonly HashSet<string> written = new(StringComparer.Ordinal);

    public OnnxModel Write()
    {
        GraphProto graph = model.Graph;
        NodeProto[] nodes = [.. graph.Node];
        graph.Node.Clear();
        foreach (string input in source.Proto.Graph.Input.Select(static input => input.Name).Where(plan.Quantized.Contains))
        {
            Pair(input, input);
        }

        Dictionary<string, IntegerProduct> products = plan.Products.ToDictionary(static product => product.Node.Name, StringComparer.Ordinal);
        Dictionary<string, IntegerProduct> biasAdds = plan.Products.Where(static product => product.BiasAdd is not null).ToDictionary(static product => product.BiasAdd!.Name, StringComparer.Ordinal);
        foreach (NodeProto node in nodes)
        {
            for (int i = 0; i < node.Input.Count; i++)
            {
                node.Input[i] = dequantized.GetValueOrDefault(node.Input[i], node.Input[i]);
            }

            if (products.TryGetValue(node.Name, out IntegerProduct? product))
            {
                WriteWeights(node, product);
            }

            if (biasAdds.TryGetValue(node.Name, out IntegerProduct? biased))
            {
                node.Input[node.Input.IndexOf(biased.Bias!)] = biased.Node.Name + "/bias_dequantized";
            }

            WriteNode(node);
        }

        DropUnused();
        model.MetadataProps.Add(new StringStringEntryProto { Key = "modelgen.quantization", Value = "static int8, QDQ, u8 activations, s8 weights" });
        return new OnnxModel(model);
    }

    private void WriteNode(NodeProto node)
    {
        model.Graph.Node.Add(node);
        for (int i = 0; i < node.Output.Count; i++)
        {
            string output = node.Output[i];
            if (!plan.Quantized.Contains(output))
            {
                continue;
            }

            if (plan.Index.IsOutput(output))
            {
                // The graph's output keeps its name: the node writes to another one, and the pair gives the output.
                node.Output[i] = output + "_float";
                Copy(output, output + "_float");
                Pair(output + "_float", output, result: output);
            }
            else
            {
                Pair(output, output);
            }
        }
    }

    /// <summary>Value info of a renamed value.</summary>
    private void Copy(string output, string name)
    {
        ValueInfoProto info = model.Graph.Output.First(value => value.Name == output).Clone();
        info.Name = name;
        model.Graph.ValueInfo.Add(info);
    }

    private void Pair(string value, string owner, string? result = null)
    {
        (float scale, byte zero) = ranges[plan.Owner(owner)].Unsigned();
        string name = plan.Owner(owner);
        Constant(name + "_scale", [scale], []);
        Constant<byte>(name + "_zero_point", [zero], []);
        string integer = owner + "_quantized";
        string output = result ?? owner + "_dequantized";
        model.Graph.Node.Add(new NodeProto { OpType = "QuantizeLinear", Name = "/quantize/" + owner, Input = { value, name + "_scale", name + "_zero_point" }, Output = { integer } });
        model.Graph.Node.Add(new NodeProto { OpType = "DequantizeLinear", Name = "/dequantize/" + owner, Input = { integer, name + "_scale", name + "_zero_point" }, Output = { output } });
        dequantized[owner] = output;
    }

    private void WriteWeights(NodeProto node, IntegerProduct product)
    {
        TensorProto tensor = plan.Index.FloatInitializer(product.Weight)!;
        float[] weights = Values.Floats(tensor);
        int axis = product.ChannelAxis;
        int channels = (int)tensor.Dims[axis];
        int inner = (int)tensor.Dims.Skip(axis + 1).Aggregate(1L, static (count, size) => count * size);
        float[]? bias = product.Bias is null ? null : Values.Floats(plan.Index.FloatInitializer(product.Bias)!);
        float inputScale = ranges[plan.Owner(product.Input)].Unsigned().Scale;
        float[] scales = WeightQuantizer.Scales(weights, channels, inner, inputScale, bias, options);
        sbyte[] integers = WeightQuantizer.Quantize(weights, scales, channels, inner, options.ReduceRange ? 63 : 127);
        string name = node.Name + "/weight";
        bool perChannel = options.PerChannel;
        Constant(name + "_scale", perChannel ? scales : [scales[0]], perChannel ? [channels] : []);
        Constant<sbyte>(name + "_zero_point", new sbyte[perChannel ? channels : 1], perChannel ? [channels] : []);
        model.Graph.Initializer.Add(Values.Tensor<sbyte>(name + "_quantized", tensor.Dims, integers));
        Dequantize(name, perChannel ? axis : null, zeroPoint: true);
        node.Input[1] = name + "_dequantized";
        if (bias is not null)
        {
            WriteBias(node, product, bias, scales, inputScale);
        }
    }

    // The scale must be the exact float32 product of input and weight scale, or ONNX Runtime leaves the node in float.
    private void WriteBias(NodeProto node, IntegerProduct product, float[] bias, float[] weightScales, float inputScale)
    {
        string name = node.Name + "/bias";
        float[] scales = [.. weightScales.Select(scale => scale * inputScale)];
        int[] integers = [.. bias.Select((value, channel) => (int)Math.Round((double)value / scales[channel]))];
        bool perChannel = options.PerChannel;
        Constant(name + "_scale", perChannel ? scales : [scales[0]], perChannel ? [scales.Length] : []);
        model.Graph.Initializer.Add(Values.Tensor<int>(name + "_quantized", [bias.Length], integers));
        Dequantize(name, perChannel ? 0 : null, zeroPoint: false);
        if (product.BiasAdd is null)
        {
            node.Input[2] = name + "_dequantized";
        }
    }

    private void Dequantize(string name, int? axis, bool zeroPoint)
    {
        var node = new NodeProto { OpType = "DequantizeLinear", Name = name + "_dequantize", Input = { name + "_quantized", name + "_scale" }, Output = { name + "_dequantized" } };
        if (zeroPoint)
        {
            node.Input.Add(name + "_zero_point");
        }

        if (axis is int value)
        {
            node.Attribute.Add(OnnxAttribute.Int("axis", value).Proto);
        }

        model.Graph.Node.Add(node);
    }

    private void Constant<T>(string name, T[] values, long[] dims)
        where T : unmanaged
    {
        if (written.Add(name))
        {
            model.Graph.Initializer.Add(Values.Tensor<T>(name, dims, values));
        }
    }

    private void DropUnused()
    {
        HashSet<string> used = [.. model.Graph.Node.SelectMany(static node => node.Input), .. model.Graph.Output.Select(static output => output.Name)];
        foreach (TensorProto tensor in model.Graph.Initializer.Where(tensor => !used.Contains(tensor.Name)).ToArray())
        {
            model.Graph.Initializer.Remove(tensor);
        }
    }
}
