using System.Buffers.Binary;
using System.IO.Compression;

namespace ModelGen.Data;

/// <summary>A file of the IDX format of MNIST (http://yann.lecun.com/exdb/mnist): unsigned bytes with one size per dimension.</summary>
/// <param name="Sizes">Sizes; the first is the number of samples.</param>
/// <param name="Values">Values, row-major.</param>
public sealed record IdxFile(int[] Sizes, byte[] Values)
{
    private const byte UnsignedByte = 0x08;

    // A hostile header must not make the reader allocate without end; MNIST has 47 million values.
    private const long LargestFile = 1L << 30;

    /// <summary>Reads a file, gzipped or not.</summary>
    /// <param name="path">The file.</param>
    /// <param name="dimensions">Number of dimensions it must have: 3 for images, 1 for labels.</param>
    /// <returns>Sizes and values.</returns>
    /// <exception cref="DataFormatException">The file is missing, damaged, or another kind of file.</exception>
    /// <exception cref="ArgumentOutOfRangeException">Dimensions not in 1 to 255.</exception>
    public static IdxFile Read(string path, int dimensions)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(dimensions);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(dimensions, byte.MaxValue);
        try
        {
            using FileStream file = File.OpenRead(path);
            using Stream stream = IsGzip(file) ? new GZipStream(file, CompressionMode.Decompress) : file;
            return Read(stream, path, dimensions);
        }
        catch (Exception exception) when (exception is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new DataFormatException($"{path}: no such file.", exception);
        }
        catch (Exception exception) when (exception is InvalidDataException or IOException or UnauthorizedAccessException or NotSupportedException)
        {
            throw new DataFormatException($"{path}: cannot be read: {exception.Message}", exception);
        }
    }

    private static bool IsGzip(FileStream file)
    {
        bool gzip = file.ReadByte() == 0x1f && file.ReadByte() == 0x8b;
        file.Position = 0;
        return gzip;
    }

    private static IdxFile Read(Stream stream, string path, int dimensions)
    {
        byte[] header = new byte[4 + (4 * dimensions)];
        int got = stream.ReadAtLeast(header, header.Length, throwOnEndOfStream: false);
        if (got < 4)
        {
            throw new DataFormatException($"{path}: truncated: {got} bytes, too short for an IDX file.");
        }

        CheckMagic(header, path, dimensions);
        if (got < header.Length)
        {
            throw new DataFormatException($"{path}: truncated: the header ends after {got} of {header.Length} bytes.");
        }

        int[] sizes = ReadSizes(header, path);
        return new IdxFile(sizes, Body(stream, path, sizes.Aggregate(1L, static (product, size) => product * size)));
    }

    private static void CheckMagic(byte[] header, string path, int dimensions)
    {
        if (header[0] == 0 && header[1] == 0 && header[2] == UnsignedByte && header[3] == dimensions)
        {
            return;
        }

        string? type = ElementName(header[2]);
        string found = header[0] == 0 && header[1] == 0 && type is not null
            ? $" ({type}, {header[3]} dimension{(header[3] == 1 ? "" : "s")})"
            : " (not an IDX file)";
        throw new DataFormatException(
            $"{path}: wrong magic number 0x{BinaryPrimitives.ReadUInt32BigEndian(header):X8}{found}; a file of {(dimensions == 1 ? "labels" : "images")} starts with 0x{(UnsignedByte << 8) | dimensions:X8}, unsigned bytes.");
    }

    private static string? ElementName(byte type) => type switch
    {
        UnsignedByte => "unsigned bytes",
        0x09 => "signed bytes",
        0x0B => "16-bit integers",
        0x0C => "32-bit integers",
        0x0D => "32-bit floats",
        0x0E => "64-bit floats",
        _ => null,
    };

    private static int[] ReadSizes(byte[] header, string path)
    {
        uint[] sizes = new uint[(header.Length - 4) / 4];
        long count = 1;
        for (int i = 0; i < sizes.Length; i++)
        {
            sizes[i] = BinaryPrimitives.ReadUInt32BigEndian(header.AsSpan(4 + (4 * i)));

            // Both factors stay below 2^32, so that the product cannot overflow.
            count = count > LargestFile ? count : count * sizes[i];
        }

        return count is > 0 and <= LargestFile
            ? [.. sizes.Select(static size => (int)size)]
            : throw new DataFormatException($"{path}: wrong size: the header says {string.Join(" x ", sizes)} values{(count == 0 ? ", so it is empty" : "")}; sizes must be positive and at most {LargestFile} values in all.");
    }

    /// <summary>Reads in pieces, so that memory grows with what the file really holds.</summary>
    private static byte[] Body(Stream stream, string path, long count)
    {
        using var values = new MemoryStream();
        byte[] piece = new byte[1 << 20];
        int got;
        while (values.Length < count && (got = stream.Read(piece, 0, (int)Math.Min(piece.Length, count - values.Length))) > 0)
        {
            values.Write(piece, 0, got);
        }

        if (values.Length < count)
        {
            throw new DataFormatException($"{path}: truncated: {values.Length} of {count} values.");
        }

        return stream.ReadByte() < 0 ? values.ToArray() : throw new DataFormatException($"{path}: wrong size: the file goes on after the {count} values its header says.");
    }
}
