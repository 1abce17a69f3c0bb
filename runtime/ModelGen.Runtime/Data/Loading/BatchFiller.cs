namespace ModelGen.Data;

/// <summary>What the batches of a loader look like: fields of samples, then those of the transforms of batches.</summary>
internal sealed class BatchLayout
{
    public BatchLayout(IReadOnlyList<FieldSpec> inputs, FieldSpec target, IReadOnlyList<BatchTransform> transforms)
    {
        Samples = [.. inputs, target];
        Transforms = [.. transforms];
        TargetOf = new int[Transforms.Length + 1];
        TargetOf[0] = inputs.Count;
        var all = new List<FieldSpec>(Samples);
        for (int i = 0; i < Transforms.Length; i++)
        {
            FieldSpec before = all[TargetOf[i]];
            FieldSpec after = Transforms[i].Check(inputs, before);
            TargetOf[i + 1] = ReferenceEquals(before, after) ? TargetOf[i] : all.Count;
            if (TargetOf[i + 1] == all.Count)
            {
                all.Add(after);
            }
        }

        All = [.. all];
    }

    /// <summary>Inputs and target of a sample.</summary>
    public FieldSpec[] Samples { get; }

    /// <summary>All fields that need memory: those of samples, and targets that transforms make.</summary>
    public FieldSpec[] All { get; }

    public BatchTransform[] Transforms { get; }

    /// <summary>Which of all fields is the target before the first transform, before the second ..., and at the end.</summary>
    public int[] TargetOf { get; }

    public int Inputs => Samples.Length - 1;

    public FieldSpec Target => All[TargetOf[^1]];

    public bool IsVariable => Array.Exists(Samples, static spec => spec.IsVariable);
}

/// <summary>
/// Makes batches: one for each worker. A batch is opened by one worker, its samples are read by it and by any that have nothing else to do, and the one that finishes the last of them closes it.
/// What comes out does not depend on who did what.
/// </summary>
internal sealed class BatchFiller(BatchLayout layout, ISampleReader reader, DataLoaderOptions options)
{
    // Streams of samples and of batches must not meet.
    private const long BatchStream = -1;

    private readonly Sample sample = new(layout.Samples);
    private readonly RandomStream batchRandom = new(0);

    /// <summary>Makes the memory of a batch ready.</summary>
    public void Open(BatchSlot slot)
    {
        try
        {
            slot.Buffers.AwaitCopies();
            BatchWork work = slot.Work!;
            for (int row = 0; layout.IsVariable && row < work.Count; row++)
            {
                TryLength(slot, row);
            }

            slot.Length = layout.IsVariable ? slot.Lengths.Max() : 0;
            for (int field = 0; field < layout.All.Length; field++)
            {
                slot.Addresses[field] = slot.Buffers.Reserve(field, work.Count * Elements(layout.All[field], slot.Length));
            }
        }
        catch (Exception exception)
        {
            Fail(slot, exception);
        }
    }

    /// <summary>Reads some samples of an open batch; gives up early, with a batch of no use, once <paramref name="stopped"/> says so.</summary>
    public void Read(BatchSlot slot, int from, int to, Func<bool> stopped)
    {
        try
        {
            // Behind a sample that ends the pass nothing is needed; those before it are still read, so that the first fault is reported whoever comes upon one first.
            for (int row = from; row < to && !stopped() && !(options.OnError == SampleErrors.Stop && row > slot.FirstFailure); row++)
            {
                if (slot.Failed[row] is null)
                {
                    TryRead(slot, row);
                }
            }
        }
        catch (Exception exception)
        {
            Fail(slot, exception);
        }
    }

    /// <summary>Ends a batch whose samples have all been read.</summary>
    public void Close(BatchSlot slot, Func<bool> stopped)
    {
        if (slot.Error is not null)
        {
            return;
        }

        try
        {
            slot.Count = slot.Work!.Count;
            if (slot.FirstFailure < int.MaxValue)
            {
                LeaveOut(slot, slot.Work);
            }

            if (!stopped())
            {
                Transform(slot);
            }
        }
        catch (DataLoadException exception)
        {
            slot.Fail(exception);
        }
        catch (Exception exception)
        {
            Fail(slot, exception);
        }
    }

    // Whatever it is, it belongs to the thread that asks for batches; a worker that dies silently would leave it waiting.
    private static void Fail(BatchSlot slot, Exception exception) =>
        slot.Fail(new DataLoadException($"Batch {slot.Work!.Index} of epoch {slot.Work.Epoch} failed: {exception.Message}", exception));

    private static long Elements(FieldSpec field, int length) => field.IsVariable ? (long)field.Count * length : field.Count;

    private void TryLength(BatchSlot slot, int row)
    {
        try
        {
            int given = reader.Length(slot.Work!, row);
            slot.Lengths[row] = given >= 0 ? given : throw new InvalidOperationException($"The data set gave a length of {given}.");
        }
        catch (Exception exception) when (exception is not OutOfMemoryException)
        {
            slot.Fail(row, exception);
        }
    }

