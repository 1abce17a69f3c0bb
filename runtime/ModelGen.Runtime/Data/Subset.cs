namespace ModelGen.Data;

/// <summary>Some samples of another data set.</summary>
public sealed class Subset : Dataset
{
    private readonly Dataset source;
    private readonly int[] indices;

    /// <summary>A subset.</summary>
    /// <param name="source">The other data set.</param>
    /// <param name="indices">Its samples, in the order of this one.</param>
    /// <exception cref="ArgumentOutOfRangeException">The other data set has no such sample.</exception>
    public Subset(Dataset source, int[] indices)
    {
        foreach (int index in indices)
        {
            ArgumentOutOfRangeException.ThrowIfNegative(index, nameof(indices));
            ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(index, source.Count, nameof(indices));
        }

        (this.source, this.indices) = (source, indices);
    }

    /// <inheritdoc/>
    public override int Count => indices.Length;

    /// <inheritdoc/>
    public override IReadOnlyList<FieldSpec> Inputs => source.Inputs;

    /// <inheritdoc/>
    public override FieldSpec Target => source.Target;

    /// <inheritdoc/>
    public override void Read(int index, Sample sample) => source.Read(indices[index], sample);

    /// <inheritdoc/>
    public override int Length(int index) => source.Length(indices[index]);

    /// <inheritdoc/>
    public override string Describe(int index) => source.Describe(indices[index]);
}
