namespace ModelGen.Data;

/// <summary>Says what the batches of a pass are made of, one after the other. Not thread-safe.</summary>
internal abstract class BatchPlan : IDisposable
{
    /// <summary>The next batch; null behind the last one.</summary>
    public abstract BatchWork? Next();

    public virtual void Dispose()
    {
    }

    internal static DataLoadException BehindTheEnd(int firstBatch, int epoch, long count) => new($"Epoch {epoch} has {count} batches; it cannot go on at batch {firstBatch}.", null);
}

/// <summary>Batches of a map-style data set.</summary>
internal sealed class SampledPlan(BatchSampler sampler, int epoch, int firstBatch, int epochs) : BatchPlan
{
    private readonly long end = (long)epoch + epochs;
    private IReadOnlyList<ArraySegment<int>>? batches;
    private int index = firstBatch;

    public override BatchWork? Next()
    {
        while (epoch < end)
        {
            batches ??= sampler.Batches(epoch);
            if (index < batches.Count)
            {
                return new BatchWork(epoch, index, batches[index], null, 0, ++index == batches.Count);
            }

            if (index > batches.Count)
            {
                throw BehindTheEnd(index, epoch, batches.Count);
            }

            (batches, index) = (null, 0);
            epoch++;
        }

        return null;
    }
}

/// <summary>Batches of a stream. It reads one record ahead, to know the last batch of an epoch.</summary>
internal sealed class StreamPlan(StreamingDataset data, DataLoaderOptions options, int epoch, int firstBatch, int epochs) : BatchPlan
{
    private readonly long end = (long)epoch + epochs;
    private IEnumerator<object?>? records;
    private bool hasNext;
    private int index;
    private long first;

    public override BatchWork? Next()
    {
        while (epoch < end)
        {
            if (records is null)
            {
                Open();
            }

            if (Take() is { } batch)
            {
                first += batch.Length;
                return new BatchWork(epoch, index++, null, batch, first - batch.Length, !hasNext);
            }

            Dispose();
            (records, index, first) = (null, 0, 0);
            epoch++;
        }

        return null;
    }

    public override void Dispose() => records?.Dispose();

    private void Open()
    {
        records = (options.Shuffle ? Shuffled() : Share()).GetEnumerator();
        hasNext = records.MoveNext();
        while (index < firstBatch)
        {
            first += Take()?.Length ?? throw BehindTheEnd(firstBatch, epoch, index);
            index++;
        }

        firstBatch = 0;
    }

    private object?[]? Take()
    {
        var batch = new List<object?>(options.BatchSize);
        while (hasNext && batch.Count < options.BatchSize)
        {
            batch.Add(records!.Current);
            hasNext = records.MoveNext();
        }

        return batch.Count == 0 || (batch.Count < options.BatchSize && options.DropLast) ? null : [.. batch];
    }

    /// <summary>This process's records: one of every complete group, so that all processes get equally many.</summary>
    private IEnumerable<object?> Share()
    {
        if (options.World == 1)
        {
            return data.OpenRecords(epoch);
        }

        return data.OpenRecords(epoch).Chunk(options.World).Where(group => group.Length == options.World).Select(group => group[options.Rank]);
    }

    /// <summary>Each place of the buffer is refilled with the next record, so that memory is bounded.</summary>
    private IEnumerable<object?> Shuffled()
    {
        var random = RandomStream.At(options.Seed, epoch);
        var buffer = new List<object?>(options.ShuffleBuffer);
        foreach (object? record in Share())
        {
            if (buffer.Count < options.ShuffleBuffer)
            {
                buffer.Add(record);
                continue;
            }

            int chosen = random.Next(buffer.Count);
            object? next = buffer[chosen];
            buffer[chosen] = record;
            yield return next;
        }

        object?[] rest = [.. buffer];
        Shuffler.Shuffle(rest, random);
        foreach (object? record in rest)
        {
            yield return record;
        }
    }
}
