namespace ModelGen.Data;

/// <summary>
/// Where a data set writes one sample: memory of the batch itself, with what an earlier batch left in it, so every element must be written. Valid during the call only.
/// </summary>
public sealed unsafe class Sample
{
    private readonly FieldSpec[] fields;
    private readonly nint[] addresses;

    /// <summary>A place for samples of a data set; <paramref name="fields"/> are its inputs and then its target.</summary>
    internal Sample(FieldSpec[] fields)
    {
        this.fields = fields;
        addresses = new nint[fields.Length];
    }

    /// <summary>Random numbers of this sample: the same for a seed, an epoch and a place in it, whichever worker asks.</summary>
    public RandomStream Random { get; } = new(0);

    /// <summary>Positions of this sample in its fields of varying length; 0 where there are none.</summary>
    public int Length { get; private set; }

    /// <summary>Memory of an input.</summary>
    /// <typeparam name="T">float, long or bool, as the field's type is.</typeparam>
    /// <param name="field">Number of the input.</param>
    /// <returns>Its elements, row-major.</returns>
    /// <exception cref="ArgumentException">The field has another type.</exception>
    public Span<T> Input<T>(int field = 0)
        where T : unmanaged
    {
        ArgumentOutOfRangeException.ThrowIfNegative(field);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(field, fields.Length - 1);
        return Elements<T>(field);
    }

    /// <summary>Memory of the target.</summary>
    /// <typeparam name="T">float, long or bool, as the target's type is.</typeparam>
    /// <returns>Its elements, row-major.</returns>
    /// <exception cref="ArgumentException">The target has another type.</exception>
    public Span<T> Target<T>()
        where T : unmanaged => Elements<T>(fields.Length - 1);

    /// <summary>Memory of an input, or of the target behind them, as bytes.</summary>
    internal Span<byte> Bytes(int field) => new((void*)addresses[field], Elements(field) * fields[field].ElementBytes);

    internal void Place(int field, nint address) => addresses[field] = address;

    internal void SetLength(int length) => Length = length;

    private int Elements(int field) => fields[field].IsVariable ? checked(fields[field].Count * Length) : fields[field].Count;

    private Span<T> Elements<T>(int field)
        where T : unmanaged
    {
        FieldSpec spec = fields[field];
        Type type = spec.Type switch { ElementType.Float32 => typeof(float), ElementType.Int64 => typeof(long), _ => typeof(bool) };
        return typeof(T) == type
            ? new Span<T>((void*)addresses[field], Elements(field))
            : throw new ArgumentException($"The field '{spec.Name}' holds {type.Name}, not {typeof(T).Name}.");
    }
}
