using ModelGen.Compiler.Ir;

namespace ModelGen.Compiler.FrontEnd;

/// <summary>Values by TorchSharp's parameter names: settings of a layer, or arguments of a call.</summary>
internal class Arguments(IReadOnlyDictionary<string, object?> values)
{
    public object? this[string name] => values.TryGetValue(name, out object? value) ? value : null;

    public bool Has(string name) => values.ContainsKey(name);

    /// <summary>Names of the values that are not null.</summary>
    public IEnumerable<string> Given => values.Where(static pair => pair.Value is not null).Select(static pair => pair.Key);

    public object? Any(params string[] names)
    {
        foreach (string name in names)
        {
            if (this[name] is { } value)
            {
                return value;
            }
        }

        return null;
    }

    public bool Flag(string name, bool otherwise = false) => this[name] switch
    {
        null => otherwise,
        bool value => value,
        _ => throw new Ops.UnsupportedException($"argument '{name}' must be known during the build"),
    };

    public double Number(string name, double otherwise) => this[name] is null ? otherwise : ToDouble(name, this[name]);

    public double Number(string name) => ToDouble(name, this[name]);

    public long Int(string name, long otherwise) => this[name] is null ? otherwise : ToInt(name, this[name]);

    /// <summary>Several whole numbers, one for all of them, or the default where nothing is given.</summary>
    public long[] Ints(int count, long[] otherwise, params string[] names)
    {
        object? value = Any(names);
        if (value is null)
        {
            return otherwise;
        }

        Dim[] dims = ToDims(names[0], value);
        long[] known = [.. dims.Select(dim => ToInt(names[0], dim))];
        return known.Length == count ? known
            : known.Length == 1 ? [.. Enumerable.Repeat(known[0], count)]
            : throw new Ops.OpException($"argument '{names[0]}' needs {Invariant.Text(count)} numbers, got {Invariant.Text(known.Length)}");
    }

    private static Dim[] ToDims(string name, object? value) => value switch
    {
        Dim dim => [dim],
        SymList list => [.. list.Items.Select(item => item as Dim ?? throw new Ops.UnsupportedException($"argument '{name}' must hold whole numbers"))],
        _ => throw new Ops.UnsupportedException($"argument '{name}' must be a whole number or several, known during the build"),
    };

    protected static long ToInt(string name, object? value) => value is Dim { Constant: long number }
        ? number
        : throw new Ops.UnsupportedException($"argument '{name}' must be a whole number known during the build{(value is Dim dim ? $", not the symbolic size {dim}" : "")}");

    private static double ToDouble(string name, object? value) => value switch
    {
        double number => number,
        Dim { Constant: long whole } => whole,
        _ => throw new Ops.UnsupportedException($"argument '{name}' must be a number known during the build"),
    };

    /// <summary>Resolved axes: a number or several, possibly negative.</summary>
    public long[] Axes(TensorType type, string op, object? value) =>
        [.. ToDims("dim", value).Select(dim => Ops.OpContext.Axis(op, ToInt("dim", dim), type.Rank)).Distinct().OrderBy(static axis => axis)];

    public Dim[] Dims(params string[] names) => ToDims(names[0], Any(names));
}

/// <summary>The arguments of a call that the evaluator met, and the graph to write to.</summary>
internal sealed class CallArguments(GraphBuilder graph, IReadOnlyDictionary<string, object?> values)
    : Arguments(values)
{
    private static readonly string[] FirstNames = ["this", "input", "x", "left", "dividend", "tensor", "query", "a"];

    public GraphBuilder Graph => graph;

    /// <summary>The first tensor: the receiver of a method or the first parameter of a function.</summary>
    public int Self
    {
        get
        {
            foreach (string name in FirstNames)
            {
                if (this[name] is SymTensor tensor)
                {
                    return tensor.Id;
                }
            }

            throw new Ops.OpException("its first argument is not a tensor that the compiler can follow");
        }
    }

    public int Tensor(params string[] names) =>
        Any(names) is SymTensor tensor ? tensor.Id : throw new Ops.OpException($"argument '{names[0]}' is not a tensor that the compiler can follow");

    public int OptionalTensor(string name) => this[name] switch
    {
        null => -1,
        SymTensor tensor => tensor.Id,
        _ => throw new Ops.OpException($"argument '{name}' is not a tensor that the compiler can follow"),
    };
}
