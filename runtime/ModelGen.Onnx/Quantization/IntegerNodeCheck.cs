using Microsoft.ML.OnnxRuntime;

namespace ModelGen.Onnx;

/// <summary>What ONNX Runtime really runs after its own optimisation.</summary>
/// <param name="IntegerNodes">Operator types of nodes that compute in integers, with their number.</param>
/// <param name="FloatNodes">Operator types of nodes that compute in floating point, with their number.</param>
public sealed record IntegerNodeCheck(IReadOnlyDictionary<string, int> IntegerNodes, IReadOnlyDictionary<string, int> FloatNodes)
{
    private static readonly HashSet<string> Integer = ["QGemm", "MatMulInteger", "MatMulIntegerToFloat", "ConvInteger", "DynamicQuantizeMatMul"];
    private static readonly HashSet<string> Neutral = ["QuantizeLinear", "DequantizeLinear", "Reshape", "Transpose", "Squeeze", "Unsqueeze", "Slice", "MaxPool", "NhwcMaxPool", "Concat", "Identity"];

    /// <summary>Lets ONNX Runtime optimise a model for this machine's CPU and looks at the result.</summary>
    /// <param name="model">The model.</param>
    /// <returns>Numbers of integer and float nodes; operators that only move data count as neither.</returns>
    public static IntegerNodeCheck Inspect(OnnxModel model)
    {
        string path = Path.Combine(Path.GetTempPath(), $"modelgen-{Guid.NewGuid():N}.onnx");
        try
        {
            using (var options = new SessionOptions { OptimizedModelFilePath = path, GraphOptimizationLevel = GraphOptimizationLevel.ORT_ENABLE_ALL, LogSeverityLevel = OrtLoggingLevel.ORT_LOGGING_LEVEL_ERROR })
            using (new InferenceSession(model.ToByteArray(), options))
            {
            }

            Dictionary<string, int> counts = OnnxModel.Load(path).Proto.Graph.Node.GroupBy(static node => node.OpType).ToDictionary(static group => group.Key, static group => group.Count());
            return new IntegerNodeCheck(Of(counts, IsInteger), Of(counts, static op => !IsInteger(op) && !Neutral.Contains(op)));
        }
        finally
        {
            File.Delete(path);
        }
    }

    private static bool IsInteger(string op) => op.StartsWith("QLinear", StringComparison.Ordinal) || Integer.Contains(op);

    private static Dictionary<string, int> Of(Dictionary<string, int> counts, Func<string, bool> choose) => counts.Where(pair => choose(pair.Key)).ToDictionary(static pair => pair.Key, static pair => pair.Value);
}