    private void TryRead(BatchSlot slot, int row)
    {
        try
        {
            ReadSample(slot, slot.Work!, row);
        }
        catch (Exception exception) when (exception is not OutOfMemoryException)
        {
            slot.Fail(row, exception);
        }
    }

    private void ReadSample(BatchSlot slot, BatchWork work, int row)
    {
        int length = slot.Lengths[row];
        sample.SetLength(length);
        for (int field = 0; field < layout.Samples.Length; field++)
        {
            sample.Place(field, Address(slot, field, row));
        }

        sample.Random.MoveTo(options.Seed, work.Epoch, work.Index, row, work.SampleNumber(row));
        reader.Read(work, row, sample);
        for (int field = 0; field < layout.Samples.Length; field++)
        {
            if (layout.Samples[field].IsVariable && length < slot.Length)
            {
                Pad(slot, field, row, length);
            }
        }
    }

    private nint Address(BatchSlot slot, int field, int row) => slot.Addresses[field] + (nint)(row * RowBytes(slot, field));

    private long RowBytes(BatchSlot slot, int field) => Elements(layout.Samples[field], slot.Length) * layout.Samples[field].ElementBytes;

    private unsafe void Pad(BatchSlot slot, int field, int row, int length)
    {
        FieldSpec spec = layout.Samples[field];
        byte* start = (byte*)Address(slot, field, row) + ((long)length * spec.Bytes);
        int count = (slot.Length - length) * spec.Count;
        switch (spec.Type)
        {
            case ElementType.Float32:
                new Span<float>(start, count).Fill((float)spec.Padding);
                break;
            case ElementType.Int64:
                new Span<long>(start, count).Fill((long)spec.Padding);
                break;
            default:
                new Span<bool>(start, count).Fill(spec.Padding != 0);
                break;
        }
    }

    /// <summary>Moves the samples behind one that failed up to its place, or ends the pass.</summary>
    private unsafe void LeaveOut(BatchSlot slot, BatchWork work)
    {
        slot.Count = 0;
        for (int row = 0; row < work.Count; row++)
        {
            if (slot.Failed[row] is { } reason)
            {
                var fault = new SampleFault(work.SampleNumber(row), reader.Describe(work, row), work.Epoch, work.Index, reason);
                if (options.OnError == SampleErrors.Stop)
                {
                    throw new DataLoadException(fault);
                }

                slot.Faults.Add(fault);
                continue;
            }

            for (int field = 0; field < layout.Samples.Length && slot.Count < row; field++)
            {
                long bytes = RowBytes(slot, field);
                Buffer.MemoryCopy((void*)Address(slot, field, row), (void*)Address(slot, field, slot.Count), bytes, bytes);
            }

            slot.Count++;
        }

        if (slot.Count == 0)
        {
            throw new DataLoadException($"No sample of batch {work.Index} of epoch {work.Epoch} could be read; the first was {slot.Faults[0]}", slot.Faults[0].Error);
        }
    }

    private void Transform(BatchSlot slot)
    {
        for (int i = 0; i < layout.Transforms.Length; i++)
        {
            int before = layout.TargetOf[i];
            int after = layout.TargetOf[i + 1];
            FieldSpec[] fields = [.. layout.Samples.AsSpan(..layout.Inputs), layout.All[before]];
            nint[] memory = [.. slot.Addresses.AsSpan(..layout.Inputs), slot.Addresses[before]];
            batchRandom.MoveTo(options.Seed, BatchStream, slot.Work!.Epoch, slot.Work.Index, i, options.Rank);
            layout.Transforms[i].Apply(new BatchMemory(fields, memory, layout.All[after], slot.Addresses[after], slot.Count, slot.Length), batchRandom);
        }
    }
}

/// <summary>Reads samples of either kind of data set.</summary>
internal interface ISampleReader
{
    int Length(BatchWork work, int row);

    void Read(BatchWork work, int row, Sample sample);

    string Describe(BatchWork work, int row);
}

/// <summary>Samples of a map-style data set.</summary>
internal sealed class IndexedReader(Dataset data) : ISampleReader
{
    public int Length(BatchWork work, int row) => data.Length(work.Samples!.Value[row]);

    public void Read(BatchWork work, int row, Sample sample) => data.Read(work.Samples!.Value[row], sample);

    public string Describe(BatchWork work, int row) => data.Describe(work.Samples!.Value[row]);
}

/// <summary>Samples of a stream.</summary>
internal sealed class RecordReader(StreamingDataset data) : ISampleReader
{
    public int Length(BatchWork work, int row) => data.RecordLength(work.Records![row]);

    public void Read(BatchWork work, int row, Sample sample) => data.ReadRecord(work.Records![row], sample);

    public string Describe(BatchWork work, int row) => $"record {work.FirstRecord + row} of the pass";
}
