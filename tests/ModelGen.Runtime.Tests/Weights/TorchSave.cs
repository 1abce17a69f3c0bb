using System.Buffers.Binary;
using System.IO.Hashing;
using System.Numerics;
using System.Text;

namespace ModelGen.Runtime.Tests.Weights;

/// <summary>Makes files as <c>torch.save</c> makes them, which no Python is at hand for: the layout of the archive is that of PyTorch 2.6 (<c>caffe2/serialize/inline_container.cc</c>).</summary>
internal static class TorchSave
{
    /// <summary>A zip archive: files stored, their bytes aligned to 64 by an extra field, a zip64 directory.</summary>
    public static byte[] Zip(object? value, string name = "archive", string? byteOrder = "little")
    {
        var writer = new PickleWriter();
        byte[] pickle = writer.Write(value);
        var files = new List<(string, byte[])> { ("data.pkl", pickle), (".format_version", "1"u8.ToArray()), (".storage_alignment", "64"u8.ToArray()) };
        if (byteOrder is not null)
        {
            files.Add(("byteorder", Encoding.ASCII.GetBytes(byteOrder)));
        }

        files.AddRange(writer.Storages.Select(static (storage, key) => ($"data/{key}", storage.Bytes)));
        files.Add(("version", "3\n"u8.ToArray()));
        files.Add((".data/serialization_id", Encoding.ASCII.GetBytes(new string('7', 40))));
        return Archive([.. files.Select(file => (name + "/" + file.Item1, file.Item2))]);
    }

    /// <summary>The layout before PyTorch 1.6.</summary>
    public static byte[] Legacy(object? value)
    {
        var writer = new PickleWriter(legacy: true);
        byte[] pickle = writer.Write(value);
        using var file = new MemoryStream();
        file.Write(new PickleWriter().Write(BigInteger.Parse("119547037146038801333356")));
        file.Write(new PickleWriter().Write(1001));
        file.Write(new PickleWriter().Write(new PyDict(("protocol_version", 1001), ("little_endian", true), ("type_sizes", new PyDict(("short", 2), ("int", 4), ("long", 4))))));
        file.Write(pickle);
        file.Write(new PickleWriter().Write(writer.Storages.Select(static (_, key) => (object)key.ToString(System.Globalization.CultureInfo.InvariantCulture)).ToArray()));
        Span<byte> count = stackalloc byte[8];
        foreach (PyStorage storage in writer.Storages)
        {
            BinaryPrimitives.WriteInt64LittleEndian(count, storage.Count);
            file.Write(count);
            file.Write(storage.Bytes);
        }

        return file.ToArray();
    }

    /// <summary>An archive of files.</summary>
    public static byte[] Archive(params (string Name, byte[] Bytes)[] files)
    {
        using var stream = new MemoryStream();
        using var archive = new BinaryWriter(stream);
        using var directory = new MemoryStream();
        using var central = new BinaryWriter(directory);
        foreach ((string name, byte[] bytes) in files)
        {
            uint offset = (uint)stream.Position, checksum = Crc32.HashToUInt32(bytes);
            byte[] path = Encoding.UTF8.GetBytes(name);
            int padding = (int)((64 - ((stream.Position + 30 + path.Length + 4) % 64)) % 64);
            archive.Write(0x04034b50);
            Common(archive, checksum, bytes.Length, path.Length);
            archive.Write((short)(4 + padding));
            archive.Write(path);
            archive.Write("FB"u8);
            archive.Write((short)padding);
            archive.Write(Enumerable.Repeat((byte)'Z', padding).ToArray());
            archive.Write(bytes);

            central.Write(0x02014b50);
            central.Write((short)0);
            Common(central, checksum, bytes.Length, path.Length);
            central.Write((short)0);
            central.Write(new byte[10]);
            central.Write(offset);
            central.Write(path);
        }

        long start = stream.Position;
        archive.Write(directory.ToArray());
        long end = stream.Position;
        archive.Write(0x06064b50);
        archive.Write(44L);
        archive.Write(0x031e031e);
        archive.Write(0L);
        archive.Write((long)files.Length);
        archive.Write((long)files.Length);
        archive.Write(directory.Length);
        archive.Write(start);
        archive.Write(0x07064b50);
        archive.Write(0);
        archive.Write(end);
        archive.Write(1);
        archive.Write(0x06054b50);
        archive.Write(0);
        archive.Write((short)files.Length);
        archive.Write((short)files.Length);
        archive.Write((int)directory.Length);
        archive.Write(uint.MaxValue);
        archive.Write((short)0);
        return stream.ToArray();
    }

    private static void Common(BinaryWriter writer, uint checksum, int length, int nameLength)
    {
        writer.Write((short)0);
        writer.Write((short)0x0800);
        writer.Write((short)0);
        writer.Write(0);
        writer.Write(checksum);
        writer.Write(length);
        writer.Write(length);
        writer.Write((short)nameLength);
    }
}
