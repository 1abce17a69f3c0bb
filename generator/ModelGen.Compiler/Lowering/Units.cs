using ModelGen.Compiler.Ir;
using ModelGen.Compiler.Ops;

namespace ModelGen.Compiler.Lowering;

/// <summary>
/// Nodes that run together: a chain of elementwise operators in one loop, or an operator with the elementwise operators that finish its result.
/// </summary>
internal sealed class Unit(int index)
{
    /// <summary>Number of the unit.</summary>
    public int Index => index;

    /// <summary>The operator whose result the others finish; null for elementwise operators alone.</summary>
    public int? Anchor { get; set; }

    /// <summary>Elementwise nodes in order.</summary>
    public SortedSet<int> Pointwise { get; } = [];

    public IEnumerable<int> Nodes => Anchor is int anchor ? Pointwise.Prepend(anchor) : Pointwise;

    public int First => Anchor is not int anchor ? Pointwise.Min : Pointwise.Count == 0 ? anchor : Math.Min(anchor, Pointwise.Min);

    public int Last => Anchor is not int anchor ? Pointwise.Max : Pointwise.Count == 0 ? anchor : Math.Max(anchor, Pointwise.Max);
}

/// <summary>
/// Groups the nodes of a graph into units. Elementwise nodes of one shape join the units that make their operands unless something outside would have to run in between
/// (as in the fusion of XLA and TVM, with explicit tests for cycles).
/// </summary>
internal sealed class Units
{
    private const int MostNodes = 32;

    /// <summary>Stands for the random generator among the states that nodes change.</summary>
    private const int Generator = -1;

    private readonly Graph graph;
    private readonly int[] producer;
    private readonly Unit?[] unitOf;

    /// <summary>Of each node those that must have run before it.</summary>
    private readonly int[][] before;

    private Units(Graph graph)
    {
        this.graph = graph;
        producer = new int[graph.Values.Count];
        unitOf = new Unit?[graph.Nodes.Count];
        for (int i = 0; i < producer.Length; i++)
        {
            producer[i] = -1;
        }

        for (int i = 0; i < graph.Nodes.Count; i++)
        {
            foreach (int output in graph.Nodes[i].Outputs)
            {
                producer[output] = i;
            }
        }

        // Running statistics that several calls of a layer update are updated, and read, in the order of the calls; random numbers are drawn in the order of the code.
        HashSet<int> states = [.. graph.Nodes.Where(static node => OpRegistry.Get(node.Op).HasSideEffect).SelectMany(static node => node.Inputs).Where(input => input >= 0 && graph.Values[input].Kind == ValueKind.Buffer)];
        var lastUse = new Dictionary<int, int>();
        before = new int[graph.Nodes.Count][];
        for (int i = 0; i < graph.Nodes.Count; i++)
        {
            Node node = graph.Nodes[i];
            var earlierNodes = new HashSet<int>(node.Inputs.Where(input => input >= 0 && producer[input] >= 0).Select(input => producer[input]));
            bool draws = OpRegistry.Get(node.Op).HasSideEffect && node.Outputs.Count > 0 && !node.Inputs.Any(states.Contains);
            foreach (int state in draws ? [Generator] : node.Inputs.Where(states.Contains).Distinct())
            {
                if (lastUse.TryGetValue(state, out int earlier))
                {
                    earlierNodes.Add(earlier);
                }

                lastUse[state] = i;
            }

            before[i] = [.. earlierNodes];
        }
    }

    /// <summary>The units in an order in which they can run.</summary>
    public static IReadOnlyList<Unit> Of(Graph graph)
    {
        var units = new Units(graph);
        units.Group();
        units.TakeEpilogues();
        return units.Ordered();
    }

    private bool IsPointwise(Node node) => node.Op != "constant" && PointwiseContext.Applies(graph, node);

