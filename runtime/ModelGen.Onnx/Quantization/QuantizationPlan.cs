using ModelGen.Onnx.Proto;

namespace ModelGen.Onnx.Quantization;

/// <summary>A product with constant weights, and the nodes that fold into it: what ONNX Runtime runs as one integer kernel.</summary>
/// <param name="Node">Conv, Gemm or MatMul.</param>
/// <param name="Bias">Name of the constant bias, null for none.</param>
/// <param name="BiasAdd">The Add that brings a MatMul's bias, null when the node takes it itself.</param>
/// <param name="Output">The value after bias and activation, the only one that leaves the kernel.</param>
internal sealed record IntegerProduct(NodeProto Node, string? Bias, NodeProto? BiasAdd, string Output)
{
    public string Input => Node.Input[0];

    public string Weight => Node.Input[1];

    /// <summary>The value after the bias, before an activation.</summary>
    public string Result => BiasAdd?.Output[0] ?? Node.Output[0];

    /// <summary>The weight's axis of output channels.</summary>
    public int ChannelAxis => Node.OpType == "Conv" || Node.Int("transB") != 0 ? 0 : 1;

    /// <summary>Why a node is no product with constant weights that integer kernels take; null when it is one.</summary>
    public static string? Problem(NodeProto node, GraphIndex index)
    {
        if (node.OpType is not ("Conv" or "Gemm" or "MatMul") || node.Domain.Length > 0)
        {
            return $"ONNX Runtime's CPU provider has no integer kernel for {node.OpType}";
        }

        if (index.FloatInitializer(node.Input[1]) is not { } weight || (node.OpType != "Conv" && weight.Dims.Count != 2))
        {
            return "the weights are not a float32 constant";
        }

        if (node.OpType == "Gemm" && (node.Float("alpha", 1) != 1 || node.Float("beta", 1) != 1 || node.Int("transA") != 0))
        {
            return "alpha, beta and transA have no integer form";
        }

        return node.Input.Count > 2 && node.Input[2].Length > 0 && index.FloatInitializer(node.Input[2]) is not { Dims.Count: 1 } ? "the bias is not a float32 constant vector" : null;
    }

    /// <summary>The product of a node that has no problem.</summary>
    public static IntegerProduct Of(NodeProto node, GraphIndex index)
    {
        string? bias = node.Input.Count > 2 && node.Input[2].Length > 0 ? node.Input[2] : null;
        string output = node.Output[0];
        if (node.OpType == "MatMul" && index.OnlyReader(output) is { OpType: "Add" } add && add.Input.FirstOrDefault(input => index.FloatInitializer(input) is { Dims.Count: 1 }) is string constant
            && index.FloatInitializer(constant)!.Dims[0] == index.FloatInitializer(node.Input[1])!.Dims[1])
        {
            return new IntegerProduct(node, constant, add, add.Output[0]);
        }

        return new IntegerProduct(node, bias, null, output);
    }
}

/// <summary>Decides which nodes run in integers and which values get a scale.</summary>
/// <remarks>
/// Products with constant weights are the anchors. Other operators with integer kernels join only where all their operands come out of integer kernels, because alone between
/// float operators the conversions cost more than they save. Nothing is put between a product and its bias or activation: ONNX Runtime would not fuse them.
/// </remarks>
internal sealed class QuantizationPlan
{
    private static readonly HashSet<string> Joining = ["Add", "Mul", "Concat", "AveragePool", "GlobalAveragePool", "Sigmoid", "LeakyRelu"];

    // These move integers around: their result has their operand's scale.
    private static readonly HashSet<string> Moving =
        ["MaxPool", "Reshape", "Flatten", "Transpose", "Squeeze", "Unsqueeze", "Slice", "Gather", "Split", "Expand", "Tile", "DepthToSpace", "Resize"];

    private static readonly HashSet<string> Normalisations =
        ["LayerNormalization", "InstanceNormalization", "GroupNormalization", "RMSNormalization", "SimplifiedLayerNormalization", "Softmax", "Attention"];

    private readonly GraphIndex index;
    private readonly StaticQuantizationOptions options;
    private readonly Dictionary<string, string> scaleOwner = new(StringComparer.Ordinal);
    private readonly Dictionary<string, ValueRange> activationBounds = new(StringComparer.Ordinal);
    private readonly List<string> measured = [];
    private readonly HashSet<NodeProto> folded = [];
    private readonly List<QuantizedNode> report = [];

    public QuantizationPlan(GraphProto graph, StaticQuantizationOptions options)
    {
        index = new GraphIndex(graph);
        this.options = options;
        foreach (NodeProto node in graph.Node)
        {
            Visit(node);
        }

        DropUselessOutputs();
    }

    public GraphIndex Index => index;

