using System.Diagnostics;

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

/// <summary>Makes batches: one for each worker.</summary>
internal sealed class BatchFiller(BatchLayout layout, ISampleReader reader, DataLoaderOptions options)
{
    // Streams of samples and of batches must not meet.
    private const long BatchStream = -1;

    private readonly Sample sample = new(layout.Samples);
    private readonly RandomStream batchRandom = new(0);
    private readonly nint[] addresses = new nint[layout.All.Length];

    /// <summary>Fills a slot with the batch it was given; gives up early, with a batch of no use, once <paramref name="stopped"/> says so.</summary>
    public void Fill(BatchSlot slot, Func<bool> stopped)
    {
        long start = Stopwatch.GetTimestamp();
        slot.Faults.Clear();
        slot.Error = null;
        slot.Count = 0;
        try
        {
            slot.Buffers.AwaitCopies();
            ReadSamples(slot, slot.Work!, stopped);
            if (slot.Count > 0 && !stopped())
            {
                Transform(slot);
            }
        }
        catch (DataLoadException exception)
        {
            slot.Error = exception;
        }
        catch (Exception exception)
        {
            // Whatever it is, it belongs to the thread that asks for batches; a worker that dies silently would leave it waiting.
            slot.Error = new DataLoadException($"Batch {slot.Work!.Index} of epoch {slot.Work.Epoch} failed: {exception.Message}", exception);
        }

        slot.WorkTicks = Stopwatch.GetTimestamp() - start;
    }

    private void ReadSamples(BatchSlot slot, BatchWork work, Func<bool> stopped)
    {
        int[]? lengths = layout.IsVariable ? new int[work.Count] : null;
        var failed = new Exception?[work.Count];
        for (int row = 0; lengths is not null && row < lengths.Length; row++)
        {
            failed[row] = TryLength(work, row, out lengths[row]);
        }

        slot.Length = lengths?.Max() ?? 0;
        for (int field = 0; field < layout.All.Length; field++)
        {
            addresses[field] = slot.Buffers.Reserve(field, work.Count * Elements(layout.All[field], slot.Length));
        }

        for (int row = 0; row < work.Count && !stopped(); row++)
        {
            failed[row] ??= TryRead(slot, work, row, lengths?[row] ?? 0);
            if (failed[row] is not { } error)
            {
                slot.Count++;
                continue;
            }

            var fault = new SampleFault(work.SampleNumber(row), reader.Describe(work, row), work.Epoch, work.Index, error);
            if (options.OnError == SampleErrors.Stop)
            {
                throw new DataLoadException(fault);
            }

            slot.Faults.Add(fault);
        }

        if (slot.Count == 0 && slot.Faults.Count > 0)
        {
            throw new DataLoadException($"No sample of batch {work.Index} of epoch {work.Epoch} could be read; the first was {slot.Faults[0]}", slot.Faults[0].Error);
        }
    }

    private Exception? TryLength(BatchWork work, int row, out int length)
    {
        length = 0;
        try
        {
            int given = reader.Length(work, row);
            length = given >= 0 ? given : throw new InvalidOperationException($"The data set gave a length of {given}.");
            return null;
        }
        catch (Exception exception) when (exception is not OutOfMemoryException)
        {
            return exception;
        }
    }

    private Exception? TryRead(BatchSlot slot, BatchWork work, int row, int length)
    {
        try
        {
            ReadSample(slot, work, row, length);
            return null;
        }
        catch (Exception exception) when (exception is not OutOfMemoryException)
        {
            return exception;
        }
    }

    private static long Elements(FieldSpec field, int length) => field.IsVariable ? (long)field.Count * length : field.Count;

    private void ReadSample(BatchSlot slot, BatchWork work, int row, int length)
    {
        sample.SetLength(length);
        for (int field = 0; field < layout.Samples.Length; field++)
        {
            FieldSpec spec = layout.Samples[field];
            sample.Place(field, addresses[field] + (nint)(slot.Count * Elements(spec, slot.Length) * spec.ElementBytes));
        }

        sample.Random.MoveTo(options.Seed, work.Epoch, work.Index, row, work.SampleNumber(row));
        reader.Read(work, row, sample);
        for (int field = 0; field < layout.Samples.Length; field++)
        {
            if (layout.Samples[field].IsVariable && length < slot.Length)
            {
                Pad(field, slot, length);
            }
        }
    }

    private unsafe void Pad(int field, BatchSlot slot, int length)
    {
        FieldSpec spec = layout.Samples[field];
        byte* start = (byte*)addresses[field] + (((slot.Count * (long)slot.Length) + length) * spec.Bytes);
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

    private void Transform(BatchSlot slot)
    {
        for (int i = 0; i < layout.Transforms.Length; i++)
        {
            int before = layout.TargetOf[i];
            int after = layout.TargetOf[i + 1];
            FieldSpec[] fields = [.. layout.Samples.AsSpan(..layout.Inputs), layout.All[before]];
            nint[] memory = [.. addresses.AsSpan(..layout.Inputs), addresses[before]];
            batchRandom.MoveTo(options.Seed, BatchStream, slot.Work!.Epoch, slot.Work.Index, i, options.Rank);
            layout.Transforms[i].Apply(new BatchMemory(fields, memory, layout.All[after], addresses[after], slot.Count, slot.Length), batchRandom);
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
