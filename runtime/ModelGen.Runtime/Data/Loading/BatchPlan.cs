namespace ModelGen.Data;

/// <summary>Says what the batches of a pass are made of, one after the other. Not thread-safe.</summary>
internal abstract class BatchPlan : IDisposable
{
    /// <summary>The next batch; null behind the last one.</summary>
    public abstract BatchWork? Next();

    public virtual void Dispose()
    {
    }
}

/// <summary>Batches of a map-style data set.</summary>
internal sealed class SampledPlan(BatchSampler sampler, int epoch, int firstBatch, int epochs, int? limit) : BatchPlan
{
    private readonly long end = (long)epoch + epochs;
    private IReadOnlyList<ArraySegment<int>>? batches;
    private int index = firstBatch;

    public override BatchWork? Next()
    {
        while (epoch < end)
        {
            batches ??= sampler.Batches(epoch);
            int count = Math.Min(batches.Count, limit ?? int.MaxValue);
            if (index < count)
            {
                return new BatchWork(epoch, index, batches[index], null, 0, ++index == count);
            }

            if (index > count)
            {
                throw new DataLoadException($"Epoch {epoch} has {count} batches; it cannot go on at batch {index}.", null);
            }

            (batches, index) = (null, 0);
            epoch++;
        }

        return null;
    }
}

/// <summary>Batches of a stream. It reads one record ahead, or a batch where incomplete ones are left out, to know the last batch of an epoch.</summary>
internal sealed class StreamPlan(StreamingDataset data, DataLoaderOptions options, int epoch, int firstBatch, int epochs, int? limit) : BatchPlan
{
    private readonly long end = (long)epoch + epochs;
    private IEnumerator<object?>? records;
    private object?[]? ahead;
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

            if (index != limit && (ahead ?? Take()) is { } batch)
            {
                first += batch.Length;
                ahead = options.DropLast ? Take() : null;
                bool more = options.DropLast ? ahead is not null : hasNext;
                return new BatchWork(epoch, index++, null, batch, first - batch.Length, !more || index == limit);
            }

            if (index == 0)
            {
                throw new DataLoadException($"The stream has no {(options.DropLast ? "whole " : string.Empty)}batch in epoch {epoch}.", null);
            }

            Dispose();
            (records, ahead, index, first) = (null, null, 0, 0);
            epoch++;
        }

        return null;
    }

    public override void Dispose() => records?.Dispose();

    /// <summary>Opens the records of the epoch and goes to its first batch.</summary>
    private void Open()
    {
        // A shuffled stream is read from its start, for the buffer to hold what it held. Another may know a shorter way to the last batch before the wanted one, which shows whether it is there.
        int known = options.Shuffle ? 0 : Math.Max(firstBatch - 1, 0);
        index = known;
        first = (long)known * options.BatchSize;
        records = (options.Shuffle ? Shuffled() : Share(first)).GetEnumerator();
        hasNext = records.MoveNext();
        while (index < firstBatch)
        {
            first += Take()?.Length ?? throw new DataLoadException($"Epoch {epoch} of the stream ends before batch {firstBatch - 1}; it cannot go on behind it.", null);
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
    private IEnumerable<object?> Share(long first)
    {
        IEnumerable<object?> all = data.OpenRecords(epoch, first * options.World);
        return options.World == 1 ? all : all.Chunk(options.World).Where(group => group.Length == options.World).Select(group => group[options.Rank]);
    }

    /// <summary>Each place of the buffer is refilled with the next record, so that memory is bounded.</summary>
    private IEnumerable<object?> Shuffled()
    {
        var random = RandomStream.At(options.Seed, epoch);
        var buffer = new List<object?>(options.ShuffleBuffer);
        foreach (object? record in Share(0))
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
