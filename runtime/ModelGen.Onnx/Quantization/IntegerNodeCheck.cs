using System.Text.RegularExpressions;
using Microsoft.ML.OnnxRuntime;
using ModelGen.Onnx.Proto;
using ModelGen.Onnx.Quantization;

namespace ModelGen.Onnx;

/// <summary>How ONNX Runtime runs a node of a quantized model.</summary>
public enum NodeExecution
{
    /// <summary>Computes in integers.</summary>
    Integer,

    /// <summary>Moves integers or floats without arithmetic.</summary>
    Moves,

    /// <summary>Gone: part of the node before or after it.</summary>
    Fused,

    /// <summary>Computes in floating point.</summary>
    Float,
}

/// <summary>What became of one node of a quantized model in ONNX Runtime.</summary>
/// <param name="Name">Name of the node.</param>
/// <param name="OpType">Its operator in the file.</param>
/// <param name="Execution">How it runs.</param>
/// <param name="RunsAs">Operator of the kernel; empty when it is fused.</param>
/// <param name="Reason">Why it runs in floating point; empty otherwise.</param>
public sealed record ExecutedNode(string Name, string OpType, NodeExecution Execution, string RunsAs, string Reason);

/// <summary>What ONNX Runtime really runs after its own optimisation.</summary>
/// <param name="IntegerNodes">Operator types of nodes that compute in integers, with their number.</param>
/// <param name="FloatNodes">Operator types of nodes that compute in floating point, with their number.</param>
public sealed partial record IntegerNodeCheck(IReadOnlyDictionary<string, int> IntegerNodes, IReadOnlyDictionary<string, int> FloatNodes)
{
    private static readonly HashSet<string> Integer = ["QGemm", "MatMulInteger", "MatMulIntegerToFloat", "ConvInteger", "DynamicQuantizeMatMul"];

    private static readonly HashSet<string> Neutral =
    [
        "QuantizeLinear", "DequantizeLinear", "Reshape", "Flatten", "Transpose", "Squeeze", "Unsqueeze", "Slice", "Gather", "Split", "Expand", "Tile", "DepthToSpace", "SpaceToDepth", "MaxPool", "NhwcMaxPool",
        "Concat", "Pad", "Identity", "Cast", "ReorderInput", "ReorderOutput",
    ];

    /// <summary>Each node of the file but QuantizeLinear and DequantizeLinear, in order.</summary>
    public IReadOnlyList<ExecutedNode> Nodes { get; init; } = [];

    /// <summary>Lets ONNX Runtime optimise a model for this machine's CPU and looks at the result.</summary>
    /// <param name="model">The model.</param>
    /// <returns>Numbers of integer and float nodes (operators that only move data count as neither), and what became of each node.</returns>
    public static IntegerNodeCheck Inspect(OnnxModel model)
    {
        OnnxModel prepared = GraphPreparation.Prepare(model, 1);
        string path = Path.Combine(Path.GetTempPath(), $"modelgen-{Guid.NewGuid():N}.onnx");
        try
        {
            using (var options = new SessionOptions { OptimizedModelFilePath = path, GraphOptimizationLevel = GraphOptimizationLevel.ORT_ENABLE_ALL, LogSeverityLevel = OrtLoggingLevel.ORT_LOGGING_LEVEL_ERROR })
            using (new InferenceSession(prepared.ToByteArray(), options))
            {
            }

            GraphProto optimized = OnnxModel.Load(path).Proto.Graph;
            Dictionary<string, int> counts = optimized.Node.GroupBy(static node => node.OpType).ToDictionary(static group => group.Key, static group => group.Count());
            return new IntegerNodeCheck(Of(counts, IsInteger), Of(counts, static op => !IsInteger(op) && !Neutral.Contains(op))) { Nodes = Executed(prepared.Proto.Graph, optimized) };
        }
        finally
        {
            File.Delete(path);
        }
    }

    /// <summary>A table of the nodes.</summary>
    /// <returns>A line for each node, then the numbers.</returns>
    public override string ToString()
    {
        var table = new TextTable("Execution", "Operator", "Runs as", "Node", "Reason");
        foreach (ExecutedNode node in Nodes)
        {
            table.Add(node.Execution.ToString().ToLowerInvariant(), node.OpType, node.RunsAs, node.Name, node.Reason);
        }

        return $"{table}{IntegerNodes.Values.Sum()} integer nodes, {FloatNodes.Values.Sum()} float nodes";
    }

    private static List<ExecutedNode> Executed(GraphProto source, GraphProto optimized)
    {
        var byName = new Dictionary<string, NodeProto>(StringComparer.Ordinal);
        var byOutput = new Dictionary<string, NodeProto>(StringComparer.Ordinal);
        foreach (NodeProto node in optimized.Node)
        {
            byName[Suffix().Replace(node.Name, "")] = node;
            foreach (string output in node.Output)
            {
                byOutput[Suffix().Replace(output, "")] = node;
            }
        }

        var explanation = new FloatExplanation(source);
        var index = new GraphIndex(source);

        // Convolutions in blocked layout are named after the output that they had; what writes that output now only reorders it.
        NodeProto? Match(NodeProto node) => byName.GetValueOrDefault(node.Name)
            ?? node.Output.Select(output => byName.GetValueOrDefault(output) ?? byOutput.GetValueOrDefault(output)).FirstOrDefault(static other => other is not null);

        var result = new List<ExecutedNode>();
        foreach (NodeProto node in source.Node.Where(static node => node.OpType is not ("QuantizeLinear" or "DequantizeLinear" or "DynamicQuantizeLinear")))
        {
            // A float kernel that took its activation along has that one's name and output.
            NodeProto? found = Match(node);
            if (found is null && IsProduct(node.OpType) && index.OnlyReader(node.Output[0]) is { } next && Match(next) is { } taken && IsProduct(taken.OpType))
            {
                found = taken;
            }
            else if (found is not null && !IsProduct(node.OpType) && IsProduct(found.OpType))
            {
                found = null;
            }

            NodeExecution execution = found is null ? NodeExecution.Fused : IsInteger(found.OpType) ? NodeExecution.Integer : Neutral.Contains(found.OpType) ? NodeExecution.Moves : NodeExecution.Float;
            result.Add(new ExecutedNode(node.Name, node.OpType, execution, found?.OpType ?? "", execution == NodeExecution.Float ? explanation.Why(node) : ""));
        }

        return result;
    }

    private static bool IsProduct(string op) => op.Contains("Conv", StringComparison.Ordinal) || op.Contains("Gemm", StringComparison.Ordinal) || op.Contains("MatMul", StringComparison.Ordinal);

    private static bool IsInteger(string op) => op.StartsWith("QLinear", StringComparison.Ordinal) || Integer.Contains(op);

    private static Dictionary<string, int> Of(Dictionary<string, int> counts, Func<string, bool> choose) => counts.Where(pair => choose(pair.Key)).ToDictionary(static pair => pair.Key, static pair => pair.Value);

    // ONNX Runtime numbers what its layout transformations make.
    [GeneratedRegex(@"(_token_\d+|_nchwc)+$")]
    private static partial Regex Suffix();
}
