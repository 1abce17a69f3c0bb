using Google.Protobuf.Collections;
using ModelGen.Onnx.Proto;

namespace ModelGen.Onnx;

/// <summary>
/// Checks the structure of a model: versions, names, order of nodes, sizes, the bytes of constants, nested graphs and functions. What passes can be handed to ONNX Runtime
/// without it reading outside the model; whether the operators fit together is ONNX Runtime's own check.
/// </summary>
internal sealed class OnnxChecker
{
    /// <summary>Newest IR version that ONNX Runtime 1.31 reads.</summary>
    public const long NewestIr = 13;

    /// <summary>Newest version of the ai.onnx operator set that ONNX Runtime 1.31 reads.</summary>
    public const long NewestOpset = 26;

    private const int DeepestGraph = 32;
    private const int MostProblems = 20;
    private const int HighestRank = 64;

    /// <summary>Bytes that one tensor may have: more than any machine holds, and far from overflow in ONNX Runtime's arithmetic.</summary>
    private const long LargestTensor = 1L << 42;

    private readonly ModelProto model;
    private readonly List<string> problems = [];
    private readonly HashSet<(string Domain, string Name)> functions = [];

    private OnnxChecker(ModelProto model) => this.model = model;

    /// <summary>The faults of a model, at most twenty; none when it is sound.</summary>
    public static IReadOnlyList<string> Check(ModelProto model)
    {
        var checker = new OnnxChecker(model);
        checker.Run();
        return checker.problems;
    }

    private void Run()
    {
        if (model.IrVersion is < 3 or > NewestIr)
        {
            Report($"IR version {model.IrVersion} is outside 3..{NewestIr}");
        }

        Opsets(model.OpsetImport, "model");
        foreach (FunctionProto function in model.Functions)
        {
            if (function.Name.Length == 0 || !functions.Add((function.Domain, function.Name + "\n" + function.Overload)))
            {
                Report($"function '{function.Domain}.{function.Name}' has no name or is defined twice");
            }
        }

        foreach (FunctionProto function in model.Functions)
        {
            Function(function);
        }

        if (CallCycle() is string cycle)
        {
            Report($"function '{cycle}' calls itself, directly or through others");
        }

        if (model.Graph is null)
        {
            Report("there is no graph");
            return;
        }

        Graph(model.Graph, "graph", new Scope(null), 0);
        if (model.Graph.Output.Count == 0)
        {
            Report("the graph has no output");
        }
    }

    private void Opsets(RepeatedField<OperatorSetIdProto> imports, string where)
    {
        if (imports.Count == 0)
        {
            Report($"the {where} imports no operator set");
        }

        var seen = new HashSet<string>(StringComparer.Ordinal);
        foreach (OperatorSetIdProto import in imports)
        {
            string domain = import.Domain == "ai.onnx" ? "" : import.Domain;
            if (!seen.Add(domain))
            {
                Report($"the {where} imports the operator set '{import.Domain}' twice");
            }

            if (import.Version < 1 || (domain.Length == 0 && import.Version > NewestOpset))
            {
                Report($"version {import.Version} of the operator set '{(domain.Length == 0 ? "ai.onnx" : domain)}' is outside 1..{NewestOpset}");
            }
        }
    }

    private void Function(FunctionProto function)
    {
        string where = $"function '{function.Name}'";
        var scope = new Scope(null);
        foreach (string input in function.Input)
        {
            if (input.Length == 0 || !scope.Define(input))
            {
                Report($"{where}: input name '{input}' is empty or taken");
            }
        }

        Nodes(function.Node, where, scope, 0);
        foreach (string output in function.Output.Where(output => !scope.Knows(output)))
        {
            Report($"{where}: nothing computes the output '{output}'");
        }
    }

