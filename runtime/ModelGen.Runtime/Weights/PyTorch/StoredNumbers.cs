namespace ModelGen.Weights;

/// <summary>Where the numbers of a storage lie in a file.</summary>
/// <param name="Offset">First byte.</param>
/// <param name="Length">Bytes of the whole storage.</param>
/// <param name="Checksum">CRC-32, null where the format has none.</param>
internal sealed record StoredNumbers(long Offset, long Length, uint? Checksum);
