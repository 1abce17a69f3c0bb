using ModelGen.Compiler.Ir;
using ModelGen.Compiler.Models;
using ModelGen.Compiler.Ops;

namespace ModelGen.Compiler.Codegen;

/// <summary>Writes the calls that build the ONNX graph: what depends only on weights is computed by the exporter and becomes initialisers.</summary>
internal sealed class OnnxBody
{
    private readonly Graph graph;
    private readonly IndentedWriter writer;
    private readonly OnnxWeights weights;
    private readonly Dictionary<int, double> constants = [];
    private readonly Dictionary<int, Node> producers = [];
    private readonly Dictionary<int, string> names = [];
    private readonly HashSet<string> initializers = new(StringComparer.Ordinal);
    private readonly NameAllocator nodeNames = new();
    private readonly NameAllocator valueNames = new();
    private readonly CSharpBody prologue;
    private readonly string model;
    private readonly Dictionary<string, string> layerTypes;
    private (string Layer, string Source)? origin;

    public OnnxBody(ModelSpec spec, Graph graph, IndentedWriter writer, CSharpBody prologue)
    {
        model = spec.Name;
        layerTypes = spec.LayerTypes.ToDictionary(static pair => pair.Key, static pair => pair.Value, StringComparer.Ordinal);
        this.graph = graph;
        this.writer = writer;
        this.prologue = prologue;
        weights = new OnnxWeights(graph);
        foreach (int value in graph.ValuesOf(ValueKind.Input))
        {
            names[value] = Invariant.Literal(Unique(graph.Values[value].Name));
        }

        for (int i = 0; i < graph.Outputs.Count; i++)
        {
            // An output that is an input or depends on weights alone gets an Identity node, see WriteOutputs.
            if (graph.Values[graph.Outputs[i]].Kind == ValueKind.Intermediate && !weights.Contains(graph.Outputs[i]) && !names.ContainsKey(graph.Outputs[i]))
            {
                names[graph.Outputs[i]] = Invariant.Literal(Unique(OutputName(graph, i)));
            }
        }

        foreach (Node node in graph.Nodes)
        {
            foreach (int output in node.Outputs)
            {
                producers[output] = node;
            }

            if (node.Op == "constant")
            {
                constants[node.Outputs[0]] = node.Attributes.Double("value");
            }
        }
    }

    /// <summary>ONNX name of an output; an input of the same name keeps it.</summary>
    public static string OutputName(Graph graph, int index)
    {
        string name = graph.Outputs.Count == 1 ? "output" : "output" + Invariant.Text(index);
        while (graph.ValuesOf(ValueKind.Input).Any(value => graph.Values[value].Name == name))
        {
            name += "_";
        }

        return name;
    }

    /// <summary>Whether the exporter computes a node itself.</summary>
    public bool IsPrologue(Node node) => weights.Computes(node);

    public void Write()
    {
        foreach (Node node in graph.Nodes.Where(node => !IsPrologue(node)))
        {
            OpRegistry.Get(node.Op).EmitOnnx(new OnnxContext(graph, node, this));
        }
    }

    /// <summary>C# text of the ONNX name of a value.</summary>
    public string NameOf(int value)
    {
        if (names.TryGetValue(value, out string name))
        {
            return name;
        }

        if (constants.TryGetValue(value, out double constant))
        {
            return Scalar(constant, graph.TypeOf(value).DType);
        }

        string wanted = graph.Values[value].Name;
        if (weights.Contains(value))
        {
            names[value] = name = Invariant.Literal(Unique(wanted.Length > 0 ? wanted : "weight"));
            string type = graph.TypeOf(value).DType == DType.Float64 ? ", keepDouble: true" : "";
            writer.Line($"OnnxExport.Initializer(onnx, {name}, {prologue.NameOf(value)}{type});");
            return name;
        }

        names[value] = name = Invariant.Literal(Unique(wanted.Length > 0 ? wanted : Producer(value)));
        return name;
    }

    /// <summary>C# text of a weight as a tensor.</summary>
    public string Tensor(int value) => prologue.NameOf(value);

