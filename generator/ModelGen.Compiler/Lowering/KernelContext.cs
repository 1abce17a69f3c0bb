using ModelGen.Compiler.Codegen;
using ModelGen.Compiler.Ir;
using ModelGen.Compiler.Passes;

namespace ModelGen.Compiler.Lowering;

/// <summary>What an operator sees when it writes the calls of its kernel.</summary>
internal sealed class KernelContext(Lowerer lowerer, Graph graph, Node node, Unit unit)
{
    private readonly HashSet<Place> reads = [];
    private readonly HashSet<Place> writes = [];
    private readonly Dictionary<Place, Dim> parts = [];

    public OpAttributes Attributes => node.Attributes;

    /// <summary>The user's expression.</summary>
    public string Source => node.Source.Length == 0 ? node.Layer : node.Source;

    /// <summary>Whether the elementwise operators of the unit were taken as an epilogue.</summary>
    public bool EpilogueTaken { get; private set; }

    public bool Has(int operand) => operand < node.Inputs.Count && node.Inputs[operand] >= 0;

    public TensorType Type(int operand) => graph.TypeOf(node.Inputs[operand]);

    public TensorType ResultType(int index = 0) => graph.TypeOf(node.Outputs[index]);

    /// <summary>Where an operand lies.</summary>
    public Place Operand(int operand) => lowerer.PlaceOf(node.Inputs[operand]);

    /// <summary>Where a whole number lies, which is written there first.</summary>
    public Place Number(long number) => lowerer.Number(number, DType.Int64, node.Source);

    /// <summary>Where an operand lies by rows; it is copied when it does not.</summary>
    public Place RowMajorOperand(int operand) => lowerer.RowMajor(node.Inputs[operand]);

    /// <summary>Where an operand lies densely in an order of its dimensions; it is copied when it does not.</summary>
    public Place OrderedOperand(int operand, EquatableArray<long> order) => lowerer.Ordered(node.Inputs[operand], order);

    /// <summary>A place for a result, by rows.</summary>
    public Place Result(int index = 0) => Result(index, Place.Identity(ResultType(index).Rank));

    /// <summary>A place for a result.</summary>
    /// <param name="index">Which one.</param>
    /// <param name="order">Its dimensions, outermost first.</param>
    public Place Result(int index, EquatableArray<long> order) =>
        index == 0 && unit.Pointwise.Count > 0 ? lowerer.AllocateForEpilogue(unit, node.Outputs[0], order) : lowerer.Allocate(node.Outputs[index], order);

    /// <summary>The order of a result's dimensions that lies by rows for its reader, when that is one permutation; by rows otherwise.</summary>
    public EquatableArray<long> OrderOfReader(int index) => lowerer.OrderOfReader(node.Outputs[index]);

    /// <summary>Writes the calls that draw a mask of dropout: the node's result.</summary>
    /// <exception cref="NoKernelException">There is no seed.</exception>
    public void DrawMask()
    {
        RequireSeed();
        int value = node.Outputs[0];
        Place place = lowerer.AllocateMask(value);
        string call = $"DrawMask<V>({Write(place)}, {Invariant.Text(Attributes.Double("p"))}, {Invariant.Text(lowerer.StreamOf(value))}, {CSharpContext.Longs(place.Shape)}, {CSharpContext.Longs(LoopNest.OrderOf(place))});";
        Emit(lowerer.IsDrawnInside(value) ? "if (DrawsLikeEager) " + call : call);
    }

    /// <summary>Initialisers of a kernel's problem for dropout whose mask is an operand: the kernel draws itself, or takes the mask for comparisons with eager code.</summary>
    /// <param name="operand">The operand with the mask.</param>
    /// <exception cref="NoKernelException">There is no seed.</exception>
    public IEnumerable<string> Dropout(int operand)
    {
        RequireSeed();
        int mask = node.Inputs[operand];
        yield return $"Dropout = DrawsLikeEager ? 0 : {PointwiseContext.Number(lowerer.DropoutOf(mask))}";
        yield return $"Kept = DrawsLikeEager ? {Read(lowerer.PlaceOf(mask))} : default";
        yield return "Seed = Seed";
        yield return $"Stream = Stream({Invariant.Text(lowerer.StreamOf(mask))})";
    }

    private void RequireSeed()
    {
        if (!lowerer.IsStep)
        {
            throw new NoKernelException("dropout that is active in inference draws from libtorch's generator");
        }
    }

    /// <summary>Whether the graph is a training step, whose weights change at every call, and not inference.</summary>
    public bool IsStep => lowerer.IsStep;

    /// <summary>The class of a kernel of products, or its form that rounds the operands to bfloat16 where the node is marked so.</summary>
    /// <param name="kernel">Its name.</param>
    public string Product(string kernel) => kernel + (Attributes.Bool(MarkBFloat16.Mark) ? "BFloat16<V>" : "<V>");

    /// <summary>The values of all operands.</summary>
    public EquatableArray<int> Inputs => node.Inputs;

    /// <summary>Memory that belongs to no value.</summary>
    public Place Work(TensorType type) => lowerer.Work(type);

    /// <summary>Memory for another form of an operand.</summary>
    /// <param name="operand">The operand.</param>
    /// <param name="form">What it is called behind the operand's name.</param>
    /// <param name="count">Number of floats.</param>
    public Place FormOf(int operand, string form, Dim count) => lowerer.Work(new TensorType(DType.Float32, new[] { count }), $"{lowerer.NameOf(node.Inputs[operand])}_{form}");

