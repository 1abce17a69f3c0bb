using System.Globalization;
using ModelGen.Data;

namespace ModelGen.Runtime.Tests.Data;

public sealed class PixelCsvTests : IDisposable
{
    /// <summary>A good row of a 2 x 2 image.</summary>
    private const string Good = "0,4,8,16,3";

    private readonly DataFiles files = new();

    public void Dispose() => files.Dispose();

    [Fact]
    public void PixelsAreScaled_AndLabelsAreKept()
    {
        LabelledImages read = Load($"{Good}\n16,0,0,0,9\n");
        Assert.Equal([0f, 0.25f, 0.5f, 1f, 1f, 0f, 0f, 0f], read.Images);
        Assert.Equal([3L, 9L], read.Labels);
        Assert.Equal((2, 2), (read.Rows, read.Columns));
    }

    [Theory]
    [InlineData("p0,p1,p2,p3,label\n")]
    [InlineData("\"a\",\"b\",\"c\",\"d\",\"class\"\r\n")]
    [InlineData("\uFEFFp0,p1,p2,p3,label\n")]
    [InlineData("\np0,p1,p2,p3,label\n")]
    [InlineData("\n")]
    [InlineData("\uFEFF")]
    [InlineData("")]
    public void HeaderBlankLinesAndByteOrderMark_AreNoRows(string start)
    {
        LabelledImages read = Load($"{start}{Good}\r\n\n {Good}\n\n");
        Assert.Equal([3L, 3L], read.Labels);
    }

    [Fact]
    public void MaxValue_IsAskedForTheSizeOfTheImages()
    {
        string path = files.Write("a.csv", $"{Good}\n{Good}\n");
        var asked = new List<int>();
        PixelCsv.Load(path, size =>
        {
            asked.Add(size);
            return 16;
        });
        Assert.Equal([2], asked);
    }

    [Fact]
    public void Numbers_AreReadTheSameInEveryCulture()
    {
        CultureInfo before = CultureInfo.CurrentCulture;
        try
        {
            CultureInfo.CurrentCulture = new CultureInfo("de-DE");
            Assert.Equal(0.0625f, Load("1.0,4,8,16,3\n").Images[0]);
        }
        finally
        {
            CultureInfo.CurrentCulture = before;
        }
    }

    [Fact]
    public void MissingFile_IsNamed()
    {
        string path = files.PathOf("none.csv");
        DataFiles.AssertRefused(() => PixelCsv.Load(path, static _ => 16), path, "no such file");
    }

    [Fact]
    public void FolderInsteadOfFile_IsRefused() =>
        DataFiles.AssertRefused(() => PixelCsv.Load(files.Folder, static _ => 16), files.Folder, "cannot be read");

    [Theory]
    [InlineData("")]
    [InlineData("\n\n  \n")]
    [InlineData("p0,p1,p2,p3,label\n")]
    public void FileWithoutRows_IsRefused(string text) => Refused(text, "no rows");

    [Theory]
    [InlineData("17", "17")]
    [InlineData("-1", "-1")]
    [InlineData("NaN", "NaN")]
    [InlineData("Infinity", "Infinity")]
    [InlineData("1e39", "1e39")]
    [InlineData("x", "x")]
    [InlineData("", "''")]
    public void FaultyPixel_GivesRowColumnAndRange(string pixel, string shown) =>
        Refused($"{Good}\n\n0,{pixel},8,16,3\n", "row 3", "column 2", shown, "0 to 16");

    /// <summary>One damaged cell does not make the first row a header, or its image would vanish in silence.</summary>
    [Theory]
    [InlineData("x,4,8,16,3", "column 1")]
    [InlineData("0,4,8,16,label", "label")]
    [InlineData(",,,,", "column 1")]
    public void DamagedFirstRow_IsNotTakenForAHeader(string first, string expected) => Refused($"{first}\n{Good}\n", "row 1", expected);

    [Fact]
    public void SecondHeader_IsRefused() => Refused($"a,b,c,d,e\na,b,c,d,e\n{Good}\n", "row 2");

    [Fact]
    public void HeaderOfAnotherWidth_IsRefused() => Refused($"p0,p1,label\n{Good}\n", "row 2", "wrong size", "5 values", "3");

    [Theory]
    [InlineData("10")]
    [InlineData("-1")]
    [InlineData("1.5")]
    [InlineData("one")]
    [InlineData("")]
    [InlineData("99999999999999999999")]
    public void FaultyLabel_GivesRowAndRange(string label) => Refused($"{Good}\n0,4,8,16,{label}\n", "row 2", $"label '{label}'", "0 to 9");

    [Fact]
    public void NumberOfClasses_SetsTheRangeOfLabels()
    {
        string path = files.Write("a.csv", $"{Good}\n");
        DataFiles.AssertRefused(() => PixelCsv.Load(path, static _ => 16, classes: 3), path, "row 1", "label '3'", "0 to 2");
        Assert.Equal([3L], PixelCsv.Load(path, static _ => 16, classes: 4).Labels);
    }

    [Theory]
    [InlineData("0,4,8,16")]
    [InlineData("0,4,8,16,3,")]
    [InlineData("0")]
    public void RowOfAnotherWidth_GivesRowAndBothWidths(string row) => Refused($"{Good}\n{row}\n", "row 2", "wrong size", "5");

    [Theory]
    [InlineData("1,2,3")]
    [InlineData("5")]
    [InlineData("0;4;8;16;3")]
    [InlineData("1,2,3,4,5,6,7")]
    public void ImagesThatAreNotSquare_AreRefused(string row) => Refused($"{row}\n", "row 1", "wrong size", "square");

    /// <summary>A binary file by mistake: the message stays one short line without control characters.</summary>
    [Fact]
    public void Junk_GivesAShortMessage()
    {
        string path = files.Write("a.csv", $"{Good}\n\u001b[2J\0{new string('x', 10_000)},4,8,16,3\n");
        DataFiles.AssertRefused(() => PixelCsv.Load(path, static _ => 16), path, "row 2", "column 1");
        Assert.InRange(Assert.Throws<DataFormatException>(() => PixelCsv.Load(path, static _ => 16)).Message.Length, path.Length, path.Length + 150);
    }

    [Theory]
    [InlineData(0, 10, "maxValue")]
    [InlineData(-1, 10, "maxValue")]
    [InlineData(16, 0, "classes")]
    public void ImpossibleArguments_AreArgumentFaults(int maxValue, int classes, string parameter)
    {
        string path = files.Write("a.csv", $"{Good}\n");
        Assert.Throws<ArgumentOutOfRangeException>(parameter, () => PixelCsv.Load(path, _ => maxValue, classes));
    }

    private LabelledImages Load(string text) => PixelCsv.Load(files.Write("a.csv", text), static _ => 16);

    private void Refused(string text, params string[] expected)
    {
        string path = files.Write("a.csv", text);
        DataFiles.AssertRefused(() => PixelCsv.Load(path, static _ => 16), path, expected);
    }
}
