namespace ModelGen.Data;

/// <summary>Changes a whole batch after its samples were written. Workers call it in parallel for different batches.</summary>
public abstract class BatchTransform
{
    /// <summary>The target that batches have afterwards.</summary>
    /// <param name="inputs">The inputs.</param>
    /// <param name="target">The target before.</param>
    /// <returns>The target after; <paramref name="target"/> itself where it stays in place.</returns>
    /// <exception cref="ArgumentException">The transform does not fit these fields.</exception>
    public virtual FieldSpec Check(IReadOnlyList<FieldSpec> inputs, FieldSpec target) => target;

    /// <summary>Changes a batch in place.</summary>
    /// <param name="batch">The batch.</param>
    /// <param name="random">Random numbers of this batch: the same for a seed, an epoch and a batch.</param>
    public abstract void Apply(BatchMemory batch, RandomStream random);
}

/// <summary>Memory of a batch for a <see cref="BatchTransform"/>. Valid during the call only.</summary>
public sealed class BatchMemory
{
    private readonly FieldSpec[] fields;
    private readonly nint[] addresses;
    private readonly FieldSpec newTarget;
    private readonly nint newTargetAddress;
    private readonly int length;

    internal BatchMemory(FieldSpec[] fields, nint[] addresses, FieldSpec newTarget, nint newTargetAddress, int count, int length)
    {
        (this.fields, this.addresses, this.newTarget, this.newTargetAddress, Count, this.length) = (fields, addresses, newTarget, newTargetAddress, count, length);
    }

    /// <summary>Samples of the batch.</summary>
    public int Count { get; }

    /// <summary>The inputs.</summary>
    public ReadOnlySpan<FieldSpec> Inputs => fields.AsSpan(..^1);

    /// <summary>Memory of an input.</summary>
    /// <typeparam name="T">The element type: float, long or bool.</typeparam>
    /// <param name="field">Number of the input.</param>
    /// <returns>All its elements, sample after sample.</returns>
    public Span<T> Input<T>(int field = 0)
        where T : unmanaged => Elements<T>(fields[field], addresses[field]);

    /// <summary>Memory of the target as it was before.</summary>
    /// <typeparam name="T">The element type: float, long or bool.</typeparam>
    /// <returns>All its elements, sample after sample.</returns>
    public Span<T> Target<T>()
        where T : unmanaged => Elements<T>(fields[^1], addresses[fields.Length - 1]);

    /// <summary>Memory of the target as it is afterwards; the same memory where the transform keeps the target.</summary>
    /// <typeparam name="T">The element type: float, long or bool.</typeparam>
    /// <returns>All its elements, sample after sample.</returns>
    public Span<T> NewTarget<T>()
        where T : unmanaged => Elements<T>(newTarget, newTargetAddress);

    private unsafe Span<T> Elements<T>(FieldSpec field, nint address)
        where T : unmanaged
    {
        Type type = field.Type switch { ElementType.Float32 => typeof(float), ElementType.Int64 => typeof(long), _ => typeof(bool) };
        return typeof(T) == type
            ? new Span<T>((void*)address, checked(Count * field.Count * (field.IsVariable ? length : 1)))
            : throw new ArgumentException($"The field '{field.Name}' holds {type.Name}, not {typeof(T).Name}.");
    }
}
