namespace ModelGen.Weights;

/// <summary>A file of TorchSharp's <c>module.save</c>: number of tensors, then name, type, sizes and numbers of each (TorchSharp 0.107, <c>NN/Module.cs</c>, <c>Utils/LEB128Codec.cs</c>).</summary>
internal sealed unsafe class TorchSharpFile : WeightFile
{
    // A tensor takes at least this many bytes: length of the name, type, rank.
    private const int SmallestTensor = 3;

    // Values of TorchSharp's ScalarType; the gaps are quantized types.
    private static readonly WeightType?[] Types =
    [
        WeightType.UInt8, WeightType.Int8, WeightType.Int16, WeightType.Int32, WeightType.Int64, WeightType.Float16, WeightType.Float32, WeightType.Float64, null,
        WeightType.Complex64, WeightType.Complex128, WeightType.Bool, null, null, null, WeightType.BFloat16,
    ];

    private readonly long[] offsets;

    private TorchSharpFile(ByteSource source, List<WeightEntry> entries, long[] offsets)
        : base(source, WeightFormat.TorchSharp, entries, new Dictionary<string, string>())
    {
        this.offsets = offsets;
    }

    /// <summary>Opens a file. The format has no mark to know it by; a file of another kind breaks one of its rules soon.</summary>
    /// <param name="source">The file; stays the caller's when it is refused.</param>
    /// <exception cref="WeightFormatException">The file is damaged or of another kind.</exception>
    public static TorchSharpFile Open(ByteSource source)
    {
        var cursor = new ByteCursor(source, 0, source.Length, "as a file of TorchSharp");
        long count = cursor.Leb128();
        if (count > cursor.Left / SmallestTensor)
        {
            throw cursor.Fault($"{count} tensors do not fit in {cursor.Left} bytes");
        }

        var entries = new List<WeightEntry>();
        var offsets = new List<long>();
        for (int i = 0; i < count; i++)
        {
            WeightEntry entry = ReadEntry(cursor, i);
            entries.Add(entry);
            offsets.Add(cursor.Position);
            cursor.Skip(entry.ByteCount);
        }

        return cursor.Left == 0 ? new TorchSharpFile(source, entries, [.. offsets]) : throw cursor.Fault($"{cursor.Left} bytes follow the {count} tensors");
    }

    /// <summary>Number of a type in the format.</summary>
    public static int TypeCode(WeightType type) => Array.IndexOf(Types, type);

    private protected override void ReadNumbers(WeightEntry entry, byte* destination) => Source.Read(offsets[entry.Index], destination, entry.ByteCount);

    private static WeightEntry ReadEntry(ByteCursor cursor, int index)
    {
        string name = cursor.Utf8(cursor.Leb128());
        long code = cursor.Leb128();
        WeightType type = (code < Types.Length ? Types[code] : null) ?? throw cursor.Fault($"'{WeightEntry.Shown(name)}' has a type {code}, which is unknown or quantized");
        long rank = cursor.Leb128();
        if (rank > SafetensorsHeader.MostDimensions)
        {
            throw cursor.Fault($"'{WeightEntry.Shown(name)}' has {rank} dimensions; {SafetensorsHeader.MostDimensions} are allowed");
        }

        long[] shape = new long[rank];
        for (int i = 0; i < shape.Length; i++)
        {
            shape[i] = cursor.Leb128();
        }

        long bytes = WeightTypes.ByteCount(type, shape);
        return bytes >= 0 && bytes <= cursor.Left
            ? new WeightEntry(name, type, shape, bytes, index)
            : throw cursor.Fault($"'{WeightEntry.Shown(name)}', {type} {WeightEntry.Shown(shape)}, does not fit in the {cursor.Left} bytes that are left");
    }
}
