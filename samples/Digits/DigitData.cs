using System.Globalization;
using Digits.Drawing;
using ModelGen.Data;

namespace Digits;

/// <summary>Training and test images.</summary>
/// <param name="Source">Where they come from.</param>
/// <param name="Train">Training set.</param>
/// <param name="Test">Test set.</param>
internal sealed record DigitData(string Source, ImageSet Train, ImageSet Test)
{
    private const int DrawnTrainCount = 12_000;
    private const int DrawnTestCount = 2_000;

    /// <summary>Share of a single table that becomes the test set: its last rows.</summary>
    private const double TestShare = 0.2;

    /// <summary>Draws the images, or reads them where the options name a folder.</summary>
    /// <exception cref="DataFormatException">The folder or a file in it is not what it should be; the message names it.</exception>
    public static DigitData Load(Options options)
    {
        if (options.DataFolder is not { } path)
        {
            return Draw(options);
        }

        (ImageSet train, ImageSet test) = DataFolder.Find(path) switch
        {
            DataFolder.Idx idx => ReadIdx(idx.Path),
            DataFolder.Csv { Test: { } testFile } csv => (ReadCsv(csv.Train), ReadCsv(testFile)),
            DataFolder.Csv csv => Split(ReadCsv(csv.Train), csv.Train),
            var other => throw new InvalidOperationException($"Unknown kind of data folder: {other}."),
        };
        if (train.Size != test.Size)
        {
            throw new DataFormatException($"{path}: training images are {train.Size} x {train.Size}, test images {test.Size} x {test.Size}.");
        }

        return new DigitData(path, train.Range(0, options.TrainCount), test.Range(0, options.TestCount));
    }

    private static (ImageSet Train, ImageSet Test) ReadIdx(string folder)
    {
        (LabelledImages train, LabelledImages test) = MnistFolder.Load(folder);
        return (Square(train, folder), Square(test, folder));
    }

    private static ImageSet ReadCsv(string file) => Square(PixelCsv.Load(file, static size => size == 8 ? 16 : 255), file);

    private static ImageSet Square(LabelledImages images, string source) => images.Rows == images.Columns
        ? new ImageSet(images.Images, images.Labels, images.Rows)
        : throw new DataFormatException($"{source}: wrong size: images are {images.Rows} x {images.Columns}; this sample reads square ones.");

    private static DigitData Draw(Options options)
    {
        var artist = new DigitArtist((ulong)options.Seed);
        ImageSet train = ToImages(artist.DrawSet(options.TrainCount ?? DrawnTrainCount, stream: 0));
        ImageSet test = ToImages(artist.DrawSet(options.TestCount ?? DrawnTestCount, stream: 1));
        return new DigitData(string.Create(CultureInfo.InvariantCulture, $"drawn with seed {options.Seed}"), train, test);
    }

    private static ImageSet ToImages(DigitSet set) =>
        new([.. set.Pixels.Select(static value => value / 255f)], [.. set.Labels.Select(static label => (long)label)], DigitArtist.Size);

    private static (ImageSet Train, ImageSet Test) Split(ImageSet all, string file)
    {
        if (all.Count < 2)
        {
            throw new DataFormatException($"{file}: wrong size: one row; a single table is split into training and test images, so it needs at least two.");
        }

        int test = Math.Max(1, (int)(TestShare * all.Count));
        return (all.Range(0, all.Count - test), all.Range(all.Count - test, test));
    }
}
