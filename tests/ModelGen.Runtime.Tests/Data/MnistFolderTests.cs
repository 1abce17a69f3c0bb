using ModelGen.Data;

namespace ModelGen.Runtime.Tests.Data;

public sealed class MnistFolderTests : IDisposable
{
    private const string TrainImages = "train-images-idx3-ubyte";
    private const string TrainLabels = "train-labels-idx1-ubyte";
    private const string TestImages = "t10k-images-idx3-ubyte";
    private const string TestLabels = "t10k-labels-idx1-ubyte";

    private readonly DataFiles files = new();

    public MnistFolderTests()
    {
        files.Write(TrainImages, DataFiles.Idx([0, 51, 102, 255, 1, 2, 3, 4, 5, 6, 7, 8], 2, 2, 3));
        files.Write(TrainLabels, DataFiles.Idx([9, 0], 2));
        files.Write(TestImages, DataFiles.Idx([255, 0, 0, 0, 0, 255], 1, 2, 3));
        files.Write(TestLabels, DataFiles.Idx([4], 1));
    }

    public void Dispose() => files.Dispose();

    [Fact]
    public void PixelsAreScaled_AndLabelsAreKept()
    {
        (LabelledImages train, LabelledImages test) = MnistFolder.Load(files.Folder);
        Assert.Equal([0f, 0.2f, 0.4f, 1f], train.Images[..4]);
        Assert.Equal([9L, 0L], train.Labels);
        Assert.Equal((2, 3), (train.Rows, train.Columns));
        Assert.Equal([1f, 0f, 0f, 0f, 0f, 1f], test.Images);
        Assert.Equal([4L], test.Labels);
    }

    [Fact]
    public void Dataset_HasOneChannel()
    {
        TensorDataset dataset = MnistFolder.Load(files.Folder).Train.ToDataset();
        Assert.Equal(2, dataset.Count);
        Assert.Equal([1L, 2L, 3L], dataset.Inputs[0].Shape);
        Assert.Equal([9L, 0L], dataset.TargetAs<long>().ToArray());
    }

    [Theory]
    [InlineData("train-images.idx3-ubyte", false)]
    [InlineData("train-images-idx3-ubyte.gz", true)]
    [InlineData("train-images.idx3-ubyte.gz", true)]
    public void OtherNamesOfTheFiles_AreFound(string name, bool gzip)
    {
        byte[] bytes = File.ReadAllBytes(files.PathOf(TrainImages));
        File.Delete(files.PathOf(TrainImages));
        files.Write(name, gzip ? DataFiles.Gzip(bytes) : bytes);
        Assert.Equal(2, MnistFolder.Load(files.Folder).Train.Labels.Length);
    }

    [Theory]
    [InlineData(TrainImages)]
    [InlineData(TrainLabels)]
    [InlineData(TestImages)]
    [InlineData(TestLabels)]
    public void MissingFile_IsNamed(string name)
    {
        File.Delete(files.PathOf(name));
        Refused(name, "no such file");
    }

    [Theory]
    [InlineData(TrainLabels, 3)]
    [InlineData(TestLabels, 2)]
    public void OtherNumberOfLabelsThanImages_GivesBothNumbers(string name, int labels)
    {
        files.Write(name, DataFiles.Idx(new byte[labels], (uint)labels));
        Refused(name, $"{labels} labels", $"{labels - 1} images");
    }

    [Fact]
    public void LabelOutOfRange_GivesTheImage()
    {
        files.Write(TrainLabels, DataFiles.Idx([9, 10], 2));
        Refused(TrainLabels, "label 10", "image 1", "0 to 9");
    }

    [Fact]
    public void NumberOfClasses_SetsTheRangeOfLabels() =>
        DataFiles.AssertRefused(() => MnistFolder.Load(files.Folder, classes: 5), files.PathOf(TrainLabels), "label 9", "image 0", "0 to 4");

    [Fact]
    public void TestImagesOfAnotherSize_AreRefused()
    {
        files.Write(TestImages, DataFiles.Idx(new byte[6], 1, 3, 2));
        Refused(TestImages, "wrong size", "3 x 2", "2 x 3");
    }

    [Theory]
    [InlineData(0)]
    [InlineData(-1)]
    public void NoClasses_IsAnArgumentFault(int classes) =>
        Assert.Throws<ArgumentOutOfRangeException>("classes", () => MnistFolder.Load(files.Folder, classes));

    private void Refused(string name, params string[] expected) => DataFiles.AssertRefused(() => MnistFolder.Load(files.Folder), files.PathOf(name), expected);
}
