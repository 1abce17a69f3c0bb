using System.Buffers.Binary;
using System.IO.Compression;
using ModelGen.Data;

namespace ModelGen.Runtime.Tests.Data;

/// <summary>A folder of data files for one test; deleted with it.</summary>
internal sealed class DataFiles : IDisposable
{
    public string Folder { get; } = Directory.CreateTempSubdirectory("modelgen-data-").FullName;

    public static byte[] Gzip(byte[] bytes)
    {
        using var packed = new MemoryStream();
        using (var gzip = new GZipStream(packed, CompressionLevel.Fastest))
        {
            gzip.Write(bytes);
        }

        return packed.ToArray();
    }

    /// <summary>An IDX file of unsigned bytes; the sizes need not fit the values.</summary>
    public static byte[] Idx(byte[] values, params uint[] sizes)
    {
        byte[] header = new byte[4 + (4 * sizes.Length)];
        header[2] = 0x08;
        header[3] = (byte)sizes.Length;
        for (int i = 0; i < sizes.Length; i++)
        {
            BinaryPrimitives.WriteUInt32BigEndian(header.AsSpan(4 + (4 * i)), sizes[i]);
        }

        return [.. header, .. values];
    }

    /// <summary>Bytes that gzip cannot shrink, so that a cut file has lost values and not only its trailer.</summary>
    public static byte[] Noise(int count)
    {
        byte[] values = new byte[count];
        new Random(1).NextBytes(values);
        return values;
    }

    /// <summary>Asserts that reading is refused with one line that names the file and the fault.</summary>
    public static void AssertRefused(Action read, string path, params string[] expected)
    {
        DataFormatException fault = Assert.Throws<DataFormatException>(read);
        Assert.StartsWith(path + ": ", fault.Message, StringComparison.Ordinal);
        Assert.DoesNotContain(fault.Message, char.IsControl);
        Assert.All(expected, text => Assert.Contains(text, fault.Message, StringComparison.Ordinal));
    }

    public string PathOf(string name) => Path.Combine(Folder, name);

    public string Write(string name, byte[] bytes)
    {
        File.WriteAllBytes(PathOf(name), bytes);
        return PathOf(name);
    }

    public string Write(string name, string text)
    {
        File.WriteAllText(PathOf(name), text);
        return PathOf(name);
    }

    public void Dispose() => Directory.Delete(Folder, recursive: true);
}
