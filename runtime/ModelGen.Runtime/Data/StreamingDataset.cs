namespace ModelGen.Data;

/// <summary>
/// A data set that is read from front to back, such as a file too large for memory. Records come from one thread, in order; workers turn them into samples in parallel. That keeps the
/// batches the same whatever the number of workers.
/// </summary>
/// <typeparam name="TRecord">What one sample is made of: a line, an encoded image ... It must hold what it needs, because the reader has gone on when it is used.</typeparam>
public abstract class StreamingDataset<TRecord> : StreamingDataset
{
    /// <summary>Opens a pass over the data.</summary>
    /// <param name="epoch">Number of the epoch.</param>
    /// <returns>The records, the same for the same epoch.</returns>
    public abstract IEnumerable<TRecord> Records(int epoch);

    /// <summary>Opens a pass within the data, to go on with an interrupted run. Reads the records before it and drops them unless overridden; override it where there is a shorter way.</summary>
    /// <param name="epoch">Number of the epoch.</param>
    /// <param name="first">Records of the pass to leave out. A shuffled stream is always read from its start.</param>
    /// <returns>The records of <see cref="Records(int)"/> behind so many; none where there are not more.</returns>
    public virtual IEnumerable<TRecord> Records(int epoch, long first)
    {
        long number = 0;
        foreach (TRecord record in Records(epoch))
        {
            if (number++ >= first)
            {
                yield return record;
            }
        }
    }

    /// <summary>Writes the sample of one record. Several threads call it at once, each with a <see cref="Sample"/> of its own.</summary>
    /// <param name="record">The record.</param>
    /// <param name="sample">Where it is written; what is random in it comes from <see cref="Sample.Random"/>.</param>
    public abstract void Read(TRecord record, Sample sample);

    /// <summary>Positions of a sample in the fields of varying length. Only data sets that have such fields need it.</summary>
    /// <param name="record">The record.</param>
    /// <returns>The length; 0 where no field varies.</returns>
    public virtual int Length(TRecord record) => 0;

    internal sealed override IEnumerable<object?> OpenRecords(int epoch, long first)
    {
        foreach (TRecord record in Records(epoch, first))
        {
            yield return record;
        }
    }

    internal sealed override void ReadRecord(object? record, Sample sample) => Read((TRecord)record!, sample);

    internal sealed override int RecordLength(object? record) => Length((TRecord)record!);
}

/// <summary>A data set that is read from front to back; derive from <see cref="StreamingDataset{TRecord}"/>.</summary>
public abstract class StreamingDataset
{
    private protected StreamingDataset()
    {
    }

    /// <summary>The model inputs of a sample, in the order of <c>Forward</c>'s parameters.</summary>
    public abstract IReadOnlyList<FieldSpec> Inputs { get; }

    /// <summary>The target of a sample.</summary>
    public abstract FieldSpec Target { get; }

    internal abstract IEnumerable<object?> OpenRecords(int epoch, long first);

    internal abstract void ReadRecord(object? record, Sample sample);

    internal abstract int RecordLength(object? record);
}
