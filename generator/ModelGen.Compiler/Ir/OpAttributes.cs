namespace ModelGen.Compiler.Ir;

/// <summary>The constant settings of a node (stride, axis, epsilon ...), sorted by name, with structural equality.</summary>
internal sealed class OpAttributes : IEquatable<OpAttributes>
{
    private readonly EquatableArray<KeyValuePair<string, object>> entries;

    private OpAttributes(IEnumerable<KeyValuePair<string, object>> entries) =>
        this.entries = entries.OrderBy(static entry => entry.Key, StringComparer.Ordinal).ToEquatableArray();

    public static OpAttributes None { get; } = new([]);

    public IReadOnlyList<KeyValuePair<string, object>> Entries => entries;

    /// <summary>Attributes from name and value pairs; values are long, double, bool, string, <see cref="DType"/>, or an array of long, double or <see cref="Dim"/>.</summary>
    public static OpAttributes Of(params (string Name, object Value)[] entries) =>
        new(entries.Select(static entry => new KeyValuePair<string, object>(entry.Name, Normalize(entry.Value))));

    public OpAttributes With(string name, object value) =>
        new(entries.Where(entry => entry.Key != name).Append(new KeyValuePair<string, object>(name, Normalize(value))));

    public long Int(string name) => (long)Get(name);

    public long IntOr(string name, long otherwise) => TryGet(name, out object value) ? (long)value : otherwise;

    public double Double(string name) => (double)Get(name);

    public bool Has(string name) => TryGet(name, out _);

    public bool Bool(string name) => TryGet(name, out object value) && (bool)value;

    public string String(string name) => (string)Get(name);

    public DType DType(string name) => (DType)Get(name);

    public EquatableArray<long> Ints(string name) => (EquatableArray<long>)Get(name);

    public EquatableArray<double> Doubles(string name) => (EquatableArray<double>)Get(name);

    public EquatableArray<Dim> Dims(string name) => (EquatableArray<Dim>)Get(name);

    public bool Equals(OpAttributes? other) => other is not null && entries.Equals(other.entries);

    public override bool Equals(object? obj) => Equals(obj as OpAttributes);

    public override int GetHashCode() => entries.GetHashCode();

    public override string ToString() => string.Join(", ", entries.Select(static entry => entry.Key + "=" + Show(entry.Value)));

    private static object Normalize(object value) => value switch
    {
        int number => (long)number,
        long[] array => (EquatableArray<long>)array,
        Dim[] array => (EquatableArray<Dim>)array,
        double[] array => (EquatableArray<double>)array,
        _ => value,
    };

    private static string Show(object value) => value switch
    {
        long number => Invariant.Text(number),
        double number => Invariant.Text(number),
        bool flag => Invariant.Text(flag),
        DType type => type.Short(),
        _ => value.ToString(),
    };

    private object Get(string name) => TryGet(name, out object value) ? value : throw new KeyNotFoundException($"No attribute '{name}' in {{{this}}}.");

    private bool TryGet(string name, out object value)
    {
        foreach (KeyValuePair<string, object> entry in entries)
        {
            if (entry.Key == name)
            {
                value = entry.Value;
                return true;
            }
        }

        value = false;
        return false;
    }
}
