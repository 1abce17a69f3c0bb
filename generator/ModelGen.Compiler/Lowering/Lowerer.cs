using ModelGen.Compiler.Codegen;
using ModelGen.Compiler.Ir;
using ModelGen.Compiler.Ops;
using ModelGen.Compiler.Passes;

namespace ModelGen.Compiler.Lowering;

/// <summary>Turns a graph into calls of kernels: chooses units, lays tensors out in memory, writes loops for elementwise chains.</summary>
internal sealed partial class Lowerer
{
    private readonly Graph graph;
    private readonly List<KernelBuffer> buffers = [];
    private readonly List<KernelStatement> statements = [];
    private readonly List<KernelStatement> checks = [];
    private readonly List<string> types = [];
    private readonly Dictionary<int, Place> places = [];
    private readonly Dictionary<(int Value, EquatableArray<long> Order), Place> ordered = [];
    private readonly Dictionary<int, int> values = [];
    private readonly Dictionary<int, double> constants = [];
    private readonly Dictionary<int, int> gradientOf = [];
    private readonly Dictionary<int, HashSet<int>> readers = [];
    private readonly Dictionary<int, int> streams = [];
    private readonly List<(int Buffer, int State)> flags = [];
    private readonly NameAllocator names;
    private int groups;

    /// <summary>Name of the kernel that moves elements without computing.</summary>
    private const string CopyKernel = "copy";

    private Lowerer(Graph graph, bool isStep)
    {
        this.graph = graph;
        IsStep = isStep;
        names = new NameAllocator(["results", "inputs", "weights", "memory", "given", "sizes", "copied", "KernelOps", "guard", "scope", "device", "Workers", "V", "Floats", "Gemm", "GemmBFloat16", "Convolution", "ConvolutionBFloat16", "ConvolutionStage", "PackedWeights", "Attention", "Dropout", "Movement", "Reduction", "CrossEntropy", "Embedding", "BatchNorm", "BatchNormal", "LayerNorm", "MaxPool", "AveragePool", "PoolShape", "Recurrent", "RecurrentCell", "Seed", "Stream", "DrawsLikeEager", "Optimizer", "Update", "Accumulate", "Measure", "VectorMath", "Math", "LaneMath", "Integers", "Indexing", "Patterns", "Scan", "Softmax", "GroupNorm", "Padding", "Resampling", "FakeQuantize", .. GraphFunction.Symbols(graph)]);
        for (int i = 0; i < graph.Nodes.Count; i++)
        {
            Node node = graph.Nodes[i];
            foreach (int input in node.Inputs.Where(static input => input >= 0))
            {
                if (!readers.TryGetValue(input, out HashSet<int> set))
                {
                    readers.Add(input, set = []);
                }

                set.Add(i);
            }

            if (node.Op == "constant")
            {
                constants[node.Outputs[0]] = node.Attributes.Double("value");
            }
            else if (node.Op == "store_gradient")
            {
                gradientOf[node.Inputs[0]] = gradientOf.ContainsKey(node.Inputs[0]) ? -1 : (int)node.Attributes.Int("index");
            }
        }
    }

    /// <summary>What operators keep for others, by names of theirs.</summary>
    public Dictionary<string, Place[]> Kept { get; } = new(StringComparer.Ordinal);

    /// <summary>Whether the graph is a training step, which has a seed, an optimizer and a place for the loss, and not inference, whose outputs are returned.</summary>
    public bool IsStep { get; }