    public List<IntegerProduct> Products { get; } = [];

    /// <summary>Lookups in constant float tables.</summary>
    public List<NodeProto> Embeddings { get; } = [];

    public IReadOnlyList<QuantizedNode> Report => report;

    /// <summary>Values that get a Q/DQ pair.</summary>
    public IEnumerable<string> Quantized => scaleOwner.Keys;

    /// <summary>Values whose range must be measured.</summary>
    public IEnumerable<string> Measured => measured.Where(value => scaleOwner.ContainsKey(value) || scaleOwner.ContainsValue(value));

    /// <summary>Values that hold a value's integers in other places: results of operators that only move data.</summary>
    public IReadOnlyList<string> Moved(string value)
    {
        var moved = new List<string> { value };
        for (int i = 0; i < moved.Count; i++)
        {
            foreach (NodeProto node in index.Readers(moved[i]).Where(node => Moving.Contains(node.OpType) && node.Input[0] == moved[i]))
            {
                moved.AddRange(node.Output.Where(output => scaleOwner.ContainsKey(output) && !moved.Contains(output)));
            }
        }

        return moved[1..];
    }

    /// <summary>The value that names this value's scale.</summary>
    public string Owner(string value) => scaleOwner[value];

    /// <summary>Scale and zero point of a value: it shares them with all values of one owner.</summary>
    public IntegerGrid Grid(string value, IReadOnlyDictionary<string, ValueRange> ranges)
    {
        string owner = scaleOwner[value];
        ValueRange range = measured.Where(member => member == owner || (scaleOwner.TryGetValue(member, out string? its) && its == owner))
            .Select(member => ranges[member]).Aggregate(static (a, b) => a.Union(b));
        return range.Grid(options.ActivationType, BoundsOf(owner));
    }

    /// <summary>The largest scale at which the representable numbers stay inside the bounds of all activations that vanish into this value's owner.</summary>
    public float LargestScale(string value, IntegerGrid grid) => BoundsOf(scaleOwner[value]) is { } bounds ? grid.LargestScale(bounds) : float.PositiveInfinity;

    private ValueRange? BoundsOf(string owner)
    {
        ValueRange? bounds = null;
        foreach (ValueRange bound in activationBounds.Where(pair => scaleOwner.TryGetValue(pair.Key, out string? its) && its == owner).Select(static pair => pair.Value))
        {
            bounds = bounds is { } known ? new ValueRange(Math.Max(known.Min, bound.Min), Math.Min(known.Max, bound.Max)) : bound;
        }

        return bounds;
    }

    private void Visit(NodeProto node)
    {
        if (folded.Contains(node))
        {
            report.Add(new QuantizedNode(node.Name, node.OpType, true, "folded into the kernel before it"));
            return;
        }

        if (options.ExcludeNodes.Contains(node.Name) || options.ExcludeOpTypes.Contains(node.OpType))
        {
            report.Add(new QuantizedNode(node.Name, node.OpType, false, "excluded by the options"));
            return;
        }

        report.Add(new QuantizedNode(node.Name, node.OpType, TryProduct(node, out string reason) || TryAttention(node, ref reason) || TryEmbedding(node, ref reason) || TryJoin(node, ref reason), reason));
    }

    private bool TryProduct(NodeProto node, out string reason)
    {
        reason = IntegerProduct.Problem(node, index) ?? "product with constant weights";
        if (IntegerProduct.Problem(node, index) is not null)
        {
            reason = Normalisations.Contains(node.OpType) ? "needs more than 8 bits inside, so it stays float" : reason;
            return false;
        }

        IntegerProduct product = IntegerProduct.Of(node, index);
        if (product.BiasAdd is { } add)
        {
            folded.Add(add);
        }

        string output = AfterActivation(product.Output);
        Products.Add(product with { Output = output });
        Own(node.Input[0]);
        Own(output);
        return true;
    }

    private void Own(string value)
    {
        if (scaleOwner.TryAdd(value, value))
        {
            measured.Add(value);
        }
    }

    private bool TryAttention(NodeProto node, ref string reason)
    {
        if (!options.QuantizeAttention || node.OpType != "MatMul" || node.Domain.Length > 0 || node.Input.Any(input => index.Initializer(input) is not null))
        {
            return false;
        }

        Own(node.Input[0]);
        Own(node.Input[1]);
        reason = "product of two activations";
        return true;
    }

    private bool TryEmbedding(NodeProto node, ref string reason)
    {
        if (!options.QuantizeEmbeddings || node.OpType != "Gather" || node.Int("axis") != 0 || index.FloatInitializer(node.Input[0]) is not { Dims.Count: 2 } || !index.Readers(node.Input[0]).All(reader => ReadsAsIntegers(reader, node.Input[0])))
        {
            return false;
        }

        Embeddings.Add(node);
        reason = "int8 table";
        return true;
    }