    private void Graph(GraphProto graph, string where, Scope scope, int depth)
    {
        if (depth > DeepestGraph)
        {
            Report($"{where}: graphs are nested more than {DeepestGraph} deep");
            return;
        }

        foreach (ValueInfoProto input in graph.Input)
        {
            if (input.Name.Length == 0 || !scope.Define(input.Name))
            {
                Report($"{where}: input name '{input.Name}' is empty or taken");
            }

            if (input.Type is null && depth == 0)
            {
                Report($"{where}: input '{input.Name}' has no type");
            }

            Type(input.Type, $"{where}: input '{input.Name}'", 0);
        }

        var constants = new HashSet<string>(StringComparer.Ordinal);
        foreach (TensorProto tensor in graph.Initializer)
        {
            // Before IR version 4 every initialiser was an input too; then the input is its declaration.
            if (tensor.Name.Length == 0 || !constants.Add(tensor.Name) || (!scope.Define(tensor.Name) && graph.Input.All(input => input.Name != tensor.Name)))
            {
                Report($"{where}: initialiser name '{tensor.Name}' is empty or taken");
            }

            Tensor(tensor, $"{where}: initialiser '{tensor.Name}'");
        }

        foreach (SparseTensorProto sparse in graph.SparseInitializer)
        {
            if (sparse.Values is null || sparse.Values.Name.Length == 0 || !scope.Define(sparse.Values.Name))
            {
                Report($"{where}: sparse initialiser '{sparse.Values?.Name}' has no name or values, or its name is taken");
            }

            Sparse(sparse, $"{where}: sparse initialiser '{sparse.Values?.Name}'");
        }

        foreach (ValueInfoProto info in graph.ValueInfo.Concat(graph.Output))
        {
            Type(info.Type, $"{where}: value '{info.Name}'", 0);
        }

        Nodes(graph.Node, where, scope, depth);
        var outputs = new HashSet<string>(StringComparer.Ordinal);
        foreach (ValueInfoProto output in graph.Output)
        {
            if (!outputs.Add(output.Name))
            {
                Report($"{where}: there are two outputs named '{output.Name}'");
            }

            if (!scope.Knows(output.Name))
            {
                Report($"{where}: nothing computes the output '{output.Name}'");
            }
        }
    }

    private void Nodes(RepeatedField<NodeProto> nodes, string where, Scope scope, int depth)
    {
        var names = new HashSet<string>(StringComparer.Ordinal);
        HashSet<string>? later = null;
        for (int i = 0; i < nodes.Count; i++)
        {
            NodeProto node = nodes[i];
            string at = $"{where}: node '{(node.Name.Length > 0 ? node.Name : "#" + i)}' ({node.OpType})";
            if (node.OpType.Length == 0)
            {
                Report($"{at} names no operator");
            }

            if (node.Name.Length > 0 && !names.Add(node.Name))
            {
                Report($"{where}: there are two nodes named '{node.Name}'");
            }

            foreach (string input in node.Input.Where(input => input.Length > 0 && !scope.Knows(input)))
            {
                later ??= [.. nodes.SelectMany(static other => other.Output)];
                Report(later.Contains(input)
                    ? $"{at} reads '{input}' before it is computed: the nodes are in the wrong order or form a cycle"
                    : $"{at} reads '{input}', which nothing defines: an initialiser or node is missing");
            }

            Attributes(node, at, scope, depth);
            foreach (string output in node.Output.Where(output => output.Length > 0 && !scope.Define(output)))
            {
                Report($"{at} computes '{output}', a name that is taken");
            }

            if (node.Output.All(static output => output.Length == 0))
            {
                Report($"{at} computes nothing");
            }
        }
    }

    private void Attributes(NodeProto node, string at, Scope scope, int depth)
    {
        var names = new HashSet<string>(StringComparer.Ordinal);
        foreach (AttributeProto attribute in node.Attribute)
        {
            if (attribute.Name.Length == 0 || !names.Add(attribute.Name))
            {
                Report($"{at}: attribute name '{attribute.Name}' is empty or taken");
            }

            if (attribute.Type == AttributeProto.Types.AttributeType.Undefined && attribute.RefAttrName.Length == 0)
            {
                Report($"{at}: attribute '{attribute.Name}' has no type");
            }

            string what = $"{at}, attribute '{attribute.Name}'";
            foreach (TensorProto tensor in attribute.Tensors.Concat(attribute.T is null ? [] : [attribute.T]))
            {
                Tensor(tensor, what);
            }

            foreach (SparseTensorProto sparse in attribute.SparseTensors.Concat(attribute.SparseTensor is null ? [] : [attribute.SparseTensor]))
            {
                Sparse(sparse, what);
            }

            foreach (GraphProto graph in attribute.Graphs.Concat(attribute.G is null ? [] : [attribute.G]))
            {
                Graph(graph, what, new Scope(scope), depth + 1);
            }

            foreach (TypeProto type in attribute.TypeProtos.Concat(attribute.Tp is null ? [] : [attribute.Tp]))
            {
                Type(type, what, 0);
            }
        }
    }

