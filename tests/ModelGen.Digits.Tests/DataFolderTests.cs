using Digits;
using ModelGen.Data;

namespace ModelGen.Digits.Tests;

public sealed class DataFolderTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Theory]
    [InlineData("train-images-idx3-ubyte")]
    [InlineData("t10k-labels-idx1-ubyte.gz")]
    public void AnyIdxFile_MakesItAnIdxFolder(string name)
    {
        Touch(name);
        Assert.Equal(new DataFolder.Idx(folder.Root), DataFolder.Find(folder.Root));
    }

    [Fact]
    public void TwoTables_AreTakenByTheirNames()
    {
        Touch("optdigits-test.csv", "optdigits-train.csv", "README.md");
        Assert.Equal(new DataFolder.Csv(folder.File("optdigits-train.csv"), folder.File("optdigits-test.csv")), DataFolder.Find(folder.Root));
    }

    [Fact]
    public void OneTable_IsToBeSplit()
    {
        Touch("digits.CSV");
        Assert.Equal(new DataFolder.Csv(folder.File("digits.CSV"), null), DataFolder.Find(folder.Root));
    }

    [Fact]
    public void TablesWithoutTelltaleNames_AreRefused()
    {
        Touch("a.csv", "train.csv");
        Assert.Equal(
            $"{folder.Root}: of several .csv files exactly one must have 'test' in its name, but 0 have (a.csv, train.csv).",
            Assert.Throws<DataFormatException>(() => DataFolder.Find(folder.Root)).Message);
    }

    [Fact]
    public void EmptyFolder_IsRefused()
    {
        Assert.StartsWith($"{folder.Root}: holds neither", Assert.Throws<DataFormatException>(() => DataFolder.Find(folder.Root)).Message);
    }

    [Fact]
    public void MissingFolder_IsRefused()
    {
        string path = folder.File("nowhere");
        Assert.Equal($"{path}: no such folder.", Assert.Throws<DataFormatException>(() => DataFolder.Find(path)).Message);
    }

    [Fact]
    public void File_IsRefused()
    {
        Touch("x.csv");
        string path = folder.File("x.csv");
        Assert.Equal($"{path}: is a file; --data wants the folder it is in.", Assert.Throws<DataFormatException>(() => DataFolder.Find(path)).Message);
    }

    private void Touch(params string[] names)
    {
        foreach (string name in names)
        {
            File.WriteAllText(folder.File(name), string.Empty);
        }
    }
}
