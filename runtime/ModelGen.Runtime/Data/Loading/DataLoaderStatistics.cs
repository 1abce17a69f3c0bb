namespace ModelGen.Data;

/// <summary>What a loader has done so far. Two of them can be subtracted, to see one epoch.</summary>
/// <param name="Batches">Batches handed out.</param>
/// <param name="Samples">Samples in them.</param>
/// <param name="SkippedSamples">Samples left out because they could not be read.</param>
/// <param name="StallTime">Time that the consumer waited for batches, which includes the first of a pass.</param>
/// <param name="FirstBatchTime">The part of it spent on the first batch of a pass, when nothing is made ahead yet.</param>
/// <param name="WorkTime">Time that workers spent on these batches, summed over workers.</param>
public readonly record struct DataLoaderStatistics(long Batches, long Samples, long SkippedSamples, TimeSpan StallTime, TimeSpan FirstBatchTime, TimeSpan WorkTime)
{
    /// <summary>What was done between two moments.</summary>
    /// <param name="later">The later moment.</param>
    /// <param name="earlier">The earlier moment.</param>
    /// <returns>The difference.</returns>
    public static DataLoaderStatistics operator -(DataLoaderStatistics later, DataLoaderStatistics earlier) => Subtract(later, earlier);

    /// <summary>What was done between two moments.</summary>
    /// <param name="later">The later moment.</param>
    /// <param name="earlier">The earlier moment.</param>
    /// <returns>The difference.</returns>
    public static DataLoaderStatistics Subtract(DataLoaderStatistics later, DataLoaderStatistics earlier) => new(
        later.Batches - earlier.Batches,
        later.Samples - earlier.Samples,
        later.SkippedSamples - earlier.SkippedSamples,
        later.StallTime - earlier.StallTime,
        later.FirstBatchTime - earlier.FirstBatchTime,
        later.WorkTime - earlier.WorkTime);
}
