using System.Runtime.CompilerServices;

namespace ModelGen.Generator.Tests.Snapshots;

/// <summary>The generated code as a reader sees it. On a difference the new text is beside the old one as <c>*.received.cs</c>; rename it to accept it.</summary>
public sealed class SnapshotTests
{
    [Fact]
    public void DigitNet() => Verify(Sources.DigitNet, "Samples.DigitNet");

    [Fact]
    public void ResidualNet() => Verify(Sources.ResidualNet, "Samples.ResidualNet");

    [Fact]
    public void Block() => Verify(Sources.ResidualNet, "Samples.Block");

    [Fact]
    public void TextNet() => Verify(Sources.TextNet, "Samples.TextNet");

    private static void Verify(string source, string model, [CallerFilePath] string path = "")
    {
        var (files, diagnostics, errors) = GeneratorRun.Run(source);
        Assert.True(diagnostics.IsEmpty && errors.IsEmpty, string.Join("\n", diagnostics.Concat(errors)));
        foreach ((string name, string text) in files.Where(file => file.Key.StartsWith(model + ".", StringComparison.Ordinal)))
        {
            Snapshot.Verify(Path.Combine(Path.GetDirectoryName(path)!, name.Replace(".g.cs", "")), text);
        }
    }
}

/// <summary>The file convention of Verify, which cannot be restored where this is built: <c>name.verified.cs</c>, <c>name.received.cs</c>.</summary>
internal static class Snapshot
{
    public static void Verify(string stem, string text)
    {
        string verified = stem + ".verified.cs";
        string received = stem + ".received.cs";
        string? expected = File.Exists(verified) ? File.ReadAllText(verified) : null;
        if (expected != text)
        {
            File.WriteAllText(received, text);
            Assert.Fail(expected is null ? $"{verified} does not exist; read {received} and rename it." : $"The generated code differs from {verified}; compare it with {received}.");
        }

        File.Delete(received);
    }
}
