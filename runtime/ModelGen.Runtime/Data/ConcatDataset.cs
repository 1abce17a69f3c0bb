namespace ModelGen.Data;

/// <summary>Several data sets one behind the other.</summary>
public sealed class ConcatDataset : Dataset
{
    private readonly Dataset[] parts;
    private readonly int[] ends;

    /// <summary>A data set of others.</summary>
    /// <param name="parts">The others, with fields of the same types and shapes; at least one.</param>
    /// <exception cref="ArgumentException">The fields do not fit.</exception>
    public ConcatDataset(IReadOnlyList<Dataset> parts)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(parts.Count, 1, nameof(parts));
        this.parts = [.. parts];
        ends = new int[parts.Count];
        int end = 0;
        FieldSpec[] first = [.. parts[0].Inputs, parts[0].Target];
        for (int i = 0; i < ends.Length; i++)
        {
            FieldSpec[] fields = [.. parts[i].Inputs, parts[i].Target];
            if (fields.Length != first.Length)
            {
                throw new ArgumentException($"Part {i} has {fields.Length - 1} inputs, part 0 has {first.Length - 1}.", nameof(parts));
            }

            for (int field = 0; field < fields.Length; field++)
            {
                if (!fields[field].Fits(first[field]))
                {
                    throw new ArgumentException($"'{fields[field].Name}' of part {i} is {fields[field].Describe()}, '{first[field].Name}' of part 0 is {first[field].Describe()}.", nameof(parts));
                }
            }

            end = checked(end + parts[i].Count);
            ends[i] = end;
        }
    }

    /// <inheritdoc/>
    public override int Count => ends[^1];

    /// <inheritdoc/>
    public override IReadOnlyList<FieldSpec> Inputs => parts[0].Inputs;

    /// <inheritdoc/>
    public override FieldSpec Target => parts[0].Target;

    /// <inheritdoc/>
    public override void Read(int index, Sample sample)
    {
        (Dataset part, int own) = Find(index);
        part.Read(own, sample);
    }

    /// <inheritdoc/>
    public override int Length(int index)
    {
        (Dataset part, int own) = Find(index);
        return part.Length(own);
    }

    /// <inheritdoc/>
    public override string Describe(int index)
    {
        (Dataset part, int own) = Find(index);
        return $"{part.Describe(own)} of part {Array.IndexOf(parts, part)}";
    }

    private (Dataset Part, int Index) Find(int index)
    {
        int part = 0;
        while (index >= ends[part])
        {
            part++;
        }

        return (parts[part], part == 0 ? index : index - ends[part - 1]);
    }
}
