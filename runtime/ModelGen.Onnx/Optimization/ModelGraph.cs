using ModelGen.Onnx.Proto;

namespace ModelGen.Onnx.Optimization;

/// <summary>The main graph of a sound model, indexed for passes that change it: who computes and who reads each value, constants, shapes.</summary>
internal sealed class ModelGraph
{
    private readonly Dictionary<string, NodeProto> producers = new(StringComparer.Ordinal);
    private readonly Dictionary<string, List<NodeProto>> readers = new(StringComparer.Ordinal);
    private readonly Dictionary<string, TensorProto> initializers = new(StringComparer.Ordinal);
    private readonly Dictionary<string, TypeProto> types = new(StringComparer.Ordinal);
    private readonly HashSet<string> inputs;
    private readonly HashSet<string> outputs;
    private readonly HashSet<string> captured = new(StringComparer.Ordinal);
    private readonly HashSet<string> names;
    private readonly HashSet<NodeProto> removed = new(ReferenceEqualityComparer.Instance);

    public ModelGraph(ModelProto model)
    {
        Model = model;
        inputs = [.. Graph.Input.Select(static input => input.Name)];
        outputs = [.. Graph.Output.Select(static output => output.Name)];
        foreach (ValueInfoProto info in Graph.Input.Concat(Graph.Output).Concat(Graph.ValueInfo))
        {
            if (info.Type is not null)
            {
                types[info.Name] = info.Type;
            }
        }

        foreach (TensorProto tensor in Graph.Initializer)
        {
            initializers[tensor.Name] = tensor;
        }

        foreach (NodeProto node in Graph.Node)
        {
            Index(node);
            captured.UnionWith(Captured(node));
        }

        names = [.. producers.Keys, .. initializers.Keys, .. inputs, .. captured];
    }

    public ModelProto Model { get; }

    public GraphProto Graph => Model.Graph;

    /// <summary>Version of the ai.onnx operator set.</summary>
    public long Opset => Model.OpsetImport.FirstOrDefault(static import => import.Domain is "" or "ai.onnx")?.Version ?? 0;

    /// <summary>Nodes in execution order that have not been removed.</summary>
    public IEnumerable<NodeProto> Nodes => Graph.Node.Where(node => !removed.Contains(node));

    public bool IsOutput(string value) => outputs.Contains(value);

    /// <summary>Whether a nested graph reads a value by name.</summary>
    public bool IsCaptured(string value) => captured.Contains(value);

    /// <summary>A constant: an initialiser that no caller can override.</summary>
    public TensorProto? Constant(string value) => inputs.Contains(value) ? null : initializers.GetValueOrDefault(value);

    public NodeProto? Producer(string value) => producers.GetValueOrDefault(value);

    public IReadOnlyList<NodeProto> Readers(string value) => readers.GetValueOrDefault(value) ?? [];

    /// <summary>The node that alone reads a value, which is no output; null otherwise.</summary>
    public NodeProto? OnlyReader(string value) => !IsOutput(value) && !IsCaptured(value) && Readers(value) is [var only] ? only : null;

    /// <summary>The node of an operator that computes a value which nobody else reads; null otherwise.</summary>
    public NodeProto? Only(string value, string op) => OnlyReader(value) is not null && Producer(value) is { } node && node.Is(op) ? node : null;

    /// <summary>The only number of a float32 constant; null otherwise.</summary>
    public float? Number(string value) => Constant(value) is { DataType: (int)OnnxType.Float } tensor && TensorBytes.Count(tensor) == 1 ? TensorBytes.Floats(tensor)[0] : null;

    /// <summary>The sizes of a value; null when one is not known.</summary>
    public long[]? Shape(string value)
    {
        if (Constant(value) is { } tensor)
        {
            return [.. tensor.Dims];
        }

        return types.TryGetValue(value, out TypeProto? type) && type.TensorType?.Shape is { } shape && shape.Dim.All(static dim => dim.ValueCase == TensorShapeProto.Types.Dimension.ValueOneofCase.DimValue)
            ? [.. shape.Dim.Select(static dim => dim.DimValue)]
            : null;
    }

    /// <summary>The element type of a value; 0 when it is not known.</summary>
    public int ElementType(string value) => Constant(value)?.DataType ?? (types.TryGetValue(value, out TypeProto? type) ? type.TensorType?.ElemType ?? 0 : 0);

    /// <summary>A name that no value has.</summary>
    public string FreshName(string wanted)
    {
        string name = wanted;
        for (int i = 1; !names.Add(name); i++)
        {
            name = wanted + "_" + i.ToString(System.Globalization.CultureInfo.InvariantCulture);
        }

        return name;
    }

    /// <summary>Adds a constant under a fresh name.</summary>
    public string Add(TensorProto tensor)
    {
        tensor.Name = FreshName(tensor.Name);
        Define(tensor);
        return tensor.Name;
    }

