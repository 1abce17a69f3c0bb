using ModelGen.Compiler.Codegen;
using ModelGen.Compiler.Ir;
using ModelGen.Compiler.Ops;

namespace ModelGen.Compiler.Lowering;

/// <summary>Writes the loop of a chain of elementwise operators as a C# struct, alone or as the epilogue of another kernel.</summary>
internal sealed class PointwiseKernel
{
    private readonly Graph graph;
    private readonly IReadOnlyList<Node> nodes;
    private readonly Func<int, double?> constantOf;
    private readonly IReadOnlyList<int> inputs;
    private readonly IReadOnlyList<int> outputs;
    private readonly LoopNest loops;
    private readonly Dictionary<int, string> fields = [];
    private readonly Dictionary<int, string> locals = [];
    private readonly NameAllocator names = new("V", "Floats", "from", "to", "end", "inner", "worker", "row", "i", "tile", "stride", "rows", "column", "columns", "lanes", "VectorMath", "LaneMath", "Workers");
    private readonly SortedSet<string> symbols = new(StringComparer.Ordinal);

    /// <summary>Prepares a kernel.</summary>
    /// <param name="graph">The graph.</param>
    /// <param name="nodes">Elementwise nodes in order.</param>
    /// <param name="constantOf">Number of a value that is known during the build.</param>
    /// <param name="inputs">Values that are read, then</param>
    /// <param name="outputs">values that are written: both in the order of the strides of the loops.</param>
    /// <param name="loops">The loops over all of them.</param>
    public PointwiseKernel(Graph graph, IReadOnlyList<Node> nodes, Func<int, double?> constantOf, IReadOnlyList<int> inputs, IReadOnlyList<int> outputs, LoopNest loops)
    {
        this.graph = graph;
        this.nodes = nodes;
        this.constantOf = constantOf;
        this.inputs = inputs;
        this.outputs = outputs;
        this.loops = loops;
        foreach (int value in inputs.Concat(outputs).Distinct())
        {
            fields[value] = names.Unique(graph.Values[value].Name.Length > 0 ? graph.Values[value].Name : graph.Values[value].Kind == ValueKind.Intermediate ? "v" : "x");
        }
    }

    /// <summary>Named sizes that the kernel takes after its tensors.</summary>
    public IReadOnlyCollection<string> Symbols => symbols;

    /// <summary>Whether the kernel can be the epilogue of a matrix: two loops at most, and contiguous columns.</summary>
    public static bool FitsMatrix(LoopNest loops, Dim columns) => loops.Sizes.Count == 1 || (loops.Sizes.Count == 2 && loops.Inner.Equals(columns));

    /// <summary>Whether all tensors are contiguous, or repeat, in the innermost loop.</summary>
    public static bool IsVector(IReadOnlyList<Dim> strides) => strides[strides.Count - 1].Constant is 0 or 1;

    /// <summary>A struct that runs over ranges: of vectors when there is one loop, else of rows.</summary>
    /// <param name="name">Name of the struct.</param>
    /// <param name="exact">Whether memory behind the end of the outputs must stay as it is.</param>
    public string WriteLoop(string name, bool exact)
    {
        var body = new IndentedWriter();
        bool flat = loops.Sizes.Count == 1;
        using (body.Braces("public void Run(nint from, nint to, int worker)"))
        {
            if (flat)
            {
                bool tail = exact && !IsWhole(loops.Inner);
                if (tail)
                {
                    Note(loops.Inner);
                }

                body.Line($"nint end = {(tail ? $"Math.Min(to * V.Count, ({loops.Inner.ToCSharp()}) / V.Count * V.Count)" : "to * V.Count")};");
                using (body.Braces("for (nint i = from * V.Count; i < end; i += V.Count)"))
                {
                    WriteVector(body, static (_, field, repeats) => repeats ? $"V.All({field}[0])" : $"{field}.Load<V>(i)", static (field, value) => $"{field}.Store(i, {value});");
                }

                if (tail)
                {
                    using (body.Braces($"if (end < to * V.Count && end < {loops.Inner.ToCSharp()})"))
                    {
                        body.Line($"int lanes = (int)({loops.Inner.ToCSharp()} - end);");
                        WriteVector(body, static (_, field, repeats) => repeats ? $"V.All({field}[0])" : $"{field}.Load<V>(end)", static (field, value) => $"{field}.StoreFirst(end, {value}, lanes);");
                    }
                }
            }
            else
            {
                using (body.Braces("for (nint row = from; row < to; row++)"))
                {
                    WriteRow(body);
                }
            }
        }

        return Struct(name, "IRange", body.ToString());
    }

