namespace ModelGen.Data;

/// <summary>What a batch is made of.</summary>
/// <param name="Epoch">Its epoch.</param>
/// <param name="Index">Its number in the epoch.</param>
/// <param name="Samples">Indices of its samples; null for a stream.</param>
/// <param name="Records">Records of its samples; null for a map-style data set.</param>
/// <param name="FirstRecord">Number of the first record in the pass.</param>
/// <param name="IsLast">Whether the epoch ends with it.</param>
internal sealed record BatchWork(int Epoch, int Index, ArraySegment<int>? Samples, object?[]? Records, long FirstRecord, bool IsLast)
{
    public int Count => Samples?.Count ?? Records!.Length;

    public long SampleNumber(int row) => Samples is { } samples ? samples[row] : FirstRecord + row;
}
