namespace ModelGen.Data;

/// <summary>What a loader does when a sample cannot be read.</summary>
public enum SampleErrors
{
    /// <summary>The pass ends with a <see cref="DataLoadException"/> at the sample's batch.</summary>
    Stop,

    /// <summary>
    /// The sample is left out, so its batch is smaller; it is counted and reported. Which samples are left out depends on the data alone. A batch that loses all its samples ends the
    /// pass all the same.
    /// </summary>
    Skip,
}

/// <summary>A sample that could not be read.</summary>
/// <param name="Sample">Its index in the data set; in a stream, its number in the pass.</param>
/// <param name="Description">The sample in words, with its file where it has one.</param>
/// <param name="Epoch">Epoch in which it was asked for.</param>
/// <param name="Batch">Batch of that epoch.</param>
/// <param name="Error">What went wrong.</param>
public sealed record SampleFault(long Sample, string Description, int Epoch, int Batch, Exception Error)
{
    /// <inheritdoc/>
    public override string ToString() => $"{Description} (batch {Batch} of epoch {Epoch}): {Error.Message}";
}

/// <summary>Loading stopped: the message names the sample, its file where it has one, its place and the fault.</summary>
public sealed class DataLoadException : Exception
{
    internal DataLoadException(SampleFault fault)
        : base($"{fault} Set OnError = SampleErrors.Skip to leave such samples out.", fault.Error)
        => Fault = fault;

    internal DataLoadException(string message, Exception? inner)
        : base(message, inner)
    {
    }

    /// <summary>The sample; null when the fault lies elsewhere (a sampler, the reader of a stream, a transform of batches).</summary>
    public SampleFault? Fault { get; }
}