    /// <summary>Keeps places for another operator, such as what a forward pass leaves for its gradient.</summary>
    public void Keep(string key, Place[] places) => lowerer.Kept[key] = places;

    /// <summary>What was kept; null when there is nothing.</summary>
    public Place[]? Kept(string key) => lowerer.Kept.TryGetValue(key, out Place[] places) ? places : null;

    /// <summary>The nodes that read a result.</summary>
    public IReadOnlyList<Node> ReadersOf(int result) => lowerer.ReadersOf(node.Outputs[result]);

    /// <summary>The node that makes a value.</summary>
    public Node ProducerOf(int value) => graph.Nodes.First(producer => producer.Outputs.Contains(value));

    /// <summary>Where a value lies densely in an order of its dimensions; it is copied when it does not.</summary>
    public Place Ordered(int value, EquatableArray<long> order) => lowerer.Ordered(value, order);

    /// <summary>Type of a value.</summary>
    public TensorType TypeOf(int value) => graph.TypeOf(value);

    /// <summary>The value of a result.</summary>
    public int Output(int result) => node.Outputs[result];

    /// <summary>Whether elementwise operators finish the result.</summary>
    public bool HasEpilogue => unit.Pointwise.Count > 0;

    /// <summary>Whether a result has a reader other than one operator.</summary>
    public bool IsReadByOthers(int result, string op) => lowerer.IsReadByOthers(node.Outputs[result], op);

    /// <summary>A place for a result in the order of an operand where that is without gaps, by rows otherwise.</summary>
    public Place ResultLike(int operand, int index = 0)
    {
        EquatableArray<long> order = LoopNest.OrderOf(Operand(operand));
        return Result(index, Operand(operand).IsDense(order) && order.Count == ResultType(index).Rank ? order : Place.Identity(ResultType(index).Rank));
    }

    /// <summary>Copies between places of one shape.</summary>
    public void Copy(Place from, Place to) => lowerer.Copy(from, to, node.Source);

    /// <summary>Lets a result be a view of what is already there.</summary>
    public void SetResult(Place place, int index = 0) => lowerer.SetPlace(node.Outputs[index], place);

    /// <summary>The C# address of a place that is read.</summary>
    public string Read(Place place)
    {
        reads.Add(place);
        return lowerer.Address(place);
    }

    /// <summary>The C# address of a place that is written.</summary>
    public string Write(Place place)
    {
        writes.Add(place);
        return lowerer.Address(place);
    }

    /// <summary>As <see cref="Read"/>, of a place of which the kernel touches only some elements, such as rows of a table.</summary>
    /// <param name="place">The place.</param>
    /// <param name="elements">How many at most.</param>
    public string ReadPart(Place place, Dim elements)
    {
        parts[place] = elements;
        return Read(place);
    }

    /// <summary>Adds the call of the optimizer.</summary>
    public void EmitUpdate(string line) => lowerer.Add(new KernelStatement([line], [], [], Source) { IsUpdate = true, Kernel = "optimizer" });

    /// <summary>The text of an epilogue argument (", new ...") for a result that is a matrix whose rows lie one after another; empty when there is none.</summary>
    /// <param name="columns">Columns of the matrix.</param>
    public string Epilogue(Dim columns)
    {
        string? text = lowerer.Epilogue(unit, node.Outputs[0], columns, reads, writes);
        EpilogueTaken = text is not null;
        return text is null ? "" : ", " + text;
    }

    /// <summary>Whether a place holds what the caller gave, so that it can be looked at before anything is computed.</summary>
    public bool IsInput(Place place) => lowerer.IsInput(place.Buffer);

    /// <summary>Adds a check that runs before everything else, so that a step which is refused has changed nothing.</summary>
    /// <param name="line">A call that throws.</param>
    /// <param name="places">Inputs that it reads.</param>
    public void Check(string line, params Place[] places) => lowerer.AddCheck(new KernelStatement([line], [.. places.Select(static place => place.Buffer)], [], Source) { Kernel = KernelStatement.NameOf(line) });

    /// <summary>Adds calls; what was read and written since the last ones belongs to them.</summary>
    public void Emit(params string[] lines) => Emit(null, null, lines);

    /// <summary>As above, a convolution that may be joined with others.</summary>
    /// <param name="convolution">What it is.</param>
    /// <param name="line">The call.</param>
    public void EmitConvolution(ConvolutionCall convolution, string line) => Emit(null, convolution, [line]);

    /// <summary>As above, where a result may take the place of an operand that nothing reads afterwards.</summary>
    /// <param name="written">The result.</param>
    /// <param name="read">The operand.</param>
    /// <param name="lines">The calls.</param>
    public void EmitInPlace(Place written, Place read, params string[] lines) => Emit(lowerer.Shared(written, read), null, lines);

    private static int[] Buffers(HashSet<Place> places) => [.. places.Select(static place => place.Buffer).Distinct()];

    private void Emit((int Written, int Read)? inPlace, ConvolutionCall? convolution, string[] lines)
    {
        Dim bytes = reads.Concat(writes).Aggregate(Dim.Zero, (sum, place) => sum + lowerer.BytesOf(place, parts.TryGetValue(place, out Dim part) ? part : place.Elements));
        lowerer.Add(new KernelStatement(lines, Buffers(reads), Buffers(writes), node.Source.Length == 0 ? node.Layer : node.Source)
        {
            InPlace = inPlace,
            Convolution = convolution,
            Kernel = KernelStatement.NameOf(lines),
            Bytes = bytes,
        });
        reads.Clear();
        writes.Clear();
        parts.Clear();
    }
}
