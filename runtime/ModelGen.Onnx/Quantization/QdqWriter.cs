using ModelGen.Onnx.Proto;

namespace ModelGen.Onnx.Quantization;

/// <summary>Writes the planned Q/DQ pairs, integer weights and integer biases into a copy of the model.</summary>
internal sealed class QdqWriter(
    OnnxModel source, QuantizationPlan plan, IReadOnlyDictionary<string, IntegerGrid> grids, IReadOnlyDictionary<string, ProductWeights> weights, StaticQuantizationOptions options)
{
    private readonly ModelProto model = source.Proto.Clone();
    private readonly Dictionary<string, string> dequantized = new(StringComparer.Ordinal);
    private readonly HashSet<string> written = new(StringComparer.Ordinal);

    /// <summary>Scales of the columns of a lookup's table.</summary>
    public Func<NodeProto, float[]>? TableScales { get; init; }

    /// <summary>Names of convolutions whose image columns were folded.</summary>
    public IReadOnlyList<string> Folded { get; private set; } = [];

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
        HashSet<string> embeddings = [.. plan.Embeddings.Select(static node => node.Name)];
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
                node.Input[node.Input.IndexOf(biased.Bias!)] = BiasOf(biased);
            }

            if (embeddings.Contains(node.Name))
            {
                WriteEmbedding(node);
            }
            else
            {
                WriteNode(node);
            }
        }

        DropUnused(model.Graph);
        string activations = options.ActivationType.ToString().ToLowerInvariant();
        model.MetadataProps.Add(new StringStringEntryProto { Key = "modelgen.quantization", Value = $"static int8, QDQ, {activations} activations, int{options.WeightBits} weights" });
        if (options is { FoldImageColumns: true, ActivationType: OnnxType.UInt8 })
        {
            Folded = new NarrowConvolutions(graph).Run();
        }

        if (options.WeightBits == 4)
        {
            model.IrVersion = Math.Max(model.IrVersion, FourBitWeights.IrVersion);
            FourBitWeights.Pack(graph, plan.Products.Select(static product => product.Node.Name + "/weight_quantized"));
        }

        DropDescriptions(graph);
        return new OnnxModel(model);
    }

    /// <summary>Removes initialisers that nothing reads; a graph with subgraphs keeps all.</summary>
    public static void DropUnused(GraphProto graph)
    {
        if (graph.Node.Any(static node => node.Attribute.Any(static attribute => attribute.G is not null)))
        {
            // Subgraphs may read them.
            return;
        }

        HashSet<string> used = [.. graph.Node.SelectMany(static node => node.Input), .. graph.Output.Select(static output => output.Name)];
        TensorProto[] kept = [.. graph.Initializer.Where(tensor => used.Contains(tensor.Name))];
        graph.Initializer.Clear();
        graph.Initializer.AddRange(kept);
    }

    /// <summary>
    /// Removes sizes and origins: ONNX Runtime infers the ones itself, and the float model has the others under the same names. Of a small model they would be a hundredth of the file.
    /// </summary>
    private static void DropDescriptions(GraphProto graph)
    {
        graph.ValueInfo.Clear();
        foreach (NodeProto node in graph.Node)
        {
            node.MetadataProps.Clear();
        }
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
        IntegerGrid grid = grids[owner];
        string name = plan.Owner(owner);
        Constant(name + "_scale", [grid.Scale], []);
        if (written.Add(name + "_zero_point"))
        {
            model.Graph.Initializer.Add(ZeroPoint(name + "_zero_point", grid));
        }

        string integer = owner + "_quantized";
        string output = result ?? owner + "_dequantized";
        model.Graph.Node.Add(new NodeProto { OpType = "QuantizeLinear", Name = "/quantize/" + owner, Input = { value, name + "_scale", name + "_zero_point" }, Output = { integer } });
        model.Graph.Node.Add(new NodeProto { OpType = "DequantizeLinear", Name = "/dequantize/" + owner, Input = { integer, name + "_scale", name + "_zero_point" }, Output = { output } });
        dequantized[owner] = output;
    }

    private static TensorProto ZeroPoint(string name, IntegerGrid grid) => grid.Type switch
    {
        OnnxType.UInt8 => TensorBytes.Tensor<byte>(name, [], [(byte)grid.ZeroPoint]),
        OnnxType.Int8 => TensorBytes.Tensor<sbyte>(name, [], [(sbyte)grid.ZeroPoint]),
        OnnxType.UInt16 => TensorBytes.Tensor<ushort>(name, [], [(ushort)grid.ZeroPoint]),
        _ => TensorBytes.Tensor<short>(name, [], [(short)grid.ZeroPoint]),
    };

    private void WriteWeights(NodeProto node, IntegerProduct product)
    {
        TensorProto tensor = plan.Index.FloatInitializer(product.Weight)!;
        ProductWeights quantized = weights[node.Name];
        string name = node.Name + "/weight";
        int channels = quantized.Scales.Length;
        bool perChannel = options.PerChannel;
        Constant(name + "_scale", perChannel ? quantized.Scales : [quantized.Scales[0]], perChannel ? [channels] : []);
        model.Graph.Initializer.Add(TensorBytes.Tensor<sbyte>(name + "_quantized", tensor.Dims, quantized.Integers));

        // ONNX Runtime fuses a convolution without a zero point of the weights, which is 0 then, but no Gemm or MatMul.
        bool zeroPoint = node.OpType != "Conv";
        if (zeroPoint)
        {
            Constant<sbyte>(name + "_zero_point", new sbyte[perChannel ? channels : 1], perChannel ? [channels] : []);
        }

        Dequantize(name, perChannel ? product.ChannelAxis : null, zeroPoint);
        node.Input[1] = name + "_dequantized";
        if (quantized.Bias is not null)
        {
            WriteBias(node.Name, quantized, grids[product.Input]);
            if (product.BiasAdd is null)
            {
                node.Input[2] = BiasOf(product);
            }
        }
    }

    private string BiasOf(IntegerProduct product) => product.Node.Name + (HasIntegerBias ? "/bias_dequantized" : "/bias");

    // 16-bit activations have scales so small that a bias may not fit, and their products run in float anyway.
    private bool HasIntegerBias => options.ActivationType is OnnxType.UInt8 or OnnxType.Int8;

    // The scale must be the exact float32 product of input and weight scale, or ONNX Runtime leaves the node in float.
    private void WriteBias(string node, ProductWeights quantized, IntegerGrid input)
    {
        string name = node + "/bias";
        float[] bias = quantized.Bias!;
        if (!HasIntegerBias)
        {
            Constant(name, bias, [bias.Length]);
            return;
        }

        float[] scales = [.. quantized.Scales.Select(scale => scale * input.Scale)];

        // In float32, as training that rounds computes it: a bias of many thousand steps may otherwise come out one step apart.
        int[] integers = [.. bias.Select((value, channel) => (int)MathF.Round(value / scales[channel]))];
        bool perChannel = options.PerChannel;
        Constant(name + "_scale", perChannel ? scales : [scales[0]], perChannel ? [scales.Length] : []);
        model.Graph.Initializer.Add(TensorBytes.Tensor<int>(name + "_quantized", [bias.Length], integers));
        Dequantize(name, perChannel ? 0 : null, zeroPoint: false);
    }

    // Looked up as integers, so only the rows in use are turned into floats.
    private void WriteEmbedding(NodeProto node)
    {
        TensorProto table = plan.Index.FloatInitializer(node.Input[0])!;
        string name = node.Input[0];
        WeightMatrix columns = WeightMatrix.Of(table, 1);
        float[] scales = TableScales?.Invoke(node) ?? WeightQuantizer.TableScales(columns);
        if (written.Add(name + "_quantized"))
        {
            sbyte[] integers = columns.ToTensor(WeightQuantizer.Nearest(columns, scales, WeightQuantizer.LargestInTable), 1);
            model.Graph.Initializer.Add(TensorBytes.Tensor<sbyte>(name + "_quantized", table.Dims, integers));
            Constant(name + "_scale", scales, [scales.Length]);
        }

        string output = node.Output[0];
        bool pair = plan.Quantized.Contains(output);
        node.Input[0] = name + "_quantized";
        node.Output[0] = output + "_rows";
        model.Graph.Node.Add(node);
        model.Graph.Node.Add(new NodeProto
        {
            OpType = "DequantizeLinear", Name = node.Name + "_dequantize", Input = { node.Output[0], name + "_scale" }, Output = { output }, Attribute = { OnnxAttribute.Int("axis", -1).Proto },
        });
        if (pair)
        {
            Pair(output, output);
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
            model.Graph.Initializer.Add(TensorBytes.Tensor<T>(name, dims, values));
        }
    }
}
