using System.Collections;
using System.Diagnostics;

namespace ModelGen.Data;

/// <summary>One pass of a consumer over a loader's batches.</summary>
internal sealed class BatchPass : IEnumerator<Batch>
{
    // Workers finish the sample they are at; one that is stuck for longer is left behind.
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    private readonly Lock handOut = new();
    private readonly DataLoader loader;
    private readonly BatchPipeline pipeline;
    private readonly BatchSlot[] slots;
    private readonly CancellationToken cancellation;
    private Batch? current;
    private bool holdsSlot;
    private bool first = true;
    private bool finished;
    private bool stopped;
    private int consumer = Environment.CurrentManagedThreadId;

    public BatchPass(DataLoader loader, BatchPipeline pipeline, BatchSlot[] slots, CancellationToken cancellation)
    {
        this.loader = loader;
        this.pipeline = pipeline;
        this.slots = slots;
        this.cancellation = cancellation;
    }

    /// <summary>A pass that was neither finished nor disposed: its workers must not wait for ever.</summary>
    ~BatchPass() => pipeline.Stop(TimeSpan.Zero);

    public Batch Current => current ?? throw new InvalidOperationException("There is no batch: call MoveNext first.");

    object IEnumerator.Current => Current;

    public bool MoveNext() => MoveNext(cancellation);

    /// <summary>Goes to the next batch, as <see cref="MoveNext()"/>; the wait for it ends with a token of its own.</summary>
    public bool MoveNext(CancellationToken cancellation)
    {
        consumer = Environment.CurrentManagedThreadId;
        if (finished)
        {
            return false;
        }

        try
        {
            return Advance(cancellation);
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    public void Reset() => throw new NotSupportedException("Ask the loader for a new pass.");

    public void Dispose()
    {
        finished = true;
        GiveBack();
        Stop();
    }

    /// <summary>Ends the pass when its loader is disposed. A consumer in another thread may be using a batch, whose tensors are then left to it.</summary>
    public void StopFromLoader()
    {
        if (consumer == Environment.CurrentManagedThreadId)
        {
            Dispose();
        }
        else
        {
            Stop();
        }
    }

    private void Stop()
    {
        GC.SuppressFinalize(this);
        lock (handOut)
        {
            if (stopped)
            {
                return;
            }

            stopped = true;
        }

        loader.Ended(this, pipeline.Stop(Patience) ? slots : null);
    }

    private bool Advance(CancellationToken cancellation)
    {
        GiveBack();
        long start = Stopwatch.GetTimestamp();
        BatchSlot? slot = pipeline.Take(cancellation);
        loader.Waited(start, first && slot is not null);
        first = false;
        if (slot is null)
        {
            Dispose();
            return false;
        }

        holdsSlot = true;
        loader.Report(slot);
        if (slot.Error is { } error)
        {
            throw error;
        }

        lock (handOut)
        {
            ObjectDisposedException.ThrowIf(stopped, loader);
            current = loader.HandOut(slot);
        }

        return true;
    }

    /// <summary>Ends the life of the batch in use.</summary>
    private void GiveBack()
    {
        current?.Invalidate();
        current = null;
        if (holdsSlot)
        {
            holdsSlot = false;
            pipeline.Release();
        }
    }
}

/// <summary>Batches that a loader can be asked for; each enumeration is a pass of its own.</summary>
internal sealed class BatchSequence(DataLoader loader, int epoch, int firstBatch, int epochs, CancellationToken cancellation) : IEnumerable<Batch>
{
    public IEnumerator<Batch> GetEnumerator() => loader.Begin(epoch, firstBatch, epochs, limit: null, cancellation);

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();
}
