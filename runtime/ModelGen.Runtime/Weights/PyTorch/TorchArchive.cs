using System.Buffers.Binary;

namespace ModelGen.Weights;

/// <summary>The outer structure of a file of <c>torch.save</c>: the value that was saved and where the numbers of its tensors lie.</summary>
/// <param name="Value">The value.</param>
/// <param name="Storages">Numbers by the key of their storage.</param>
/// <param name="BigEndian">Whether the bytes of a number stand in the order of a big-endian machine.</param>
internal sealed record TorchArchive(object? Value, IReadOnlyDictionary<string, StoredNumbers> Storages, bool BigEndian)
{
    private const string PickleFile = "/data.pkl";

    // LONG1 of 0x1950a86a20f9469cfc6c in a pickle of its own, torch/serialization.py.
    private static ReadOnlySpan<byte> LegacyMark => [0x80, 2, 0x8a, 10, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19, (byte)'.'];

    /// <summary>Whether a file starts as a zip archive, which torch.save writes since PyTorch 1.6.</summary>
    public static bool IsZip(ReadOnlySpan<byte> start) => start.StartsWith("PK\u0003\u0004"u8) || start.StartsWith("PK\u0005\u0006"u8);

    /// <summary>Whether a file starts as those of torch.save before PyTorch 1.6.</summary>
    public static bool IsLegacy(ReadOnlySpan<byte> start) => start.StartsWith(LegacyMark);

    /// <summary>Whether a file starts with some other pickle.</summary>
    public static bool IsPickle(ReadOnlySpan<byte> start) => start is [0x80, >= 1 and <= 5, ..];

    /// <summary>Reads an archive of PyTorch 1.6 or newer.</summary>
    /// <exception cref="WeightFormatException">It is damaged, or no archive of torch.save.</exception>
    public static TorchArchive ReadZip(ByteSource source, bool verifyChecksums)
    {
        Dictionary<string, ZipEntry> files = ZipDirectory.Read(source);
        string[] pickles = [.. files.Keys.Where(static name => name.EndsWith(PickleFile, StringComparison.Ordinal) && name.IndexOf('/') == name.Length - PickleFile.Length)];
        if (pickles.Length != 1)
        {
            throw source.Fault("a zip archive, but not one of torch.save: there must be one file data.pkl in one folder.");
        }

        string folder = pickles[0][..^(PickleFile.Length - 1)];
        if (files.ContainsKey(folder + "constants.pkl"))
        {
            throw source.Fault("a TorchScript program, not a state dict. Load it with torch.jit.load, or save model.state_dict() in Python.");
        }

        ZipEntry pickle = files[pickles[0]];
        if (verifyChecksums && Checksums.Crc32(source, pickle.Offset, pickle.Length) is var actual && actual != pickle.Checksum)
        {
            throw source.Fault($"damaged: data.pkl has the checksum {actual:X8} instead of {pickle.Checksum:X8}.");
        }

        var cursor = new ByteCursor(source, pickle.Offset, pickle.Length, "data.pkl");
        object? value = new PickleReader(cursor).Read();
        if (cursor.Left != 0)
        {
            throw cursor.Fault($"{cursor.Left} bytes follow the pickle");
        }

        string data = folder + "data/";
        return new TorchArchive(
            value,
            files.Where(file => file.Key.StartsWith(data, StringComparison.Ordinal))
                .ToDictionary(file => file.Key[data.Length..], static file => new StoredNumbers(file.Value.Offset, file.Value.Length, file.Value.Checksum), StringComparer.Ordinal),
            IsBigEndian(source, files.GetValueOrDefault(folder + "byteorder")));
    }

    /// <summary>Reads a file of PyTorch before 1.6: the mark, a version, facts about the machine, the value, the keys of the storages, then length and numbers of each.</summary>
    /// <exception cref="WeightFormatException">It is damaged.</exception>
    public static TorchArchive ReadLegacy(ByteSource source)
    {
        const long Version = 1001;
        var cursor = new ByteCursor(source, 0, source.Length, "as a file of PyTorch before 1.6");
        cursor.Skip(LegacyMark.Length);
        var reader = new PickleReader(cursor);
        if (reader.Read() is not Version)
        {
            throw cursor.Fault($"the version is not {Version}");
        }

        if (reader.Read() is not PickleDict machine || !machine.TryGet("little_endian", out object? little) || little is not true)
        {
            throw cursor.Fault("the facts about the machine are damaged, or it was a big-endian one");
        }

        object? value = reader.Read();
        PickleList keys = reader.Read() as PickleList ?? throw cursor.Fault("the list of storages is damaged");
        IReadOnlyDictionary<string, WeightType> types = reader.Storages;
        var storages = new Dictionary<string, StoredNumbers>(StringComparer.Ordinal);
        Span<byte> count = stackalloc byte[8];
        foreach (object? item in keys.Items)
        {
            if (item is not string key || !types.TryGetValue(key, out WeightType type))
            {
                throw cursor.Fault("the list of storages names one that no tensor uses");
            }

            cursor.Bytes(count);
            long bytes = WeightTypes.ByteCount(type, [BinaryPrimitives.ReadInt64LittleEndian(count)]);
            if (bytes < 0 || bytes > cursor.Left || !storages.TryAdd(key, new StoredNumbers(cursor.Position, bytes, null)))
            {
                throw cursor.Fault($"storage '{WeightEntry.Shown(key)}' does not fit in the {cursor.Left} bytes that are left, or is there twice");
            }

            cursor.Skip(bytes);
        }

        return cursor.Left == 0 ? new TorchArchive(value, storages, false) : throw cursor.Fault($"{cursor.Left} bytes follow the storages");
    }

    private static bool IsBigEndian(ByteSource source, ZipEntry? file)
    {
        if (file is null)
        {
            return false;
        }

        Span<byte> text = stackalloc byte[(int)Math.Min(file.Length, 8)];
        source.Read(file.Offset, text);
        return text.SequenceEqual("big"u8) ? true : text.SequenceEqual("little"u8) ? false : throw source.Fault("the byte order of the numbers is neither little nor big.");
    }
}