    /// <summary>Lowers a graph of float32 tensors.</summary>
    /// <param name="graph">The graph.</param>
    /// <param name="isStep">Whether it is a training step, not inference.</param>
    /// <exception cref="NoKernelException">Something in it has no kernel; the message says what.</exception>
    public static KernelProgram Lower(Graph graph, bool isStep)
    {
        var lowerer = new Lowerer(graph, isStep);
        lowerer.AddLeaves();
        foreach (Unit unit in Units.Of(graph))
        {
            int first = lowerer.statements.Count;
            lowerer.Lower(unit);
            lowerer.Attribute(unit, first);
        }

        Place[] outputs = isStep ? [] : [.. graph.Outputs.Select(lowerer.RowMajor)];
        List<KernelStatement> statements = isStep ? lowerer.statements : ConvolutionChains.Join(lowerer.statements, outputs);
        return new KernelProgram(lowerer.buffers, [.. lowerer.checks, .. statements], lowerer.types, lowerer.values, lowerer.flags) { Outputs = outputs };
    }

    /// <summary>Where a value lies. A number that is known during the build is written to memory when something needs it there.</summary>
    public Place PlaceOf(int value)
    {
        if (!places.TryGetValue(value, out Place place))
        {
            place = constants.TryGetValue(value, out double number) ? Number(number, graph.TypeOf(value).DType, "") : throw new NoKernelException($"the value '{graph.Values[value].Name}' has no place in memory");
            places.Add(value, place);
        }

        return place;
    }

    /// <summary>Where a value lies by rows; the first time it is copied there unless it lies so already.</summary>
    public Place RowMajor(int value) => Ordered(value, Place.Identity(PlaceOf(value).Shape.Count));

    /// <summary>Where a value lies densely in an order of its dimensions; the first time it is copied there unless it lies so already.</summary>
    /// <param name="value">The value.</param>
    /// <param name="order">Its dimensions, outermost first.</param>
    public Place Ordered(int value, EquatableArray<long> order)
    {
        Place place = PlaceOf(value);
        if (place.IsDense(order))
        {
            return place with { Strides = Place.DenseStrides(place.Shape, order) };
        }

        if (!ordered.TryGetValue((value, order), out Place copy))
        {
            Place across = place.Permute(order);
            Place rows = Place.RowMajor(NewBuffer(graph.Values[value].Name + "_ordered", graph.TypeOf(value), MemoryKind.Arena, 0), across.Shape);
            Copy(across, rows, graph.Values[value].Name);
            copy = rows with { Shape = place.Shape, Strides = Place.DenseStrides(place.Shape, order) };
            ordered.Add((value, order), copy);
        }

        return copy;
    }

    public void SetPlace(int value, Place place) => places[value] = place;

    /// <summary>A new place for a value: the gradient buffer when it is a gradient and lies by rows, else the arena.</summary>
    /// <param name="value">The value.</param>
    /// <param name="order">Its dimensions, outermost first.</param>
    public Place Allocate(int value, EquatableArray<long> order) => places[value] = NewPlace(value, order);

    /// <summary>The order of a value's dimensions that lies by rows for its reader, when that is one permutation; by rows otherwise.</summary>
    public EquatableArray<long> OrderOfReader(int value)
    {
        Node[] nodes = readers.TryGetValue(value, out HashSet<int> all) ? [.. all.Select(index => graph.Nodes[index])] : [];
        return nodes.Length == 1 && nodes[0].Op == "permute" ? nodes[0].Attributes.Ints("order") : Place.Identity(graph.TypeOf(value).Rank);
    }

    /// <summary>Memory that belongs to no value.</summary>
    public Place Work(TensorType type, string name = "work") => Place.RowMajor(NewBuffer(name, type, MemoryKind.Arena, 0), type.Shape);

    /// <summary>What a value is called.</summary>
    public string NameOf(int value) => graph.Values[value].Name;

    /// <summary>Whether a value has a reader other than one operator.</summary>
    public bool IsReadByOthers(int value, string op) => graph.Outputs.Contains(value) || (readers.TryGetValue(value, out HashSet<int> nodes) && nodes.Any(index => graph.Nodes[index].Op != op));