    private void Type(TypeProto? type, string what, int depth)
    {
        switch (type?.ValueCase)
        {
            case TypeProto.ValueOneofCase.TensorType:
                Shape(type.TensorType.ElemType, type.TensorType.Shape, what);
                break;
            case TypeProto.ValueOneofCase.SparseTensorType:
                Shape(type.SparseTensorType.ElemType, type.SparseTensorType.Shape, what);
                break;
            case TypeProto.ValueOneofCase.SequenceType when depth < DeepestGraph:
                Type(type.SequenceType.ElemType, what, depth + 1);
                break;
            case TypeProto.ValueOneofCase.OptionalType when depth < DeepestGraph:
                Type(type.OptionalType.ElemType, what, depth + 1);
                break;
            case TypeProto.ValueOneofCase.MapType when depth < DeepestGraph:
                Type(type.MapType.ValueType, what, depth + 1);
                break;
        }
    }

    private void Shape(int type, TensorShapeProto? shape, string what)
    {
        if (TensorBytes.Bits(type) is null && type != (int)TensorProto.Types.DataType.String)
        {
            Report($"{what} has the unknown element type {type}");
            return;
        }

        if (shape is not null)
        {
            Size(type, shape.Dim.Where(static dim => dim.ValueCase == TensorShapeProto.Types.Dimension.ValueOneofCase.DimValue).Select(static dim => dim.DimValue), shape.Dim.Count, what);
        }
    }

    /// <summary>The number of elements; null, and a report, when the sizes make no sense.</summary>
    private long? Size(int type, IEnumerable<long> sizes, int rank, string what)
    {
        if (rank > HighestRank)
        {
            Report($"{what} has {rank} dimensions, more than {HighestRank}");
            return null;
        }

        Int128 count = 1;
        bool empty = false;
        foreach (long size in sizes)
        {
            if (size < 0)
            {
                Report($"{what} has the negative size {size}");
                return null;
            }

            empty |= size == 0;
            count = size == 0 ? count : count * size;
            if (count * (TensorBytes.Bits(type) ?? 8) / 8 > LargestTensor)
            {
                Report($"{what} is larger than {LargestTensor >> 40} TiB");
                return null;
            }
        }

        return empty ? 0 : (long)count;
    }

    private void Tensor(TensorProto tensor, string what)
    {
        if (TensorBytes.Bits(tensor.DataType) is not int bits)
        {
            if (tensor.DataType != (int)TensorProto.Types.DataType.String)
            {
                Report($"{what} has the unknown element type {tensor.DataType}");
            }
            else if (Size(tensor.DataType, tensor.Dims, tensor.Dims.Count, what) is long texts && texts != tensor.StringData.Count)
            {
                Report($"{what} of shape [{string.Join(", ", tensor.Dims)}] holds {tensor.StringData.Count} texts instead of {texts}");
            }

            return;
        }

        if (Size(tensor.DataType, tensor.Dims, tensor.Dims.Count, what) is not long count)
        {
            return;
        }

        long wanted = TensorBytes.Length(count, bits);
        if (tensor.DataLocation == TensorProto.Types.DataLocation.External)
        {
            Report(ExternalData.Problem(tensor, wanted) is string problem
                ? $"{what}: {problem}"
                : $"{what} lies in another file ('{ExternalData.Location(tensor)}'): open the model with OnnxModel.Load, which reads it");
            return;
        }

        if (tensor.DataLocation != TensorProto.Types.DataLocation.Default || tensor.Segment is not null)
        {
            Report($"{what} is stored in a form that is not supported (data location {(int)tensor.DataLocation}{(tensor.Segment is null ? "" : ", segments")})");
            return;
        }

        (long held, long needed, string unit) = tensor.RawData.Length > 0 ? (tensor.RawData.Length, wanted, "bytes") : TypedValues(tensor, count);
        if (held != needed)
        {
            Report($"{what} of shape [{string.Join(", ", tensor.Dims)}] holds {held} {unit} instead of {needed}");
        }
    }

