using Google.Protobuf;
using Microsoft.ML.OnnxRuntime;
using ModelGen.Onnx.Proto;

namespace ModelGen.Onnx.Optimization;

/// <summary>
/// Nodes of constants are computed once: by ONNX Runtime, so that the result is the one that the node would have given. Sizes of static shapes count as constants. Dequantized
/// weights stay: the integers are the point.
/// </summary>
/// <param name="limit">Bytes that a result may have, unless it is no larger than its operands.</param>
internal sealed class FoldConstants(long limit) : IModelPass
{
    /// <summary>Elements that operands may have when the shape of the result is not known: then the result of any operator here is small enough.</summary>
    private const long SmallOperands = 4096;

    private static readonly HashSet<string> Kept = ["QuantizeLinear", "DequantizeLinear", "DynamicQuantizeLinear", "Constant", "Identity"];

    /// <summary>Operators whose result has the size that their operands name.</summary>
    private static readonly HashSet<string> Growing = ["Expand", "Tile", "ConstantOfShape", "Range", "Resize", "Upsample", "Pad", "OneHot", "EyeLike", "CenterCropPad", "AffineGrid", "MelWeightMatrix", "HannWindow", "HammingWindow", "BlackmanWindow", "DFT", "STFT"];

    public string Name => "constants folded";

    public int Run(ModelGraph graph)
    {
        int count = 0;
        int folded;
        do
        {
            folded = FoldShapes(graph) + FoldNodes(graph);
            count += folded;
        }
        while (folded > 0);
        graph.Commit();
        return count;
    }

    private static int FoldShapes(ModelGraph graph)
    {
        int count = 0;
        foreach (NodeProto node in graph.Nodes.Where(static node => node.Is("Shape") || node.Is("Size")).ToArray())
        {
            if (graph.IsOutput(node.Output[0]) || graph.Shape(node.Input[0]) is not long[] shape)
            {
                continue;
            }

            int start = Position(node.Int("start", 0), shape.Length);
            int end = Math.Max(start, Position(node.Int("end", shape.Length), shape.Length));
            graph.Remove(node);
            graph.Define(node.OpType == "Size"
                ? TensorBytes.Tensor<long>(node.Output[0], [], [OnnxTypes.Count(shape)])
                : TensorBytes.Tensor<long>(node.Output[0], [end - start], shape.AsSpan(start, end - start)));
            count++;
        }

        return count;
    }

    private static int Position(long index, int rank) => (int)Math.Clamp(index < 0 ? index + rank : index, 0, rank);

    private int FoldNodes(ModelGraph graph)
    {
        NodeProto[] nodes = [.. graph.Nodes.Where(node => IsFoldable(graph, node))];
        if (nodes.Length == 0)
        {
            return 0;
        }

        // One operator that ONNX Runtime refuses must not keep the others from being folded.
        Dictionary<string, TensorProto> results = Evaluate(graph, nodes) ?? nodes.Select(node => Evaluate(graph, [node])).OfType<Dictionary<string, TensorProto>>()
            .SelectMany(static found => found).ToDictionary(static pair => pair.Key, static pair => pair.Value, StringComparer.Ordinal);
        int count = 0;
        foreach (NodeProto node in nodes.Where(node => node.Output.All(output => output.Length == 0 || results.ContainsKey(output))))
        {
            graph.Remove(node);
            foreach (string output in node.Output.Where(static output => output.Length > 0))
            {
                graph.Define(results[output]);
            }

            count++;
        }

        return count;
    }

    private bool IsFoldable(ModelGraph graph, NodeProto node)
    {
        if (!node.IsPure() || Kept.Contains(node.OpType) || node.Input.Count == 0 || node.Output.Any(graph.IsOutput)
            || node.Input.Any(input => input.Length > 0 && (graph.Constant(input) is not { } constant || constant.DataType == (int)TensorProto.Types.DataType.String)))
        {
            return false;
        }

        long held = node.Input.Where(static input => input.Length > 0).Sum(input => TensorBytes.Count(graph.Constant(input)!) * Width(graph.Constant(input)!.DataType));
        long elements = node.Input.Where(static input => input.Length > 0).Sum(input => TensorBytes.Count(graph.Constant(input)!));
        return node.Output.All(output => output.Length == 0
            || (graph.Shape(output) is long[] shape
                ? OnnxTypes.Count(shape) * Width(graph.ElementType(output)) <= Math.Max(limit, held)
                : elements <= SmallOperands && !Growing.Contains(node.OpType)));
    }

    private static long Width(int type) => Math.Max((TensorBytes.Bits(type) ?? 64) / 8, 1);

    /// <summary>The results of nodes whose operands are constants; null when ONNX Runtime refuses them.</summary>
    private static Dictionary<string, TensorProto>? Evaluate(ModelGraph graph, NodeProto[] nodes)
    {
        var model = new ModelProto { IrVersion = graph.Model.IrVersion, OpsetImport = { graph.Model.OpsetImport }, Graph = new GraphProto { Name = "constants", Node = { nodes } } };
        model.Graph.Initializer.AddRange(nodes.SelectMany(static node => node.Input).Where(static input => input.Length > 0).Distinct().Select(input => graph.Constant(input)!));
        string[] outputs = [.. nodes.SelectMany(static node => node.Output).Where(static output => output.Length > 0)];
        model.Graph.Output.AddRange(outputs.Select(static output => new ValueInfoProto { Name = output }));
        try
        {
            using var settings = new SessionOptions { GraphOptimizationLevel = GraphOptimizationLevel.ORT_DISABLE_ALL, LogSeverityLevel = OrtLoggingLevel.ORT_LOGGING_LEVEL_FATAL };
            using var session = new InferenceSession(model.ToByteArray(), settings);
            using var run = new RunOptions();
            using IDisposableReadOnlyCollection<OrtValue> values = session.Run(run, [], [], outputs);
            return outputs.Select((name, index) => Tensor(name, values[index])).ToDictionary(static tensor => tensor.Name, StringComparer.Ordinal);
        }
        catch (Exception exception) when (exception is OnnxRuntimeException or NotSupportedException)
        {
            return null;
        }
    }

    private static TensorProto Tensor(string name, OrtValue value)
    {
        OrtTensorTypeAndShapeInfo info = value.GetTensorTypeAndShape();
        int type = (int)info.ElementDataType;
        int bits = TensorBytes.Bits(type) ?? throw new NotSupportedException();
        Span<byte> bytes = value.GetTensorMutableRawData();
        return new TensorProto { Name = name, Dims = { info.Shape }, DataType = type, RawData = ByteString.CopyFrom(bytes[..(int)TensorBytes.Length(OnnxTypes.Count(info.Shape), bits)]) };
    }
}