    /// <summary>The nodes that read a value; a node of its own stands for the outputs of the graph.</summary>
    public IReadOnlyList<Node> ReadersOf(int value)
    {
        IEnumerable<Node> nodes = readers.TryGetValue(value, out HashSet<int> all) ? all.Select(index => graph.Nodes[index]) : [];
        return [.. nodes, .. graph.Outputs.Contains(value) ? [new Node("output", new[] { value }, Array.Empty<int>(), OpAttributes.None, "", "")] : Array.Empty<Node>()];
    }

    /// <summary>Number of the random sequence of a mask of dropout.</summary>
    public int StreamOf(int mask)
    {
        if (!streams.TryGetValue(mask, out int stream))
        {
            streams.Add(mask, stream = streams.Count);
        }

        return stream;
    }

    /// <summary>Probability of a mask of dropout.</summary>
    public double DropoutOf(int mask) => graph.Nodes.First(node => node.Outputs.Contains(mask)).Attributes.Double("p");

    /// <summary>Whether only kernels read a mask that draw it themselves.</summary>
    public bool IsDrawnInside(int mask) => readers.TryGetValue(mask, out HashSet<int> nodes) && nodes.All(index => graph.Nodes[index].Op is "attention" or "attention_backward");

    /// <summary>A place for a mask of dropout, in the order of what it is multiplied with.</summary>
    public Place AllocateMask(int mask)
    {
        EquatableArray<Dim> shape = graph.TypeOf(mask).Shape;
        IEnumerable<int> others = readers.TryGetValue(mask, out HashSet<int> nodes) ? nodes.SelectMany(index => graph.Nodes[index].Inputs) : [];
        Place? like = others.Where(value => value != mask && places.ContainsKey(value) && graph.TypeOf(value).Shape.Equals(shape)).Select(PlaceOf).FirstOrDefault();
        Place place = Allocate(mask, like is not null && like.IsDense(LoopNest.OrderOf(like)) ? LoopNest.OrderOf(like) : Place.Identity(shape.Count));
        if (IsDrawnInside(mask))
        {
            buffers[place.Buffer] = buffers[place.Buffer] with { LikeEagerOnly = true };
        }

        return place;
    }

    /// <summary>C# text of an address.</summary>
    public string Address(Place place)
    {
        string name = buffers[place.Buffer].Name;
        return place.Offset.Constant == 0 ? name : $"({name} + ({place.Offset.ToCSharp()}))";
    }

    public void Add(KernelStatement statement) => statements.Add(statement);

    /// <summary>Bytes of a number of elements of a place.</summary>
    public Dim BytesOf(Place place, Dim elements) => elements * (buffers[place.Buffer].DType == DType.Int64 ? sizeof(long) : sizeof(float));

    /// <summary>Adds a check that runs before all other statements, once.</summary>
    public void AddCheck(KernelStatement check)
    {
        if (!checks.Any(other => other.Lines[0] == check.Lines[0]))
        {
            checks.Add(check);
        }
    }

    /// <summary>Whether a buffer holds what the caller gave.</summary>
    public bool IsInput(int buffer) => buffers[buffer].Kind == MemoryKind.Arena && values.ContainsValue(buffer);

    /// <summary>Memory of a number, which is written at the run time.</summary>
    public Place Number(double number, DType dtype, string source)
    {
        Place place = Work(TensorType.Scalar(dtype));
        string text = dtype == DType.Int64 ? Invariant.Text((long)number) + "L" : PointwiseContext.Number(number);
        Add(new KernelStatement([$"{Address(place)}[0] = {text};"], [], [place.Buffer], source) { Kernel = CopyKernel, Bytes = BytesOf(place, Dim.One) });
        return place;
    }

    private double? ConstantOf(int value) => constants.TryGetValue(value, out double number) ? number : null;