    private static (long Held, long Needed, string Unit) TypedValues(TensorProto tensor, long count) => (TensorProto.Types.DataType)tensor.DataType switch
    {
        TensorProto.Types.DataType.Float => (tensor.FloatData.Count, count, "values"),
        TensorProto.Types.DataType.Complex64 => (tensor.FloatData.Count, 2 * count, "values"),
        TensorProto.Types.DataType.Double => (tensor.DoubleData.Count, count, "values"),
        TensorProto.Types.DataType.Complex128 => (tensor.DoubleData.Count, 2 * count, "values"),
        TensorProto.Types.DataType.Int64 => (tensor.Int64Data.Count, count, "values"),
        TensorProto.Types.DataType.Uint32 or TensorProto.Types.DataType.Uint64 => (tensor.Uint64Data.Count, count, "values"),
        _ => (tensor.Int32Data.Count, TensorBytes.Bits(tensor.DataType) is int bits and < 8 ? TensorBytes.Length(count, bits) : count, "values"),
    };

    private void Sparse(SparseTensorProto sparse, string what)
    {
        if (sparse.Values is null || sparse.Indices is null)
        {
            Report($"{what} lacks values or indices");
            return;
        }

        Tensor(sparse.Values, what);
        Tensor(sparse.Indices, what);
        if (Size(sparse.Values.DataType, sparse.Dims, sparse.Dims.Count, what) is not long count || sparse.Indices.DataType != (int)TensorProto.Types.DataType.Int64 || sparse.Dims.Count == 0)
        {
            Report($"{what} is no sparse tensor: it needs a shape and int64 indices");
            return;
        }

        long values = sparse.Values.Dims is [long only] ? only : -1;
        bool fits = values >= 0 && (sparse.Indices.Dims is [long rows] ? rows == values : sparse.Indices.Dims is [long pairs, long rank] && pairs == values && rank == sparse.Dims.Count);
        if (!fits || problems.Count > 0)
        {
            Report($"{what}: indices of shape [{string.Join(", ", sparse.Indices.Dims)}] do not fit {values} values of a tensor of rank {sparse.Dims.Count}");
            return;
        }

        long[] indices = TensorBytes.Longs(sparse.Indices);
        bool inside = sparse.Indices.Dims.Count == 1
            ? indices.All(index => index >= 0 && index < count)
            : indices.Select((index, position) => index >= 0 && index < sparse.Dims[position % sparse.Dims.Count]).All(static good => good);
        if (!inside)
        {
            Report($"{what} has an index outside its shape");
        }
    }

    /// <summary>A function that reaches itself; ONNX Runtime would expand it without end.</summary>
    private string? CallCycle()
    {
        Dictionary<(string, string), List<(string, string)>> calls = [];
        foreach (FunctionProto function in model.Functions)
        {
            calls[(function.Domain, function.Name)] = [.. AllNodes(function.Node, 0).Select(static node => (node.Domain, node.OpType))];
        }

        var state = new Dictionary<(string, string), bool>();
        foreach ((string, string) start in calls.Keys)
        {
            if (Cyclic(start, 0))
            {
                return start.Item2;
            }
        }

        return null;

        bool Cyclic((string, string) function, int depth)
        {
            if (!calls.TryGetValue(function, out List<(string, string)>? callees))
            {
                return false;
            }

            if (state.TryGetValue(function, out bool done))
            {
                return !done;
            }

            state[function] = false;
            bool cyclic = depth > 1000 || callees.Any(callee => Cyclic(callee, depth + 1));
            state[function] = true;
            return cyclic;
        }
    }

    private static IEnumerable<NodeProto> AllNodes(IEnumerable<NodeProto> nodes, int depth) => depth > DeepestGraph ? [] : nodes.SelectMany(node =>
        node.Attribute.SelectMany(static attribute => attribute.Graphs.Concat(attribute.G is null ? [] : [attribute.G])).SelectMany(graph => AllNodes(graph.Node, depth + 1)).Prepend(node));

    private void Report(string problem)
    {
        if (problems.Count < MostProblems)
        {
            problems.Add(problem);
        }
    }

    /// <summary>Names of values that a node may read: those of its graph, and of the graphs around it.</summary>
    private sealed class Scope(Scope? outer)
    {
        private readonly HashSet<string> names = new(StringComparer.Ordinal);

        public bool Define(string name) => !Knows(name) && names.Add(name);

        public bool Knows(string name)
        {
            for (Scope? scope = this; scope is not null; scope = scope.Outer)
            {
                if (scope.names.Contains(name))
                {
                    return true;
                }
            }

            return false;
        }

        private Scope? Outer { get; } = outer;
    }
}