    /// <summary>A struct that finishes tiles of a matrix, which holds the first input and is given the first output.</summary>
    /// <param name="name">Name of the struct.</param>
    /// <param name="matrix">The value that the matrix holds.</param>
    /// <param name="inPlace">The output that replaces it; -1 when the matrix keeps its numbers.</param>
    public string WriteEpilogue(string name, int matrix, int inPlace)
    {
        var body = new IndentedWriter();
        fields.Remove(matrix);
        fields.Remove(inPlace);
        using (body.Braces("public void Run(Floats tile, nint stride, nint row, nint rows, nint column, nint columns)"))
        using (body.Braces("for (nint end = row + rows; row < end; row++)"))
        {
            foreach (int value in inputs.Concat(outputs).Distinct().Where(value => value != matrix && value != inPlace && !IsScalar(value)))
            {
                IReadOnlyList<Dim> strides = StridesOf(value);
                string offset = strides.Count == 1 ? $"(row * {RowOf(strides)})" : Product("row", Note(strides[0]));
                body.Line($"Floats {Row(value)} = {fields[value]}{(offset.Length == 0 ? "" : " + " + offset)};");
            }

            body.Line("nint i = 0;");
            using (body.Braces("for (; i + V.Count <= columns; i += V.Count)"))
            {
                Column(body, static (target, value) => $"{target}.Store(i, {value});", static (target, value) => $"{target}.Store(column + i, {value});");
            }

            body.Line();
            using (body.Braces("if (i < columns)"))
            {
                body.Line("int lanes = (int)(columns - i);");
                Column(body, static (target, value) => $"{target}.StoreFirst(i, {value}, lanes);", static (target, value) => $"{target}.StoreFirst(column + i, {value}, lanes);");
            }

            body.Line();
            body.Line("tile += stride;");
        }

        return Struct(name, "ITileEpilogue", body.ToString());

        string RowOf(IReadOnlyList<Dim> strides) => strides[0].Constant == 0 ? "0" : "stride";

        void Column(IndentedWriter writer, Func<string, string, string> storeTile, Func<string, string, string> store)
        {
            locals.Clear();
            foreach (int value in inputs)
            {
                string load = value == matrix ? "tile.Load<V>(i)"
                    : IsScalar(value) ? $"V.All({fields[value]}[0])"
                    : StridesOf(value)[StridesOf(value).Count - 1].Constant == 0 ? $"V.All({Row(value)}[0])"
                    : $"{Row(value)}.Load<V>(column + i)";
                Load(writer, value, load);
            }

            Compute(writer);
            foreach (int value in outputs)
            {
                writer.Line(value == inPlace ? storeTile("tile", Stored(value)) : store(Row(value), Stored(value)));
            }
        }
    }

    private static bool IsWhole(Dim size) => size.Constant is long number && number % 16 == 0;

    private static string Product(string index, Dim stride) => stride.Constant switch
    {
        0 => "",
        1 => index,
        _ => $"({index} * ({stride.ToCSharp()}))",
    };

    private bool IsScalar(int value) => StridesOf(value).All(static stride => stride.Constant == 0);

    private IReadOnlyList<Dim> StridesOf(int value)
    {
        int index = inputs.ToList().IndexOf(value);
        return loops.Strides[index >= 0 ? index : inputs.Count + outputs.ToList().IndexOf(value)];
    }

    private string Row(int value) => "row_" + fields[value].TrimStart('@');