    private void AddLeaves()
    {
        int parameter = 0;
        int state = 0;
        for (int i = 0; i < graph.Values.Count; i++)
        {
            Value value = graph.Values[i];
            if (value.Kind == ValueKind.Intermediate)
            {
                continue;
            }

            (MemoryKind kind, int index) = value.Kind switch
            {
                ValueKind.Parameter => (MemoryKind.Parameter, parameter++),
                ValueKind.Buffer => (MemoryKind.State, state++),
                _ => (MemoryKind.Arena, 0),
            };
            if (kind == MemoryKind.State && value.Type.DType == DType.Bool)
            {
                values[i] = NewBuffer(value.Name, value.Type, MemoryKind.Arena, 0);
                flags.Add((values[i], index));
                places[i] = Place.RowMajor(values[i], value.Type.Shape);
                continue;
            }

            values[i] = NewBuffer(value.Name, value.Type, kind, index);
            places[i] = Place.RowMajor(values[i], value.Type.Shape);
        }
    }

    private int NewBuffer(string name, TensorType type, MemoryKind kind, int index)
    {
        if (type.DType is not (DType.Float32 or DType.Bool or DType.Int64))
        {
            throw new NoKernelException($"kernels compute with float32, and '{name}' is {type}");
        }

        buffers.Add(new KernelBuffer(names.Unique(name.Length == 0 ? "v" : name), type.Count, type.DType, kind, index));
        return buffers.Count - 1;
    }

    private Place NewPlace(int value, EquatableArray<long> order)
    {
        Value described = graph.Values[value];
        EquatableArray<Dim> strides = Place.DenseStrides(described.Type.Shape, order);
        if (IsStep && value == graph.Outputs[0] && described.Type.Rank == 0)
        {
            return new Place(NewBuffer(described.Name, described.Type, MemoryKind.Loss, 0), Dim.Zero, described.Type.Shape, strides);
        }

        bool isGradient = gradientOf.TryGetValue(value, out int gradient) && gradient >= 0 && order.Equals(Place.Identity(order.Count));
        (MemoryKind kind, int index) = isGradient ? (MemoryKind.Gradient, gradient) : (MemoryKind.Arena, 0);
        return new Place(NewBuffer(described.Name, described.Type, kind, index), Dim.Zero, described.Type.Shape, strides);
    }

    /// <summary>
    /// Says which layer the statements of a unit belong to, and spreads the operations of its nodes evenly over those that compute. Work that another unit's kernel does in passing,
    /// such as a normalisation inside a convolution, is not counted.
    /// </summary>
    private void Attribute(Unit unit, int first)
    {
        Node leading = graph.Nodes[unit.Anchor ?? unit.Pointwise.Max];
        int[] computing = [.. Enumerable.Range(first, statements.Count - first).Where(index => statements[index].Kernel != CopyKernel && statements[index].Flops.Constant == 0)];
        Dim counted = Enumerable.Range(first, statements.Count - first).Aggregate(Dim.Zero, (sum, index) => sum + statements[index].Flops);
        Dim all = unit.Nodes.Aggregate(Dim.Zero, (sum, node) => sum + LayerTable.Flops(graph, graph.Nodes[node]));
        Dim share = computing.Length == 0 ? Dim.Zero : Dim.FloorDivide(all - counted, computing.Length);
        for (int i = first; i < statements.Count; i++)
        {
            bool isLast = computing.Length > 0 && i == computing[computing.Length - 1];
            Dim flops = !computing.Contains(i) ? statements[i].Flops : isLast ? all - counted - (share * (computing.Length - 1)) : share;
            statements[i] = statements[i] with
            {
                Layer = leading.Layer,
                Expression = leading.Source.Length > 0 ? leading.Source : leading.Layer,
                Flops = flops,
                IsGradient = leading.Source.StartsWith(Differentiate.Prefix, StringComparison.Ordinal),
                Source = statements[i].Source.Length > 0 ? statements[i].Source : leading.Source.Length > 0 ? leading.Source : leading.Layer,
            };
        }
    }

