using ModelGen.Data;

namespace ModelGen.Runtime.Tests.Data;

public sealed class IdxFileTests : IDisposable
{
    private readonly DataFiles files = new();

    public void Dispose() => files.Dispose();

    [Theory]
    [InlineData("images", false)]
    [InlineData("images.gz", true)]
    [InlineData("images", true)]
    [InlineData("images.gz", false)]
    public void PlainAndGzippedFilesReadTheSame_WhateverTheirName(string name, bool gzip)
    {
        byte[] values = DataFiles.Noise(2 * 3 * 5);
        byte[] bytes = DataFiles.Idx(values, 2, 3, 5);
        IdxFile read = IdxFile.Read(files.Write(name, gzip ? DataFiles.Gzip(bytes) : bytes), 3);
        Assert.Equal([2, 3, 5], read.Sizes);
        Assert.Equal(values, read.Values);
    }

    [Fact]
    public void FileLargerThanOnePiece_IsReadWhole()
    {
        byte[] values = DataFiles.Noise((1 << 20) + 7);
        string path = files.Write("labels.gz", DataFiles.Gzip(DataFiles.Idx(values, (uint)values.Length)));
        Assert.Equal(values, IdxFile.Read(path, 1).Values);
    }

    [Fact]
    public void MissingFile_IsNamed() => Refused(files.PathOf("nothing"), "no such file");

    [Fact]
    public void MissingFolder_IsNamed() => Refused(Path.Combine(files.Folder, "nowhere", "labels"), "no such file");

    [Fact]
    public void FolderInsteadOfFile_IsRefused() => Refused(files.Folder, "cannot be read");

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(3)]
    public void EmptyOrTinyFile_IsTruncated(int length) => Refused(files.Write("labels", new byte[length]), "truncated", $"{length} bytes");

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void HeaderCutShort_IsTruncated(bool gzip)
    {
        byte[] cut = DataFiles.Idx([], 5)[..6];
        Refused(files.Write("labels", gzip ? DataFiles.Gzip(cut) : cut), "truncated", "6 of 8 bytes");
    }

    [Theory]
    [InlineData(0x01, 0x00, 0x08, 0x01)]
    [InlineData(0x00, 0x01, 0x08, 0x01)]
    [InlineData(0x00, 0x00, 0x08, 0x02)]
    [InlineData(0x00, 0x00, 0x08, 0x00)]
    public void WrongMagic_ShowsBothNumbers(byte a, byte b, byte type, byte dimensions) =>
        Refused(files.Write("labels", [a, b, type, dimensions, 0, 0, 0, 1, 9]), "wrong magic", $"0x{a:X2}{b:X2}{type:X2}{dimensions:X2}", "0x00000801");

    [Theory]
    [InlineData(0x09, "signed bytes")]
    [InlineData(0x0B, "16-bit integers")]
    [InlineData(0x0C, "32-bit integers")]
    [InlineData(0x0D, "32-bit floats")]
    [InlineData(0x0E, "64-bit floats")]
    public void OtherElementType_IsNamed(byte type, string name) =>
        Refused(files.Write("labels", [0, 0, type, 1, 0, 0, 0, 1, 9, 9, 9, 9, 9, 9, 9, 9]), name, "unsigned bytes");

    [Fact]
    public void ImagesWhereLabelsAreExpected_AreRefusedWithAHint()
    {
        string path = files.Write("labels", DataFiles.Idx(new byte[4], 1, 2, 2));
        Refused(path, "wrong magic", "0x00000803", "3 dimensions");
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void FewerValuesThanTheHeaderSays_IsTruncated(bool gzip)
    {
        byte[] bytes = DataFiles.Idx(new byte[99], 100);
        Refused(files.Write("labels", gzip ? DataFiles.Gzip(bytes) : bytes), "truncated", "99 of 100");
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void MoreValuesThanTheHeaderSays_IsWrongSize(bool gzip)
    {
        byte[] bytes = DataFiles.Idx(new byte[101], 100);
        Refused(files.Write("labels", gzip ? DataFiles.Gzip(bytes) : bytes), "wrong size", "100 values");
    }

    [Theory]
    [InlineData(0u, 1u, 1u, "empty")]
    [InlineData(1u, 0u, 1u, "empty")]
    [InlineData(0u, uint.MaxValue, uint.MaxValue, "empty")]
    [InlineData(uint.MaxValue, 1u, 1u, "wrong size")]
    [InlineData(uint.MaxValue, uint.MaxValue, uint.MaxValue, "wrong size")]
    [InlineData(65536u, 65536u, 65536u, "wrong size")]
    public void EmptyOrHugeSizes_AreRefusedByTheHeaderAlone(uint count, uint rows, uint columns, string fault)
    {
        string path = files.Write("images", DataFiles.Idx([1], count, rows, columns));
        DataFiles.AssertRefused(() => IdxFile.Read(path, 3), path, fault, $"{count} x {rows} x {columns}");
    }

    [Theory]
    [InlineData(0)]
    [InlineData(256)]
    public void NumberOfDimensionsThatNoFileCanHave_IsAnArgumentFault(int dimensions) =>
        Assert.Throws<ArgumentOutOfRangeException>("dimensions", () => IdxFile.Read(files.PathOf("any"), dimensions));

    /// <summary>A header may promise a gigabyte: what is allocated follows what the file holds.</summary>
    [Fact]
    public void LargePromise_AllocatesOnlyWhatTheFileHolds()
    {
        string path = files.Write("labels.gz", DataFiles.Gzip(DataFiles.Idx(new byte[100], 1u << 30)));
        long before = GC.GetAllocatedBytesForCurrentThread();
        Refused(path, "truncated", "100 of 1073741824");
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 16L << 20);
    }

    /// <summary>A gzip file may hold far more than its header says: nothing beyond that is unpacked.</summary>
    [Fact]
    public void GzipBomb_IsNotUnpacked()
    {
        string path = files.Write("labels.gz", DataFiles.Gzip(DataFiles.Idx(new byte[64 << 20], 10)));
        long before = GC.GetAllocatedBytesForCurrentThread();
        Refused(path, "wrong size");
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 16L << 20);
    }

    [Theory]
    [InlineData(0.5)]
    [InlineData(0.99)]
    public void GzipCutShort_IsRefused(double share)
    {
        byte[] packed = DataFiles.Gzip(DataFiles.Idx(DataFiles.Noise(50_000), 50_000));
        Refused(files.Write("labels.gz", packed[..(int)(share * packed.Length)]));
    }

    [Fact]
    public void GzipWithWrongCheckSum_IsRefused()
    {
        byte[] packed = DataFiles.Gzip(DataFiles.Idx(DataFiles.Noise(5_000), 5_000));
        packed[^8] ^= 0xFF;
        Refused(files.Write("labels.gz", packed), "cannot be read");
    }

    [Fact]
    public void DamagedGzip_IsRefused() =>
        Refused(files.Write("labels.gz", [0x1F, 0x8B, 8, 0, 1, 2, 3, 4, 5, 6, 7, 8]));

    private static void Refused(string path, params string[] expected) => DataFiles.AssertRefused(() => IdxFile.Read(path, 1), path, expected);
}