    private void WriteRow(IndentedWriter writer)
    {
        // The number of the row, taken apart into the outer loops.
        string rest = "row";
        var indices = new string[loops.Sizes.Count - 1];
        for (int i = indices.Length - 1; i > 0; i--)
        {
            indices[i] = names.Unique("at");
            Note(loops.Sizes[i]);
            writer.Line($"nint {indices[i]} = {rest} % ({loops.Sizes[i].ToCSharp()});");
            string next = names.Unique("rest");
            writer.Line($"nint {next} = {rest} / ({loops.Sizes[i].ToCSharp()});");
            rest = next;
        }

        indices[0] = rest;
        foreach (int value in inputs.Concat(outputs).Distinct().Where(value => !IsScalar(value)))
        {
            IReadOnlyList<Dim> strides = StridesOf(value);
            string offset = string.Join(" + ", indices.Select((index, i) => Product(index, Note(strides[i]))).Where(static term => term.Length > 0));
            writer.Line($"Floats {Row(value)} = {fields[value]}{(offset.Length == 0 ? "" : $" + ({offset})")};");
        }

        Note(loops.Inner);
        string Load(int value, string field, bool repeats) => IsScalar(value) ? $"V.All({field}[0])" : repeats ? $"V.All({Row(value)}[0])" : $"{Row(value)}.Load<V>(i)";
        if (IsWhole(loops.Inner))
        {
            using (writer.Braces($"for (nint i = 0; i < {loops.Inner.ToCSharp()}; i += V.Count)"))
            {
                WriteVector(writer, Load, static (field, value) => $"row_{field.TrimStart('@')}.Store(i, {value});");
            }

            return;
        }

        writer.Line($"nint inner = {loops.Inner.ToCSharp()};");
        writer.Line("nint i = 0;");
        using (writer.Braces("for (; i + V.Count <= inner; i += V.Count)"))
        {
            WriteVector(writer, Load, static (field, value) => $"row_{field.TrimStart('@')}.Store(i, {value});");
        }

        writer.Line();
        using (writer.Braces("if (i < inner)"))
        {
            writer.Line("int lanes = (int)(inner - i);");
            WriteVector(writer, Load, static (field, value) => $"row_{field.TrimStart('@')}.StoreFirst(i, {value}, lanes);");
        }
    }

    private Dim Note(Dim dim)
    {
        symbols.UnionWith(dim.Symbols());
        return dim;
    }

    private void WriteVector(IndentedWriter writer, Func<int, string, bool, string> load, Func<string, string, string> store)
    {
        locals.Clear();
        foreach (int value in inputs)
        {
            IReadOnlyList<Dim> strides = StridesOf(value);
            Load(writer, value, load(value, fields[value], strides[strides.Count - 1].Constant == 0));
        }

        Compute(writer);
        foreach (int value in outputs)
        {
            writer.Line(store(fields[value], Stored(value)));
        }
    }

    private void Load(IndentedWriter writer, int value, string vector)
    {
        locals[value] = "v" + Invariant.Text(value);
        writer.Line($"V {locals[value]} = {(graph.TypeOf(value).DType == DType.Bool ? $"~V.Equal({vector}, V.Zero)" : vector)};");
    }

    private void Compute(IndentedWriter writer)
    {
        foreach (Node node in nodes)
        {
            int output = node.Outputs[0];
            foreach (Dim size in node.Op == "divide_by_size" ? node.Attributes.Dims("size") : default)
            {
                Note(size);
            }

            string text = OpRegistry.Get(node.Op).Pointwise!(new PointwiseContext(graph, node, Operand));
            locals[output] = "v" + Invariant.Text(output);
            writer.Line($"V {locals[output]} = {text};");
        }
    }

    private string Operand(int value) => constantOf(value) is double number
        ? graph.TypeOf(value).DType == DType.Bool ? (number == 0 ? "V.Zero" : "~V.Zero") : PointwiseContext.All(number)
        : locals[value];

    /// <summary>What is written for a value: booleans as 0 and 1.</summary>
    private string Stored(int value) => graph.TypeOf(value).DType == DType.Bool ? $"({locals[value]} & V.All(1f))" : locals[value];

    private string Struct(string name, string kind, string body)
    {
        var writer = new IndentedWriter();
        IEnumerable<string> parameters = fields.Values.Select(static field => "Floats " + field).Concat(symbols.Select(static symbol => "nint " + symbol));
        writer.Line($"/// <summary>{string.Join(", ", nodes.Select(static node => node.Op))}</summary>");
        using (writer.Braces($"file readonly struct {name}<V>({string.Join(", ", parameters)}) : {kind}\n    where V : unmanaged, IVector<V>"))
        {
            // Inlined, a long expression would use up what the JIT inlines into the product around it, and its last vector operations would stay calls.
            writer.Line("[MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]");
            writer.Line(body.TrimEnd('\n'));
        }

        return writer.ToString();
    }

    /// <summary>The values whose addresses the struct takes, in order.</summary>
    public IEnumerable<int> Parameters => fields.Keys;
}