    /// <summary>Writes an initialiser of the given C# expression.</summary>
    public string Computed(string name, string tensor)
    {
        writer.Line($"OnnxExport.Initializer(onnx, {name}, {tensor});");
        return name;
    }

    public string? TransposedWeight(int value)
    {
        if (!weights.Contains(value))
        {
            return null;
        }

        string name = Invariant.Literal((graph.Values[value].Name.Length > 0 ? graph.Values[value].Name : prologue.NameOf(value)) + "_transposed");
        if (initializers.Add(name))
        {
            writer.Line($"OnnxExport.Initializer(onnx, {name}, {prologue.NameOf(value)}, transpose: true);");
        }

        return name;
    }

    /// <summary>C# text of the name of an int64 initialiser; equal ones are written once.</summary>
    public string Longs(string[] values)
    {
        string list = string.Join(", ", values);
        return $"OnnxExport.Longs(onnx, [{list}])";
    }

    public string Scalar(double value, DType dtype) => dtype switch
    {
        DType.Int64 => $"OnnxExport.Long(onnx, {Invariant.Text((long)value)})",
        DType.Float32 => $"OnnxExport.Float(onnx, {Invariant.Text(value)})",
        _ => $"OnnxExport.Number(onnx, {Invariant.Text(value)}, {OnnxType(dtype)})",
    };

    public string FreshName(Node node, string op) => Invariant.Literal(Unique((node.Layer.Length > 0 ? node.Layer + "/" : "") + op));

    public void Node(Node node, string op, string[] inputs, string output, TensorType type, string[] attributes) => Node(node, op, inputs, [(output, type)], attributes);

    public void Node(Node node, string op, string[] inputs, (string Name, TensorType Type)[] results, string[] attributes)
    {
        Origin(node);
        string path = "/" + (node.Layer.Length > 0 ? node.Layer.Replace('.', '/') + "/" : "") + op;
        string suffix = attributes.Length > 0 ? ", " + string.Join(", ", attributes) : "";
        string outputs = string.Join(", ", results.Select(static result => $"({result.Name}, {OnnxType(result.Type.DType)}, {Shape(result.Type)})"));
        writer.Line($"onnx.Node(\"{op}\", {Invariant.Literal(NodeName(path))}, [{string.Join(", ", inputs)}], [{outputs}]{suffix});");
    }

    /// <summary>Says where the nodes that follow come from, when that differs from what was said last.</summary>
    private void Origin(Node node)
    {
        if (origin == (node.Layer, node.Source))
        {
            return;
        }

        origin = (node.Layer, node.Source);
        var scopes = new List<string> { $"(\"\", {Invariant.Literal(model)})" };
        string[] parts = node.Layer.Split(['.'], StringSplitOptions.RemoveEmptyEntries);
        for (int i = 1; i <= parts.Length; i++)
        {
            string scope = string.Join(".", parts.Take(i));
            if (layerTypes.TryGetValue(scope, out string type) || i == parts.Length)
            {
                scopes.Add($"({Invariant.Literal(scope)}, {Invariant.Literal(type ?? "")})");
            }
        }

        writer.Line($"onnx.Origin({Invariant.Literal(node.Source)}, {string.Join(", ", scopes)});");
    }

    public static string OnnxType(DType type) => type switch
    {
        DType.Float32 => "OnnxType.Float",
        DType.Float64 => "OnnxType.Double",
        DType.Int32 => "OnnxType.Int32",
        DType.Int64 => "OnnxType.Int64",
        _ => "OnnxType.Bool",
    };

    public static string Shape(TensorType type) => "[" + string.Join(", ", type.Shape.Select(static dim => dim.ToCSharp())) + "]";

    private string Producer(int value)
    {
        Node node = producers[value];
        return node.Layer.Length > 0 ? node.Layer : node.Op;
    }

    private string Unique(string wanted) => valueNames.UniqueText(wanted);

    private string NodeName(string path) => nodeNames.UniqueText(path);
}
