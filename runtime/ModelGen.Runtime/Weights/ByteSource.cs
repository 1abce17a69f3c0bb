using Microsoft.Win32.SafeHandles;

namespace ModelGen.Weights;

/// <summary>The bytes of a file of weights, read at any place and by any number of threads.</summary>
internal abstract unsafe class ByteSource : IDisposable
{
    /// <summary>What messages start with: the path, or a word for bytes in memory.</summary>
    public abstract string Name { get; }

    /// <summary>Number of bytes.</summary>
    public abstract long Length { get; }

    /// <summary>Reads bytes; the range must lie within the source.</summary>
    /// <exception cref="WeightFormatException">The file cannot be read there, or became shorter.</exception>
    public abstract void Read(long offset, Span<byte> destination);

    /// <summary>Reads bytes into memory of any size.</summary>
    public void Read(long offset, byte* destination, long count)
    {
        const int Piece = 1 << 26;
        for (long done = 0; done < count; done += Piece)
        {
            Read(offset + done, new Span<byte>(destination + done, (int)Math.Min(Piece, count - done)));
        }
    }

    /// <summary>A fault of this file.</summary>
    public WeightFormatException Fault(string message, Exception? inner = null) => new($"{Name}: {message}", inner);

    /// <inheritdoc/>
    public abstract void Dispose();
}

/// <summary>A file on disk.</summary>
internal sealed class FileSource : ByteSource
{
    private readonly SafeFileHandle handle;

    public FileSource(string path)
    {
        Name = path;
        try
        {
            handle = File.OpenHandle(path);
            Length = RandomAccess.GetLength(handle);
        }
        catch (Exception exception) when (exception is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new WeightFormatException($"{path}: no such file.", exception);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or NotSupportedException)
        {
            handle?.Dispose();
            throw new WeightFormatException($"{path}: cannot be read: {exception.Message}", exception);
        }
    }

    public override string Name { get; }

    public override long Length { get; }

    public override void Read(long offset, Span<byte> destination)
    {
        try
        {
            while (!destination.IsEmpty)
            {
                int got = RandomAccess.Read(handle, destination, offset);
                if (got == 0)
                {
                    throw Fault($"the file became shorter while it was read: no byte at {offset}, {Length} bytes when it was opened.");
                }

                destination = destination[got..];
                offset += got;
            }
        }
        catch (IOException exception)
        {
            throw Fault($"cannot be read: {exception.Message}", exception);
        }
    }

    public override void Dispose() => handle.Dispose();
}

/// <summary>Bytes in memory.</summary>
internal sealed class MemorySource(ReadOnlyMemory<byte> bytes) : ByteSource
{
    public override string Name => "weights in memory";

    public override long Length => bytes.Length;

    public override void Read(long offset, Span<byte> destination) => bytes.Span.Slice((int)offset, destination.Length).CopyTo(destination);

    public override void Dispose()
    {
    }
}
