namespace ModelGen.Build;

/// <summary>Writes files that a parallel build may want at the same moment: whole or not at all, and not when nothing changes.</summary>
internal static class FileReplacer
{
    /// <summary>Gives <paramref name="path"/> the content, and tells whether it had another (or none) before.</summary>
    public static bool WriteIfChanged(string path, byte[] content)
    {
        if (HasContent(path, content))
        {
            return false;
        }
        Directory.CreateDirectory(Path.GetDirectoryName(Path.GetFullPath(path))!);
        string draft = $"{path}.{Guid.NewGuid():N}.tmp";
        try
        {
            File.WriteAllBytes(draft, content);
            if (File.Exists(path))
            {
                File.Replace(draft, path, null);
            }
            else
            {
                File.Move(draft, path);
            }
            return true;
        }
        catch (IOException) when (HasContent(path, content))
        {
            // Another build of the same project was first with the same bytes.
            return false;
        }
        finally
        {
            File.Delete(draft);
        }
    }

    private static bool HasContent(string path, byte[] content) =>
        File.Exists(path) && new FileInfo(path).Length == content.Length && File.ReadAllBytes(path).SequenceEqual(content);
}
