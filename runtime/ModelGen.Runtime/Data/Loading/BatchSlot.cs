namespace ModelGen.Data;

/// <summary>A place of the ring of batches: memory, what is in it, and how far the workers have come with it.</summary>
/// <param name="buffers">The memory.</param>
/// <param name="fields">Number of fields that have memory.</param>
internal sealed class BatchSlot(BatchBuffers buffers, int fields)
{
    private Exception? error;
    private int firstFailure;

    public BatchBuffers Buffers => buffers;

    public BatchWork? Work { get; private set; }

    /// <summary>Samples that were read.</summary>
    public int Count { get; set; }

    /// <summary>Length of the longest sample.</summary>
    public int Length { get; set; }

    /// <summary>Lengths of the samples; of use only where they differ.</summary>
    public int[] Lengths { get; private set; } = [];

    /// <summary>Why a sample could not be read; null for one that was.</summary>
    public Exception?[] Failed { get; private set; } = [];

    /// <summary>Memory of each field.</summary>
    public nint[] Addresses { get; } = new nint[fields];

    /// <summary>The first sample that failed so far; <see cref="int.MaxValue"/> for none.</summary>
    public int FirstFailure => Volatile.Read(ref firstFailure);

    public List<SampleFault> Faults { get; } = [];

    /// <summary>What ends the pass at this batch.</summary>
    public Exception? Error => Volatile.Read(ref error);

    /// <summary>Time it took to make the batch, summed over workers, in ticks of <see cref="System.Diagnostics.Stopwatch"/>.</summary>
    public long WorkTicks { get; set; }

    public bool Ready { get; set; }

    /// <summary>Samples that workers may take; 0 until the memory is ready.</summary>
    public int Rows { get; set; }

    /// <summary>How many of them were taken, from the first on.</summary>
    public int Claimed { get; set; }

    /// <summary>How many of them are not done yet.</summary>
    public int Unfinished { get; set; }

    /// <summary>Begins another batch; null for one that could not be planned.</summary>
    public void Begin(BatchWork? work, Exception? fault)
    {
        (Work, error, firstFailure) = (work, fault, int.MaxValue);
        (Count, Length, WorkTicks, Rows, Claimed, Unfinished) = (0, 0, 0, 0, 0, 0);
        Ready = false;
        Faults.Clear();
        int count = work?.Count ?? 0;
        if (Failed.Length < count)
        {
            (Lengths, Failed) = (new int[count], new Exception?[count]);
        }

        Array.Clear(Failed);
        Array.Clear(Lengths);
    }

    /// <summary>Lets the batch fail as a whole; the first reason stays. Several workers may call it.</summary>
    public void Fail(Exception reason) => Interlocked.CompareExchange(ref error, reason, null);

    /// <summary>A sample could not be read. Several workers may call it, each for samples of its own.</summary>
    public void Fail(int row, Exception reason)
    {
        Failed[row] = reason;
        for (int seen = FirstFailure; row < seen; seen = FirstFailure)
        {
            Interlocked.CompareExchange(ref firstFailure, row, seen);
        }
    }
}
