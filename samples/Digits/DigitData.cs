using System.Globalization;
using Digits.Drawing;
using ModelGen.Data;
using static TorchSharp.torch;

namespace Digits;

/// <summary>Images as float32 <c>[N, 1, size, size]</c>, 0 (paper) to 1 (ink), with their labels, int64 <c>[N]</c>.</summary>
internal sealed record ImageSet(Tensor Images, Tensor Labels) : IDisposable
{
    public int Count => (int)Images.shape[0];

    /// <summary>Rows and columns of an image.</summary>
    public int Size => (int)Images.shape[^1];

    /// <summary>At most the first <paramref name="count"/> samples, in memory of their own; this set is disposed when they are not all.</summary>
    public ImageSet First(int? count)
    {
        if (count is not { } wanted || wanted >= Count)
        {
            return this;
        }

        using (this)
        {
            return Range(0, wanted);
        }
    }

    public ImageSet Range(long first, long count)
    {
        using Tensor images = Images.narrow(0, first, count);
        using Tensor labels = Labels.narrow(0, first, count);
        return new ImageSet(images.clone(), labels.clone());
    }

    public void Dispose()
    {
        Images.Dispose();
        Labels.Dispose();
    }
}

/// <summary>Training and test images.</summary>
/// <param name="Source">Where they come from.</param>
/// <param name="Train">Training set.</param>
/// <param name="Test">Test set.</param>
internal sealed record DigitData(string Source, ImageSet Train, ImageSet Test) : IDisposable
{
    private const int DrawnTrainCount = 12_000;
    private const int DrawnTestCount = 2_000;
    private const int Classes = 10;

    /// <summary>Share of a single table that becomes the test set: its last rows.</summary>
    private const double TestShare = 0.2;

    /// <summary>Draws the images, or reads them where the options name a folder.</summary>
    /// <exception cref="InvalidDataException">A file is not what it should be; the message names it.</exception>
    public static DigitData Load(Options options)
    {
        if (options.DataFolder is not { } path)
        {
            return Draw(options);
        }

        (ImageSet train, ImageSet test) = DataFolder.Find(path) switch
        {
            DataFolder.Idx idx => (FromIdx(idx.Path, train: true), FromIdx(idx.Path, train: false)),
            DataFolder.Csv { Test: { } testFile } csv => (FromCsv(csv.Train), FromCsv(testFile)),
            DataFolder.Csv csv => Split(FromCsv(csv.Train)),
            var other => throw new InvalidOperationException($"Unknown kind of data folder: {other}."),
        };
        if (train.Size != test.Size)
        {
            throw new InvalidDataException($"{path}: training images are {train.Size} x {train.Size}, test images {test.Size} x {test.Size}.");
        }

        return new DigitData(path, train.First(options.TrainCount), test.First(options.TestCount));
    }

    public void Dispose()
    {
        Train.Dispose();
        Test.Dispose();
    }

    private static DigitData Draw(Options options)
    {
        var artist = new DigitArtist((ulong)options.Seed);
        ImageSet train = ToTensors(artist.DrawSet(options.TrainCount ?? DrawnTrainCount, stream: 0));
        ImageSet test = ToTensors(artist.DrawSet(options.TestCount ?? DrawnTestCount, stream: 1));
        return new DigitData(string.Create(CultureInfo.InvariantCulture, $"drawn with seed {options.Seed}"), train, test);
    }

    private static ImageSet ToTensors(DigitSet set)
    {
        using Tensor bytes = tensor(set.Pixels, [set.Labels.Length, 1, DigitArtist.Size, DigitArtist.Size]);
        using Tensor floats = bytes.to(ScalarType.Float32);
        return new ImageSet(floats.div(255f), tensor([.. set.Labels.Select(static label => (long)label)]));
    }
}
