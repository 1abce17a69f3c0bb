using ModelGen.Compiler.Codegen;
using ModelGen.Compiler.Ir;

namespace ModelGen.Compiler.Lowering;

/// <content>Chains of elementwise operators: loops of their own, or the ends of other kernels.</content>
internal sealed partial class Lowerer
{
    /// <summary>The place of a result that an epilogue finishes: where nothing else reads it, that of the epilogue's first result.</summary>
    public Place AllocateForEpilogue(Unit unit, int value, EquatableArray<long> order)
    {
        if (!IsReadOutside(value, unit) && Outputs(unit).FirstOrDefault(output => graph.TypeOf(output).Equals(graph.TypeOf(value))) is int first and > 0)
        {
            return places[value] = places[first] = NewPlace(first, order);
        }

        return Allocate(value, order);
    }

    /// <summary>The constructor call of an epilogue; null when there is none or it does not fit.</summary>
    public string? Epilogue(Unit unit, int matrix, Dim columns, HashSet<Place> reads, HashSet<Place> writes)
    {
        if (unit.Pointwise.Count == 0)
        {
            return null;
        }

        (List<int> inputs, List<int> outputs) = (Inputs(unit), Outputs(unit));
        EquatableArray<Dim> shape = graph.TypeOf(matrix).Shape;
        Place whole = PlaceOf(matrix);
        int inPlace = outputs.Where(output => places.TryGetValue(output, out Place place) && place.Buffer == whole.Buffer).DefaultIfEmpty(-1).First();
        if (inputs.Any(input => !places.ContainsKey(input)) || outputs.Any(output => !graph.TypeOf(output).Shape.Equals(shape)))
        {
            return null;
        }

        EquatableArray<long> order = LoopNest.OrderOf(whole);
        EquatableArray<Dim> dense = Place.DenseStrides(shape, order);
        List<EquatableArray<Dim>> strides = [.. inputs.Select(input => PlaceOf(input).Expand(shape).Strides), .. outputs.Select(_ => dense)];
        LoopNest loops = LoopNest.Of(shape, order, strides);
        if (!PointwiseKernel.FitsMatrix(loops, columns) || !loops.Strides.All(PointwiseKernel.IsVector))
        {
            return null;
        }

        foreach (int output in outputs.Where(output => output != inPlace))
        {
            Allocate(output, order);
        }

        var kernel = new PointwiseKernel(graph, [.. unit.Pointwise.Select(node => graph.Nodes[node])], ConstantOf, inputs, outputs, loops);
        string name = $"Epilogue{Invariant.Text(++groups)}";
        types.Add(kernel.WriteEpilogue(name, matrix, inPlace));
        reads.UnionWith(inputs.Select(PlaceOf));
        writes.UnionWith(outputs.Select(PlaceOf));
        return Construct(name, kernel);
    }

    private string Construct(string name, PointwiseKernel kernel, Dictionary<int, Place>? at = null) =>
        $"new {name}<V>({string.Join(", ", kernel.Parameters.Select(value => Address(at is null ? PlaceOf(value) : at[value])).Concat(kernel.Symbols))})";

    /// <summary>The values that elementwise nodes of a unit read from elsewhere, numbers aside.</summary>
    private List<int> Inputs(Unit unit)
    {
        HashSet<int> made = [.. unit.Pointwise.SelectMany(node => graph.Nodes[node].Outputs)];
        return [.. unit.Pointwise.SelectMany(node => graph.Nodes[node].Inputs).Where(input => !made.Contains(input) && !constants.ContainsKey(input)).Distinct()];
    }

    /// <summary>The values that elementwise nodes of a unit make and others read.</summary>
    private List<int> Outputs(Unit unit) => [.. unit.Pointwise.SelectMany(node => graph.Nodes[node].Outputs).Where(output => IsReadOutside(output, unit))];

    private bool IsReadOutside(int value, Unit unit) =>
        graph.Outputs.Contains(value) || (readers.TryGetValue(value, out HashSet<int> nodes) && nodes.Any(node => !unit.Pointwise.Contains(node)));

    private void Loop(Unit unit)
    {
        (List<int> inputs, List<int> outputs) = (Inputs(unit), Outputs(unit));
        EquatableArray<Dim> shape = graph.TypeOf(graph.Nodes[unit.Pointwise.Max].Outputs[0]).Shape;
        EquatableArray<long> order = OrderOfLoop(shape, inputs, outputs);
        foreach (int output in outputs.Where(output => !places.ContainsKey(output)))
        {
            Allocate(output, order);
        }

        EquatableArray<Dim>[] strides = [.. inputs.Concat(outputs).Select(value => PlaceOf(value).Expand(shape).Strides)];
        LoopNest loops = LoopNest.Of(shape, order, strides);
        var at = inputs.Concat(outputs).Distinct().ToDictionary(static value => value, PlaceOf);
        for (int i = 0; i < inputs.Count; i++)
        {
            // Vectors need neighbours: what lies across the innermost loop is turned first.
            if (!PointwiseKernel.IsVector(loops.Strides[i]))
            {
                at[inputs[i]] = Turned(inputs[i], shape.Count, order);
                strides[i] = at[inputs[i]].Expand(shape).Strides;
            }
        }

        loops = LoopNest.Of(shape, order, strides);
        Add(unit, inputs, outputs, loops, at);
    }