    // A product with the same table (tied weights) gets integers of its own, with other scales. Where any reader needs the float table, integers beside it would only add to the size.
    private bool ReadsAsIntegers(NodeProto reader, string table) => !options.ExcludeNodes.Contains(reader.Name) && !options.ExcludeOpTypes.Contains(reader.OpType)
        && (reader.OpType == "Gather" ? reader.Input[0] == table && reader.Int("axis") == 0 : IntegerProduct.Problem(reader, index) is null && reader.Input[1] == table && reader.Input.Count(input => input == table) == 1);

    /// <summary>The value after an activation that the quantized range makes superfluous; the value itself when none follows.</summary>
    private string AfterActivation(string output)
    {
        if (index.OnlyReader(output) is { OpType: "Relu" or "Clip" } activation && Bounds(activation) is { Min: <= 0, Max: >= 0 } bounds)
        {
            folded.Add(activation);
            activationBounds[activation.Output[0]] = bounds;
            return activation.Output[0];
        }

        return output;
    }

    // A Clip vanishes only when the quantized range lies inside its bounds, which holds for measured ranges when the bounds include 0.
    private ValueRange? Bounds(NodeProto activation)
    {
        if (activation.OpType == "Relu")
        {
            return new ValueRange(0, float.PositiveInfinity);
        }

        float? low = Bound(activation, 1, float.NegativeInfinity);
        float? high = Bound(activation, 2, float.PositiveInfinity);
        return low is float min && high is float max ? new ValueRange(min, max) : null;
    }

    private float? Bound(NodeProto clip, int input, float missing) => clip.Input.Count <= input || clip.Input[input].Length == 0 ? missing
        : index.FloatInitializer(clip.Input[input]) is { } bound ? TensorBytes.Floats(bound)[0] : null;

    private bool TryJoin(NodeProto node, ref string reason)
    {
        bool moves = Moving.Contains(node.OpType);
        string[] operands = moves ? [node.Input[0]] : [.. node.Input.Where(static input => input.Length > 0)];
        if (!(moves || Joining.Contains(node.OpType)) || operands.Length == 0 || node.Domain.Length > 0)
        {
            return false;
        }

        if (!operands.All(scaleOwner.ContainsKey))
        {
            reason = "its operands are not all integer, so converting them would cost more than it saves";
            return false;
        }

        if (node.OpType == "Resize" && node.Text("mode", "nearest") != "nearest")
        {
            reason = "only the nearest mode works on integers";
            return false;
        }

        if (moves)
        {
            foreach (string result in node.Output.Where(static output => output.Length > 0))
            {
                scaleOwner.TryAdd(result, scaleOwner[operands[0]]);
            }
        }
        else
        {
            string output = AfterActivation(node.Output[0]);
            Own(output);
            if (node.OpType == "Concat" && output == node.Output[0])
            {
                Merge([.. operands, output]);
            }
        }

        reason = moves ? "moves integers, with its operand's scale" : "integer kernel between integer neighbours";
        return true;
    }

    // Parts with the scale of the whole are copied without arithmetic. Not where a vanished activation would then no longer fit the range.
    private void Merge(string[] values)
    {
        HashSet<string> owners = [.. values.Select(value => scaleOwner[value])];
        string[] members = [.. scaleOwner.Where(pair => owners.Contains(pair.Value)).Select(static pair => pair.Key)];
        ValueRange?[] bounds = [.. members.Where(measured.Contains).Where(member => member != values[^1]).Select(member => activationBounds.TryGetValue(member, out ValueRange bound) ? bound : (ValueRange?)null).Distinct()];
        if (bounds.Length != 1)
        {
            return;
        }

        foreach (string member in members)
        {
            scaleOwner[member] = values[^1];
        }
    }

    /// <summary>A result that no integer kernel reads stays float where the kernel can give float: Gemm and MatMul do, everything else needs the pair.</summary>
    private void DropUselessOutputs()
    {
        Dictionary<string, NodeProto> nodes = index.AllNodes().ToDictionary(static node => node.Name, StringComparer.Ordinal);
        HashSet<NodeProto> integer = [.. report.Where(static node => node.IsInteger).Select(node => nodes[node.Name])];
        foreach (IntegerProduct product in Products.Where(static product => product.Node.OpType != "Conv"))
        {
            bool read = index.Readers(product.Output).Any(integer.Contains);
            bool activation = index.Producer(product.Output) is { OpType: "Relu" or "Clip" };
            if (!read && !activation && scaleOwner[product.Output] == product.Output)
            {
                scaleOwner.Remove(product.Output);
            }
        }
    }
}
