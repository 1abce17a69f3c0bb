namespace ModelGen.Data;

/// <summary>The first records of a stream's pass 1, in every pass.</summary>
internal sealed class StreamStart(StreamingDataset data, long count) : StreamingDataset
{
    public override IReadOnlyList<FieldSpec> Inputs => data.Inputs;

    public override FieldSpec Target => data.Target;

    internal override IEnumerable<object?> OpenRecords(int epoch, long first)
    {
        long left = count - first;
        if (left <= 0)
        {
            yield break;
        }

        foreach (object? record in data.OpenRecords(1, first))
        {
            yield return record;
            if (--left == 0)
            {
                yield break;
            }
        }
    }

    internal override void ReadRecord(object? record, Sample sample) => data.ReadRecord(record, sample);

    internal override int RecordLength(object? record) => data.RecordLength(record);
}
