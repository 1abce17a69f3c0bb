using Microsoft.Build.Utilities;
using ModelGen.Testing;

namespace ModelGen.Build.Tests;

public sealed class MendTorchSharpTests : IDisposable
{
    private const string Runtime = "libstdc++.so.6";

    private readonly TempFolder _folder = new();
    private readonly RecordingEngine _engine = new();

    [Fact]
    public void OlderRuntime_GetsAMendedCopyAndOneMessage()
    {
        string library = Library("GLIBCXX_3.4.32", isUsed: false);
        byte[] original = File.ReadAllBytes(library);

        MendTorchSharp first = Run(library, "auto");
        MendTorchSharp second = Run(library, "auto");

        Assert.Equal(
            ["ModelGen: mended libLibTorchSharp.so: it asked for GLIBCXX_3.4.32 (unused), this machine's libstdc++ ends at GLIBCXX_3.4.30."],
            _engine.Messages);
        Assert.Equal(original, File.ReadAllBytes(library));
        Assert.NotEqual(original, File.ReadAllBytes(Assert.Single(first.Mended).ItemSpec));
        Assert.Equal("kept", Assert.Single(second.Mended).GetMetadata("Mark"));
        Assert.Empty(Directory.GetFiles(Path.Combine(_folder.Root, "obj"), "*.tmp"));
    }

    [Fact]
    public void SecondRun_DoesNotTouchTheCopy()
    {
        string library = Library("GLIBCXX_3.4.32", isUsed: false);
        string copy = Run(library, "auto").Mended[0].ItemSpec;
        File.SetLastWriteTimeUtc(copy, new DateTime(2020, 1, 1, 0, 0, 0, DateTimeKind.Utc));

        Run(library, "auto");

        Assert.Equal(2020, File.GetLastWriteTimeUtc(copy).Year);
    }

    [Fact]
    public void NewerRuntime_LeavesTheLibraryAlone()
    {
        MendTorchSharp task = Run(Library("GLIBCXX_3.4.29", isUsed: true, other: "GLIBCXX_3.4.30"), "auto");

        Assert.Empty(task.Mended);
        Assert.Empty(_engine.Messages);
        Assert.False(Directory.Exists(Path.Combine(_folder.Root, "obj")));
    }

    [Fact]
    public void UsedVersion_IsAWarningThatNamesTheSymbol()
    {
        MendTorchSharp task = Run(Library("GLIBCXX_3.4.32", isUsed: true), "auto");

        Assert.Empty(task.Mended);
        var warning = Assert.Single(_engine.Warnings);
        Assert.Equal("MGB003", warning.Code);
        Assert.Contains("symbol0 of GLIBCXX_3.4.32", warning.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void GarbledLibrary_IsAWarningThatNamesTheFault()
    {
        MendTorchSharp task = Run(_folder.Write("libLibTorchSharp.so", [1, 2, 3]), "auto");

        Assert.Empty(task.Mended);
        var warning = Assert.Single(_engine.Warnings);
        Assert.Equal("MGB002", warning.Code);
        Assert.Contains("libLibTorchSharp.so: left as it is, because the ELF header", warning.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Always_MendsEveryUnusedVersionWithoutLookingAtThisMachine()
    {
        MendTorchSharp task = Run(Library("GLIBCXX_3.4.20", isUsed: false, other: "GLIBCXX_3.4.30"), "always");

        Assert.Single(task.Mended);
        Assert.Contains("GLIBCXX_3.4.20, GLIBCXX_3.4.30 (unused)", Assert.Single(_engine.Messages), StringComparison.Ordinal);
    }

    [Fact]
    public void Never_DoesNothing() => Assert.Empty(Run(Library("GLIBCXX_3.4.32", isUsed: false), "never").Mended);

    [Fact]
    public void UnknownMode_IsAnError()
    {
        var task = Task(Library("GLIBCXX_3.4.32", isUsed: false), "sometimes");

        Assert.False(task.Execute());
        Assert.Contains("Write auto", Assert.Single(_engine.Errors).Message, StringComparison.Ordinal);
    }

    public void Dispose() => _folder.Dispose();

    private string Library(string version, bool isUsed, string? other = null)
    {
        var builder = new ElfBuilder().Links(Runtime).Needs(Runtime, version, isUsed);
        return _folder.Write("libLibTorchSharp.so", (other is null ? builder : builder.Needs(Runtime, other, false)).Build());
    }

    private MendTorchSharp Run(string library, string mode)
    {
        MendTorchSharp task = Task(library, mode);
        Assert.True(task.Execute());
        return task;
    }

    private MendTorchSharp Task(string library, string mode) => new()
    {
        BuildEngine = _engine,
        Libraries = [new TaskItem(library, new Dictionary<string, string> { ["Mark"] = "kept" })],
        OutputFolder = Path.Combine(_folder.Root, "obj"),
        Mode = mode,
        CppRuntime = _folder.Write(Runtime, new ElfBuilder().Defines("GLIBCXX_3.4.29", "GLIBCXX_3.4.9", "GLIBCXX_3.4.30").Build()),
    };
}
