namespace ModelGen;

/// <summary>Where and when a trainer writes checkpoints.</summary>
/// <param name="Directory">Folder of the checkpoints of one fit; made when it is missing. Two fits must not share one.</param>
public sealed record CheckpointOptions(string Directory)
{
    /// <summary>Epochs between two checkpoints; 0 for none after epochs. Default 1.</summary>
    public int EveryEpochs { get; init; } = 1;

    /// <summary>Updates between two further checkpoints within epochs; null for none.</summary>
    public int? EverySteps { get; init; }

    /// <summary>How many of the last checkpoints are kept; default 2, so that there is one when the last one is damaged.</summary>
    public int KeepLast { get; init; } = 2;

    /// <summary>How many of the checkpoints with the best monitored values (<see cref="TrainerOptions.Monitor"/>) are kept besides; default 1.</summary>
    public int KeepBest { get; init; } = 1;

    /// <summary>
    /// Whether <c>Fit</c> goes on from the last checkpoint of the folder, if there is one: the weights at the end are, bit for bit, those of a fit that was never interrupted. Default true. When the
    /// last one is damaged, the one before is used, with a note. False starts anew and refuses a folder that has checkpoints.
    /// </summary>
    public bool Resume { get; init; } = true;
}

/// <summary>A checkpoint cannot be written, read, or used for this fit.</summary>
/// <param name="message">The file and the fault.</param>
/// <param name="inner">The underlying fault, if any.</param>
public sealed class CheckpointException(string message, Exception? inner = null) : Exception(message, inner);
