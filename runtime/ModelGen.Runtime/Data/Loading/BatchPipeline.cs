using System.Diagnostics;
using System.Diagnostics.CodeAnalysis;

namespace ModelGen.Data;

/// <summary>
/// Workers that make the batches of one pass in a ring of slots. Batch <c>b</c> always takes slot <c>b mod n</c>; it is begun when the batch that had the slot before was given back, and
/// handed out in order. Workers with no batch to begin share the samples of those in work. Memory belongs to the last one who leaves: a worker stuck in a read cannot make the others wait for ever, nor write into freed memory.
/// </summary>
internal sealed class BatchPipeline
{
    private readonly object gate = new();
    private readonly BatchPlan plan;
    private readonly BatchSlot[] slots;
    private readonly Thread[] workers;
    private readonly BatchFiller? ownFiller;
    private readonly Func<bool> isStopped;

    // Guarded by gate: batches begun, handed out, given back; whether a worker plans the next one; batches whose memory is being made ready; workers with nothing to do.
    private long begun;
    private long taken;
    private long released;
    private bool planning;
    private int opening;
    private int idle;
    private bool ended;
    private volatile bool stopped;
    private int users;
    private bool abandoned;

    public BatchPipeline(BatchPlan plan, BatchSlot[] slots, int workerCount, Func<BatchFiller> createFiller)
    {
        this.plan = plan;
        this.slots = slots;
        isStopped = () => stopped;
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
            if (!ended && Begin(ownFiller, out BatchSlot? own, out (int From, int To) rows))
            {
                Fill(own, rows, ownFiller);
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
        while (Next(out BatchSlot? slot, out (int From, int To) rows))
        {
            if (slot is not null || Begin(filler, out slot, out rows))
            {
                Fill(slot, rows, filler);
            }
        }

        Leave(consumer: false);
    }

    /// <summary>
    /// Waits for something to do: beginning a batch, or else helping with the oldest one that still has samples to read. Without the help workers would be idle at the end of a pass, and wherever
    /// the consumer waits for one slow batch.
    /// </summary>
    /// <param name="slot">The batch to help with; null for beginning one.</param>
    /// <param name="rows">Samples of that batch, for this worker alone.</param>
    /// <returns>False when there is nothing more to do.</returns>
    private bool Next(out BatchSlot? slot, out (int From, int To) rows)
    {
        lock (gate)
        {
            while (!stopped)
            {
                if (!ended && !planning && begun - released < slots.Length)
                {
                    planning = true;
                    (slot, rows) = (null, default);
                    return true;
                }

                for (long batch = taken; batch < begun; batch++)
                {
                    slot = slots[batch % slots.Length];
                    if (Claim(slot, out rows))
                    {
                        return true;
                    }
                }

                if (ended && opening == 0)
                {
                    break;
                }

                idle++;
                Monitor.Wait(gate);
                idle--;
            }

            (slot, rows) = (null, default);
            return false;
        }
    }

    /// <summary>Plans and opens the next batch, which only the one that set <see cref="planning"/> does, so that a plan is read in order.</summary>
    private bool Begin(BatchFiller filler, [NotNullWhen(true)] out BatchSlot? slot, out (int From, int To) rows)
    {
        (slot, rows) = (null, default);
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
            planning = false;
            ended = work is null;
            if (work is not null || fault is not null)
            {
                slot = slots[begun++ % slots.Length];
                slot.Begin(work, fault);
                slot.Ready = fault is not null;
                opening += fault is null ? 1 : 0;
            }

            if (work is null)
            {
                slot = null;
                Monitor.PulseAll(gate);
                return false;
            }

            WakeIdle();
        }

        long start = Stopwatch.GetTimestamp();
        filler.Open(slot!);
        lock (gate)
        {
            opening--;
            slot!.WorkTicks = Stopwatch.GetTimestamp() - start;
            slot.Rows = slot.Unfinished = slot.Error is null ? work.Count : 0;
            if (!Claim(slot, out rows))
            {
                slot.Ready = true;
                Monitor.PulseAll(gate);
                return false;
            }

            WakeIdle();
            return true;
        }
    }

    /// <summary>Reads samples of a batch until all are given to some worker, and closes it if its last one was read here.</summary>
    private void Fill(BatchSlot slot, (int From, int To) rows, BatchFiller filler)
    {
        bool finished;
        bool more;
        do
        {
            long start = Stopwatch.GetTimestamp();
            filler.Read(slot, rows.From, rows.To, isStopped);
            lock (gate)
            {
                // While samples of it are unfinished, the slot cannot be given to another batch.
                slot.Unfinished -= rows.To - rows.From;
                slot.WorkTicks += Stopwatch.GetTimestamp() - start;
                finished = slot.Unfinished == 0;
                more = Claim(slot, out rows);
            }
        }
        while (more);

        if (!finished)
        {
            return;
        }

        long end = Stopwatch.GetTimestamp();
        filler.Close(slot, isStopped);
        lock (gate)
        {
            slot.WorkTicks += Stopwatch.GetTimestamp() - end;
            slot.Ready = true;
            Monitor.PulseAll(gate);
        }
    }

    /// <summary>
    /// Takes some of a batch's samples: many at first and few towards its end, so that workers end together and seldom meet (guided self-scheduling; Polychronopoulos and Kuck 1987,
    /// doi:10.1109/TC.1987.5009495).
    /// </summary>
    private bool Claim(BatchSlot slot, out (int From, int To) rows)
    {
        int left = slot.Rows - slot.Claimed;
        int count = workers.Length < 2 ? left : Math.Max(1, left / (2 * workers.Length));
        rows = (slot.Claimed, slot.Claimed + count);
        slot.Claimed += left > 0 ? count : 0;
        return left > 0;
    }

    private void WakeIdle()
    {
        if (idle > 0)
        {
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
