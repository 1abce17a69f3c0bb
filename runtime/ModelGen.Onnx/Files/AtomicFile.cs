namespace ModelGen;

/// <summary>Writes files whole or not at all: a reader, or a run after a crash, finds the old file or the new one and nothing between.</summary>
internal static class AtomicFile
{
    /// <summary>A name in the folder of a file that nobody else uses.</summary>
    public static string TemporaryName(string path) => Path.Combine(Path.GetDirectoryName(path)!, $".{Path.GetFileName(path)}.{Guid.NewGuid():N}.tmp");

    /// <summary>Writes a file beside its place, forces it to the disk and moves it to its place.</summary>
    /// <param name="path">The file; one that is there is replaced.</param>
    /// <param name="write">Writes the content.</param>
    /// <exception cref="IOException">The folder is missing or the disk is full; what was at <paramref name="path"/> is still there.</exception>
    public static void Write(string path, Action<Stream> write)
    {
        string temporary = TemporaryName(path);
        try
        {
            using (var stream = new FileStream(temporary, FileMode.CreateNew, FileAccess.Write, FileShare.None, 1 << 16))
            {
                write(stream);
                stream.Flush(flushToDisk: true);
            }

            File.Move(temporary, path, overwrite: true);
            FolderSync.Flush(Path.GetDirectoryName(Path.GetFullPath(path))!);
        }
        catch
        {
            File.Delete(temporary);
            throw;
        }
    }
}
