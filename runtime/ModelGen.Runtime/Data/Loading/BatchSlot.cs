namespace ModelGen.Data;

/// <summary>A place of the ring of batches: memory and what is in it.</summary>
internal sealed class BatchSlot(BatchBuffers buffers)
{
    public BatchBuffers Buffers => buffers;

    public BatchWork? Work { get; set; }

    /// <summary>Samples that were read.</summary>
    public int Count { get; set; }

    /// <summary>Length of the longest sample.</summary>
    public int Length { get; set; }

    public List<SampleFault> Faults { get; } = [];

    /// <summary>What ends the pass at this batch.</summary>
    public Exception? Error { get; set; }

    /// <summary>Time it took to make the batch, in ticks of <see cref="System.Diagnostics.Stopwatch"/>.</summary>
    public long WorkTicks { get; set; }

    public bool Ready { get; set; }
}