    private void Group()
    {
        for (int i = 0; i < graph.Nodes.Count; i++)
        {
            Node node = graph.Nodes[i];
            if (!IsPointwise(node))
            {
                unitOf[i] = new Unit(i) { Anchor = i };
                continue;
            }

            var unit = new Unit(i);
            unit.Pointwise.Add(i);
            unitOf[i] = unit;
            foreach (int input in node.Inputs.Where(input => input >= 0 && producer[input] >= 0).Distinct())
            {
                Unit other = unitOf[producer[input]]!;
                Unit own = unitOf[i]!;
                if (other != own && other.Anchor is null && Shape(other).Equals(Shape(own)) && other.Pointwise.Count + own.Pointwise.Count <= MostNodes && !MakesCycle(other, own))
                {
                    Merge(other, own);
                }
            }
        }
    }

    private EquatableArray<Dim> Shape(Unit unit) => graph.TypeOf(graph.Nodes[unit.Pointwise.Max].Outputs[0]).Shape;

    private void Merge(Unit into, Unit unit)
    {
        foreach (int node in unit.Pointwise)
        {
            into.Pointwise.Add(node);
            unitOf[node] = into;
        }
    }

    /// <summary>An operator that can finish its result takes the elementwise unit that reads it.</summary>
    private void TakeEpilogues()
    {
        foreach (Unit unit in unitOf.OfType<Unit>().Where(static unit => unit.Anchor is null).Distinct().OrderBy(static unit => unit.First).ToList())
        {
            foreach (int value in unit.Pointwise.SelectMany(node => graph.Nodes[node].Inputs).Where(input => input >= 0 && producer[input] >= 0).Distinct())
            {
                Unit other = unitOf[producer[value]]!;
                if (other.Anchor is int anchor && other.Pointwise.Count == 0 && OpRegistry.Get(graph.Nodes[anchor].Op).TakesEpilogue
                    && graph.TypeOf(value).Shape.Equals(Shape(unit)) && !MakesCycle(other, unit))
                {
                    Merge(other, unit);
                    break;
                }
            }
        }
    }

    /// <summary>Whether one of two units depends on the other by way of a third.</summary>
    private bool MakesCycle(Unit a, Unit b)
    {
        int first = Math.Min(a.First, b.First);
        var seen = new HashSet<Unit> { a, b };
        var open = new Stack<Unit>();
        void Push(Unit unit, bool isStart)
        {
            foreach (int node in unit.Nodes)
            {
                foreach (int earlier in before[node])
                {
                    if (unitOf[earlier] is not Unit unitBefore)
                    {
                        continue;
                    }

                    if (unitBefore == a || unitBefore == b)
                    {
                        cycle |= !isStart;
                    }
                    else if (unitBefore.Last > first && seen.Add(unitBefore))
                    {
                        open.Push(unitBefore);
                    }
                }
            }
        }

        cycle = false;
        Push(a, isStart: true);
        Push(b, isStart: true);
        while (!cycle && open.Count > 0)
        {
            Push(open.Pop(), isStart: false);
        }

        return cycle;
    }

    private bool cycle;

    private IReadOnlyList<Unit> Ordered()
    {
        List<Unit> all = [.. unitOf.OfType<Unit>().Distinct()];
        var waiting = all.ToDictionary(static unit => unit, unit => new HashSet<Unit>(unit.Nodes.SelectMany(node => before[node]).Select(earlier => unitOf[earlier]!).Where(other => other != unit)));
        var readers = new Dictionary<Unit, List<Unit>>();
        var ready = new SortedDictionary<int, Unit>();
        foreach (Unit unit in all)
        {
            foreach (Unit other in waiting[unit])
            {
                if (!readers.TryGetValue(other, out List<Unit> list))
                {
                    readers.Add(other, list = []);
                }

                list.Add(unit);
            }

            if (waiting[unit].Count == 0)
            {
                ready.Add(unit.Last, unit);
            }
        }

        var order = new List<Unit>();
        while (ready.Count > 0)
        {
            KeyValuePair<int, Unit> next = ready.First();
            ready.Remove(next.Key);
            order.Add(next.Value);
            foreach (Unit reader in readers.TryGetValue(next.Value, out List<Unit> list) ? list : [])
            {
                waiting[reader].Remove(next.Value);
                if (waiting[reader].Count == 0)
                {
                    ready.Add(reader.Last, reader);
                }
            }
        }

        return order.Count == all.Count ? order : throw new InvalidOperationException("the units of a graph depend on each other in a circle");
    }
}