    /// <summary>Gives a value that a node computed a constant instead; the node must be removed.</summary>
    public void Define(TensorProto tensor)
    {
        producers.Remove(tensor.Name);
        initializers[tensor.Name] = tensor;
        Graph.Initializer.Add(tensor);
    }

    /// <summary>Adds a node in front of another.</summary>
    public void InsertBefore(NodeProto place, NodeProto node)
    {
        Graph.Node.Insert(Graph.Node.IndexOf(place), node);
        Index(node);
    }

    /// <summary>Gives a new value its type and sizes.</summary>
    public void Describe(string value, OnnxType type, long[] shape)
    {
        var info = new ValueInfoProto
        {
            Name = value,
            Type = new TypeProto { TensorType = new TypeProto.Types.Tensor { ElemType = (int)type, Shape = new TensorShapeProto { Dim = { shape.Select(static size => new TensorShapeProto.Types.Dimension { DimValue = size }) } } } },
        };
        types[value] = info.Type;
        Graph.ValueInfo.Add(info);
    }

    /// <summary>Takes a node out of the graph.</summary>
    public void Remove(NodeProto node)
    {
        removed.Add(node);
        foreach (string input in node.Input)
        {
            if (readers.TryGetValue(input, out List<NodeProto>? list))
            {
                list.Remove(node);
            }
        }

        foreach (string output in node.Output.Where(output => producers.GetValueOrDefault(output) == node))
        {
            producers.Remove(output);
        }
    }

    /// <summary>Gives an operand of a node another value.</summary>
    public void SetInput(NodeProto node, int index, string value)
    {
        string old = node.Input[index];
        node.Input[index] = value;
        if (!node.Input.Contains(old) && readers.TryGetValue(old, out List<NodeProto>? list))
        {
            list.Remove(node);
        }

        AddReader(value, node);
    }

    /// <summary>Removes a node whose result <paramref name="output"/> equals <paramref name="value"/>; false when names stand against it.</summary>
    public bool Bypass(NodeProto node, string output, string value)
    {
        if (IsCaptured(output) || node.Output.Any(other => other != output && other.Length > 0 && (Readers(other).Count > 0 || IsOutput(other) || IsCaptured(other))))
        {
            return false;
        }

        if (!IsOutput(output))
        {
            Remove(node);
            Redirect(output, value);
            return true;
        }

        // The output keeps its name, so the value takes it.
        if (Producer(value) is not { } producer || IsOutput(value) || IsCaptured(value))
        {
            return false;
        }

        Remove(node);
        producer.Output[producer.Output.IndexOf(value)] = output;
        producers.Remove(value);
        producers[output] = producer;
        Redirect(value, output);
        return true;
    }

    /// <summary>All readers of a value read another.</summary>
    public void Redirect(string from, string to)
    {
        foreach (NodeProto reader in Readers(from).ToArray())
        {
            for (int i = 0; i < reader.Input.Count; i++)
            {
                if (reader.Input[i] == from)
                {
                    SetInput(reader, i, to);
                }
            }
        }
    }

    /// <summary>Writes removals to the graph: nodes that were removed, constants that nobody reads, types of values that are gone.</summary>
    public void Commit()
    {
        NodeProto[] kept = [.. Nodes];
        Graph.Node.Clear();
        Graph.Node.AddRange(kept);
        TensorProto[] constants = [.. Graph.Initializer.Where(tensor => ReferenceEquals(initializers.GetValueOrDefault(tensor.Name), tensor)
            && (Readers(tensor.Name).Count > 0 || IsOutput(tensor.Name) || IsCaptured(tensor.Name) || inputs.Contains(tensor.Name)))];
        Graph.Initializer.Clear();
        Graph.Initializer.AddRange(constants);
        ValueInfoProto[] infos = [.. Graph.ValueInfo.Where(info => producers.ContainsKey(info.Name) && !IsOutput(info.Name))];
        Graph.ValueInfo.Clear();
        Graph.ValueInfo.AddRange(infos);
        removed.Clear();
    }

    /// <summary>Names that the nested graphs of a node read, their own included: more than enough to leave alone.</summary>
    private static IEnumerable<string> Captured(NodeProto node) => node.Attribute.SelectMany(static attribute => attribute.Graphs.Concat(attribute.G is null ? [] : [attribute.G]))
        .SelectMany(static graph => graph.Node.SelectMany(static inner => inner.Input.Concat(Captured(inner))).Concat(graph.Output.Select(static output => output.Name)));

    private void Index(NodeProto node)
    {
        foreach (string output in node.Output.Where(static output => output.Length > 0))
        {
            producers[output] = node;
        }

        foreach (string input in node.Input)
        {
            AddReader(input, node);
        }
    }

    private void AddReader(string value, NodeProto node)
    {
        if (value.Length == 0)
        {
            return;
        }

        if (!readers.TryGetValue(value, out List<NodeProto>? list))
        {
            readers[value] = list = [];
        }

        if (!list.Contains(node))
        {
            list.Add(node);
        }
    }
}