    /// <summary>The order of the dimensions of a loop: that of a result which has a place, else by rows for gradients of parameters, else that of the first operand of the whole shape.</summary>
    private EquatableArray<long> OrderOfLoop(EquatableArray<Dim> shape, List<int> inputs, List<int> outputs)
    {
        if (outputs.Where(places.ContainsKey).Select(PlaceOf).FirstOrDefault() is Place placed)
        {
            return LoopNest.OrderOf(placed);
        }

        bool byRows = outputs.Any(output => graph.Outputs.Contains(output) || gradientOf.ContainsKey(output));
        Place? reference = byRows ? null : inputs.Where(input => graph.TypeOf(input).Shape.Equals(shape)).Select(PlaceOf).FirstOrDefault(place => place.Strides.Select((stride, axis) => stride.Constant != 0 || shape[axis].Constant == 1).All(static moves => moves));
        return reference is null ? Place.Identity(shape.Count) : LoopNest.OrderOf(reference);
    }

    private void Add(Unit unit, List<int> inputs, List<int> outputs, LoopNest loops, Dictionary<int, Place> at)
    {
        Node[] nodes = [.. unit.Pointwise.Select(node => graph.Nodes[node])];
        var kernel = new PointwiseKernel(graph, nodes, ConstantOf, inputs, outputs, loops);
        string name = $"Loop{Invariant.Text(++groups)}";
        types.Add(kernel.WriteLoop(name, outputs.Any(output => buffers[PlaceOf(output).Buffer].Kind != MemoryKind.Arena)));
        string local = names.Unique("loop" + Invariant.Text(groups));
        Dim rows = loops.Sizes.Take(loops.Sizes.Count - 1).Aggregate(Dim.One, static (product, size) => product * size);
        string run = loops.Sizes.Count == 1
            ? $"Workers.Share(ref {local}, (({loops.Inner.ToCSharp()}) + V.Count - 1) / V.Count, 16384 / V.Count);"
            : $"Workers.Share(ref {local}, {rows.ToCSharp()}, Math.Max(1, 16384 / ({loops.Inner.ToCSharp()})));";
        Node last = nodes[nodes.Length - 1];
        statements.Add(new KernelStatement(
            [$"var {local} = {Construct(name, kernel, at)};", run],
            [.. inputs.Select(input => at[input].Buffer).Distinct()],
            [.. outputs.Select(output => PlaceOf(output).Buffer).Distinct()],
            last.Source.Length == 0 ? last.Layer : last.Source)
        {
            InPlace = Shared(inputs, outputs, at),
            Kernel = string.Join(", ", nodes.Select(static node => node.Op).Distinct()),
            Flops = nodes.Aggregate(Dim.Zero, (sum, node) => sum + LayerTable.Flops(graph, node)),
            Bytes = inputs.Select(input => at[input]).Concat(outputs.Select(PlaceOf)).Distinct().Aggregate(Dim.Zero, (sum, place) => sum + BytesOf(place, place.Elements)),
        });
    }

    /// <summary>An input that an output may replace: same places, whole arena buffers.</summary>
    private (int Written, int Read)? Shared(List<int> inputs, List<int> outputs, Dictionary<int, Place> at)
    {
        foreach (int output in outputs)
        {
            foreach (int input in inputs)
            {
                Place from = at[input];
                if (inputs.All(other => at[other].Buffer != from.Buffer || at[other].Equals(from)) && Shared(at[output], from) is (int, int) both)
                {
                    return both;
                }
            }
        }

        return null;
    }

    /// <summary>The buffers of a result and an operand with the same places, whole arena buffers, so that one may replace the other; null otherwise.</summary>
    public (int Written, int Read)? Shared(Place to, Place from) =>
        to.Buffer > from.Buffer && from.Offset.Constant == 0 && to.Strides.Equals(from.Strides) && to.Shape.Equals(from.Shape)
            && buffers[to.Buffer] is { Kind: MemoryKind.Arena } written && buffers[from.Buffer] is { Kind: MemoryKind.Arena } read
            && written.Count.Equals(read.Count) && read.DType != DType.Int64
                ? (to.Buffer, from.Buffer)
                : null;

    /// <summary>A value whose elements lie in the order of the loops over a shape of at least its dimensions.</summary>
    private Place Turned(int value, int rank, EquatableArray<long> order)
    {
        int added = rank - PlaceOf(value).Shape.Count;
        return Ordered(value, order.Where(axis => axis >= added).Select(axis => axis - added).ToEquatableArray());
    }
}
