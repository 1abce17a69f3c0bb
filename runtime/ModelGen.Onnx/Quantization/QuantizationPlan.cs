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

    /// <summary>The weight's axis of output channels.</summary>
    public int ChannelAxis => Node.OpType == "Conv" || Node.Attribute.Any(static attribute => attribute is { Name: "transB", I: not 0 }) ? 0 : 1;
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
    private static readonly HashSet<string> Moving = ["MaxPool", "Reshape", "Transpose", "Squeeze", "Unsqueeze", "Slice"];

    private readonly GraphIndex index;
    private readonly StaticQuantizationOptions options;
    private readonly Dictionary<string, string> scaleOwner = new(StringComparer.Ordinal);
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

    public QuantizationReport Report => new(report);

    /// <summary>Values that get a Q/DQ pair.</summary>
    public IEnumerable<string> Quantized => scaleOwner.Keys;

    /// <summary>Values whose range must be measured.</summary>
    public IEnumerable<string> Measured => scaleOwner.Values.Distinct();

    /// <summary>The value whose range gives this value's scale.</summary>
    public string Owner(string value) => scaleOwner[value];

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

        report.Add(new QuantizedNode(node.Name, node.OpType, TryProduct(node, out string reason) || TryJoin(node, ref reason), reason));
    }

    private bool TryProduct(NodeProto node, out string reason)
    {
        reason = "no integer kernel";
        if (node.OpType is not ("Conv" or "Gemm" or "MatMul"))
        {
            return false;
        }

        if (index.FloatInitializer(node.Input[1]) is not { } weight || (node.OpType != "Conv" && weight.Dims.Count != 2))
        {
            reason = "the weights are not a float32 constant";
            return false;
        }

        if (node.OpType == "Gemm" && node.Attribute.Any(static attribute => (attribute.Name is "alpha" or "beta" && attribute.F != 1) || attribute is { Name: "transA", I: not 0 }))
        {
            reason = "alpha, beta and transA have no integer form";
            return false;
        }

        if (node.Input.Count > 2 && node.Input[2].Length > 0 && index.FloatInitializer(node.Input[2]) is null)
        {
            reason = "the bias is not a float32 constant";
            return false;
        }

        Add(node);
        reason = "product with constant weights";
        return true;
    }

    private void Add(NodeProto node)
    {
        string? bias = node.Input.Count > 2 && node.Input[2].Length > 0 ? node.Input[2] : null;
        string output = node.Output[0];
        NodeProto? biasAdd = null;
        if (node.OpType == "MatMul" && index.OnlyReader(output) is { OpType: "Add" } add && add.Input.FirstOrDefault(input => index.FloatInitializer(input) is { Dims.Count: 1 }) is string constant
            && index.FloatInitializer(constant)!.Dims[0] == index.FloatInitializer(node.Input[1])!.Dims[1])
        {
            (bias, biasAdd, output) = (constant, add, add.Output[0]);
            folded.Add(add);
        }

        output = AfterActivation(output);
        Products.Add(new IntegerProduct(node, bias, biasAdd, output));
        scaleOwner.TryAdd(node.Input[0], node.Input[0]);
        scaleOwner.TryAdd(output, output);
    }

    /// <summary>The value after an activation that the quantized range makes superfluous; the value itself when none follows.</summary>
    private string AfterActivation(string output)
    {
        if (index.OnlyReader(output) is { OpType: "Relu" or "Clip" } activation && IsFoldable(activation))
        {
            folded.Add(activation);
            return activation.Output[0];
        }

        return output;
    }

    // A Clip vanishes only when the quantized range lies inside its bounds, which holds for measured ranges when the bounds include 0.
    private bool IsFoldable(NodeProto activation) => activation.OpType == "Relu"
        || ((Bound(activation, 1) ?? float.NegativeInfinity) <= 0 && (Bound(activation, 2) ?? float.PositiveInfinity) >= 0);

    private float? Bound(NodeProto clip, int input) => clip.Input.Count > input && clip.Input[input].Length > 0 && index.FloatInitializer(clip.Input[input]) is { } bound ? Values.Floats(bound)[0] : null;

    private bool TryJoin(NodeProto node, ref string reason)
    {
        string[] operands = [.. node.Input.Where(input => input.Length > 0 && index.Initializer(input) is null)];
        if (!(Joining.Contains(node.OpType) || Moving.Contains(node.OpType)) || operands.Length == 0)
        {
            return false;
        }

        if (!operands.All(scaleOwner.ContainsKey) || (Joining.Contains(node.OpType) && operands.Length != node.Input.Count))
        {
            reason = "its operands are not all integer, so converting them would cost more than it saves";
            return false;
        }

        string output = Moving.Contains(node.OpType) ? node.Output[0] : AfterActivation(node.Output[0]);
        scaleOwner.TryAdd(output, Moving.Contains(node.OpType) ? scaleOwner[operands[0]] : output);
        reason = Moving.Contains(node.OpType) ? "moves integers, with its operand's scale" : "integer kernel between integer neighbours";
        return true;
    }

    /// <summary>A result that no integer kernel reads stays float where the kernel can give float: Gemm and MatMul do, everything else needs the pair.</summary>
    private void DropUselessOutputs()
    {
        HashSet<NodeProto> integer = [.. report.Where(static node => node.IsInteger).Join(index.AllNodes(), static node => node.Name, static node => node.Name, static (_, node) => node)];
        foreach (IntegerProduct product in Products.Where(static product => product.Node.OpType != "Conv"))
        {
            bool read = index.Readers(product.Output).Any(integer.Contains);
            bool activation = index.Producer(product.Output) is { OpType: "Relu" or "Clip" };
            if (!read && !activation)
            {
                scaleOwner.Remove(product.Output);
            }
        }
    }
}
