using System.Diagnostics;

namespace ModelGen.Data;

/// <summary>
/// Workers that make the batches of one pass in a ring of slots. Batch <c>b</c> always takes slot <c>b mod n</c>; it is begun when the batch that had the slot before was given back, and
/// handed out in order. Memory belongs to the last one who leaves: a worker stuck in a read cannot make the others wait for ever, nor write into freed memory.
/// </summary>
internal sealed class BatchPipeline
{
    private readonly Lock planLock = new();
    private readonly object gate = new();
    private readonly BatchPlan plan;
    private readonly BatchSlot[] slots;
    private readonly Thread[] workers;
    private readonly BatchFiller? ownFiller;

    // Guarded by gate: batches begun, handed out, given back.
    private long begun;
    private long taken;
    private long released;
    private bool ended;
    private volatile bool stopped;
    private int users;
    private bool abandoned;

    public BatchPipeline(BatchPlan plan, BatchSlot[] slots, int workerCount, Func<BatchFiller> createFiller)
    {
        this.plan = plan;
        this.slots = slots;
        foreach (BatchSlot slot in slots)
        {
            slot.Ready = false;
        }

        users = workerCount + 1;
        ownFiller = workerCount == 0 ? createFiller() : null;
        workers = new Thread[workerCount];
        for (int i = 0; i < workerCount; i++)
        {
            // Threads of their own: those of the pool would be taken from the program, and come late when it is busy.
            BatchFiller filler = createFiller();
            workers[i] = new Thread(() => Work(filler)) { IsBackground = true, Name = $"ModelGen data {i}" };
        }

        foreach (Thread worker in workers)
        {
            worker.Start();
        }
    }

    /// <summary>Waits for the next batch.</summary>
    /// <param name="cancellation">Ends the wait.</param>
    /// <returns>Its slot, to be given back with <see cref="Release"/>; null behind the last batch.</returns>
    public BatchSlot? Take(CancellationToken cancellation)
    {
        if (ownFiller is not null)
        {
            ObjectDisposedException.ThrowIf(stopped, typeof(DataLoader));
            cancellation.ThrowIfCancellationRequested();
            if (Begin() is { } own)
            {
                Finish(own, ownFiller);
            }
        }

        using CancellationTokenRegistration registration = cancellation.Register(Wake);
        lock (gate)
        {
            while (true)
            {
                ObjectDisposedException.ThrowIf(stopped, typeof(DataLoader));
                cancellation.ThrowIfCancellationRequested();
                BatchSlot next = slots[taken % slots.Length];
                if (taken < begun && next.Ready)
                {
                    taken++;
                    return next;
                }

                if (ended && taken == begun)
                {
                    return null;
                }

                Monitor.Wait(gate);
            }
        }
    }

    /// <summary>Gives the slot that was taken last back to the workers.</summary>
    public void Release()
    {
        lock (gate)
        {
            released++;
            Monitor.PulseAll(gate);
        }
    }

    /// <summary>Stops the workers. Never throws.</summary>
    /// <param name="patience">How long to wait until they have finished the samples they are at.</param>
    /// <returns>Whether all have left, so that the slots may be used again; otherwise the last one frees them.</returns>
    public bool Stop(TimeSpan patience)
    {
        lock (gate)
        {
            stopped = true;
            Monitor.PulseAll(gate);
        }

        long start = Stopwatch.GetTimestamp();
        foreach (Thread worker in workers)
        {
            TimeSpan left = patience - Stopwatch.GetElapsedTime(start);
            if (worker != Thread.CurrentThread && left > TimeSpan.Zero)
            {
                worker.Join(left);
            }
        }

        return Leave(consumer: true);
    }

    private void Wake()
    {
        lock (gate)
        {
            Monitor.PulseAll(gate);
        }
    }

    private void Work(BatchFiller filler)
    {
        while (Begin() is { } slot)
        {
            Finish(slot, filler);
        }

        Leave(consumer: false);
    }

    /// <summary>Waits for a free slot and gives it the next batch; null when there is nothing more to do. One thread at a time, so that a plan is read in order.</summary>
    private BatchSlot? Begin()
    {
        lock (planLock)
        {
            BatchSlot slot;
            lock (gate)
            {
                while (!stopped && !ended && begun - released >= slots.Length)
                {
                    Monitor.Wait(gate);
                }

                if (stopped || ended)
                {
                    return null;
                }

                slot = slots[begun % slots.Length];
            }

            BatchWork? work = null;
            Exception? fault = null;
            try
            {
                work = plan.Next();
            }
            catch (Exception exception)
            {
                fault = exception as DataLoadException ?? new DataLoadException($"The sequence of samples failed: {exception.Message}", exception);
            }

            lock (gate)
            {
                ended = work is null;
                if (ended && fault is null)
                {
                    Monitor.PulseAll(gate);
                    return null;
                }

                (slot.Work, slot.Error, slot.Ready) = (work, fault, false);
                begun++;
                return slot;
            }
        }
    }

    private void Finish(BatchSlot slot, BatchFiller filler)
    {
        if (slot.Error is null)
        {
            filler.Fill(slot, () => stopped);
        }

        lock (gate)
        {
            slot.Ready = true;
            Monitor.PulseAll(gate);
        }
    }

    /// <summary>Whether the consumer is the last to leave, and so keeps the slots; whoever is last otherwise frees them.</summary>
    private bool Leave(bool consumer)
    {
        bool last;
        lock (gate)
        {
            last = --users == 0;
            abandoned |= consumer && !last;
        }

        if (!last)
        {
            return false;
        }

        plan.Dispose();
        if (abandoned)
        {
            foreach (BatchSlot slot in slots)
            {
                slot.Buffers.Dispose();
            }
        }

        return !abandoned;
    }
}
