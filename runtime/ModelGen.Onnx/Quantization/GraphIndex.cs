using ModelGen.Onnx.Proto;

namespace ModelGen.Onnx.Quantization;

/// <summary>Who makes and who reads each value of a graph.</summary>
internal sealed class GraphIndex
{
    private readonly Dictionary<string, NodeProto> producers = new(StringComparer.Ordinal);
    private readonly Dictionary<string, List<NodeProto>> readers = new(StringComparer.Ordinal);
    private readonly Dictionary<string, TensorProto> initializers;
    private readonly HashSet<string> outputs;

    public GraphIndex(GraphProto graph)
    {
        initializers = graph.Initializer.ToDictionary(static tensor => tensor.Name, StringComparer.Ordinal);
        outputs = graph.Output.Select(static output => output.Name).ToHashSet(StringComparer.Ordinal);
        foreach (NodeProto node in graph.Node)
        {
            foreach (string output in node.Output)
            {
                producers[output] = node;
            }

            foreach (string input in node.Input.Where(static input => input.Length > 0).Distinct())
            {
                if (!readers.TryGetValue(input, out List<NodeProto>? list))
                {
                    readers[input] = list = [];
                }

                list.Add(node);
            }
        }
    }

    public IEnumerable<NodeProto> AllNodes() => producers.Values.Distinct();

    public NodeProto? Producer(string value) => producers.GetValueOrDefault(value);

    public IReadOnlyList<NodeProto> Readers(string value) => readers.GetValueOrDefault(value) ?? [];

    public TensorProto? Initializer(string value) => initializers.GetValueOrDefault(value);

    /// <summary>A float32 initialiser with its values here.</summary>
    public TensorProto? FloatInitializer(string value) =>
        Initializer(value) is { DataType: (int)OnnxType.Float, DataLocation: TensorProto.Types.DataLocation.Default } tensor ? tensor : null;

    public bool IsOutput(string value) => outputs.Contains(value);

    /// <summary>The only reader of a value that is no output; null when there are others.</summary>
    public NodeProto? OnlyReader(string value) => !IsOutput(value) && Readers(value) is [var only] ? only : null;
}
