namespace ModelGen.Digits.Tests;

/// <summary>A folder that lives as long as a test.</summary>
public sealed class TemporaryFolder : IDisposable
{
    private readonly DirectoryInfo folder = Directory.CreateTempSubdirectory("digits-test-");

    public string Root => folder.FullName;

    public string File(string name) => Path.Combine(folder.FullName, name);

    public void Dispose() => folder.Delete(recursive: true);
}