    private void Lower(Unit unit)
    {
        if (unit.Anchor is int anchor)
        {
            Node node = graph.Nodes[anchor];
            if (node.Op == "constant" || LowerView(node))
            {
                return;
            }

            int first = statements.Count;
            var context = new KernelContext(this, graph, node, unit);
            OpDefinition op = OpRegistry.Get(node.Op);
            bool lowered = op.Lower(context);
            if (!lowered)
            {
                LowerToLibrary(node);
            }

            for (int i = first; op.HasSideEffect && i < statements.Count; i++)
            {
                statements[i] = statements[i] with { HasSideEffect = true };
            }

            if (lowered && context.EpilogueTaken)
            {
                return;
            }
        }

        if (unit.Pointwise.Count > 0)
        {
            Loop(unit);
        }
    }

    private bool LowerView(Node node)
    {
        int output = node.Outputs.Count > 0 ? node.Outputs[0] : -1;
        switch (node.Op)
        {
            case "permute":
                places[output] = PlaceOf(node.Inputs[0]).Permute(node.Attributes.Ints("order"));
                return true;
            case "expand":
                places[output] = PlaceOf(node.Inputs[0]).Expand(graph.TypeOf(output).Shape);
                return true;
            case "slice":
                LowerSlice(node);
                return true;
            case "reshape":
                EquatableArray<Dim> shape = graph.TypeOf(output).Shape;
                places[output] = PlaceOf(node.Inputs[0]).Reshape(shape) ?? RowMajor(node.Inputs[0]).Reshape(shape)!;
                return true;
            case "store_gradient":
                Place place = PlaceOf(node.Inputs[0]);
                int index = (int)node.Attributes.Int("index");
                if (buffers[place.Buffer].Kind != MemoryKind.Gradient || buffers[place.Buffer].Index != index || !place.IsRowMajor || place.Offset.Constant != 0)
                {
                    Copy(place, Place.RowMajor(NewBuffer(graph.Values[node.Inputs[0]].Name + "_stored", graph.TypeOf(node.Inputs[0]), MemoryKind.Gradient, index), place.Shape), node.Source);
                }

                return true;
            default:
                return false;
        }
    }

    private void LowerSlice(Node node)
    {
        int axis = (int)node.Attributes.Int("axis");
        Dim size = graph.TypeOf(node.Inputs[0]).Shape[axis];
        (Dim start, Dim length) = (node.Attributes.Dims("start")[0], node.Attributes.Dims("length")[0]);
        places[node.Outputs[0]] = PlaceOf(node.Inputs[0]).Slice(axis, start, length);
        if (!Dim.IsNeverNegative(start) || !Dim.IsNeverNegative(length) || !Dim.IsNeverNegative(size - start - length))
        {
            Add(new KernelStatement([$"CheckSlice({start.ToCSharp()}, {length.ToCSharp()}, {size.ToCSharp()}, {Invariant.Literal(node.Source)});"], [], [], node.Source));
        }
    }

    /// <summary>Copies between places of one shape.</summary>
    public void Copy(Place from, Place to, string source)
    {
        EquatableArray<long> order = LoopNest.OrderOf(to);
        (Place ordered, Place target) = (from.Permute(order), to.Permute(order));
        string Address(Place place) => buffers[place.Buffer].DType == DType.Int64 ? this.Address(place) + ".AsFloats()" : this.Address(place);

        // A whole number of 64 bits is two floats.
        bool wide = buffers[from.Buffer].DType == DType.Int64;
        string List(IEnumerable<Dim> values, Dim last) => CSharpContext.Longs((wide ? values.Append(last) : values).ToEquatableArray());
        Dim unit = wide ? 2 : 1;
        string sizes = List(ordered.Shape, 2);
        statements.Add(new KernelStatement(
            [$"Movement<V>.Copy({Address(from)}, {Address(to)}, {sizes}, {List(ordered.Strides.Select(stride => stride * unit), 1)}, {List(target.Strides.Select(stride => stride * unit), 1)});"],
            [from.Buffer],
            [to.Buffer],
            source)
        {
            Kernel = CopyKernel,
            Bytes = BytesOf(from, from.Elements) + BytesOf(to, to.Elements),
        });
    }
}
