using ModelGen.Data;
using ModelGen.EndToEnd.Tests.Models;
using SkiaSharp;
using static TorchSharp.torch;

namespace ModelGen.EndToEnd.Tests;

/// <summary>Training on files of images: decoded, augmented and batched by the trainer's loader.</summary>
public sealed class ImageFolderTests : IDisposable
{
    private static readonly Normalize Colours = new([0.5f, 0.5f, 0.5f], [0.25f, 0.25f, 0.25f]);
    private static readonly SKColor[] Hues = [SKColors.Red, SKColors.Green, SKColors.Blue, SKColors.Yellow, SKColors.Gray];

    private readonly DirectoryInfo folder = Directory.CreateTempSubdirectory("modelgen-images-");

    public void Dispose() => folder.Delete(recursive: true);

    [Fact]
    public void Fit_LearnsFromAFolder_TheSameWithAnyNumberOfWorkers()
    {
        var source = new Random(1);
        for (int i = 0; i < 60; i++)
        {
            WritePng(Path.Combine(folder.CreateSubdirectory($"hue{i % 5}").FullName, $"{i:00}.png"), 14 + (i % 7), 18 - (i % 5), Hues[i % 5], source);
        }

        var augmentation = new Compose(new RandomResizedCrop(8, scale: (0.4, 1)), new RandomHorizontalFlip(), new RandAugment(), new ToTensor(), Colours);
        ImageFolder train = ImageFolder.Open(folder.FullName, augmentation);
        ImageFolder test = train.With(new Compose(new Resize(8), new CenterCrop(8), new ToTensor(), Colours));
        (byte[] expected, FitResult fit) = Fit(train, test, 0);
        Assert.True(fit.Epochs[^1].TrainLoss < fit.Epochs[0].TrainLoss, $"{fit.Epochs[0].TrainLoss} became {fit.Epochs[^1].TrainLoss}");
        Assert.InRange(fit.Epochs[^1].Accuracy!.Value, 0.9, 1);

        // Without workers the consumer waits for all decoding.
        Assert.All(fit.Epochs, static epoch => Assert.InRange(epoch.DataShare, 0.001, 1));
        (byte[] actual, fit) = Fit(train, test, 3);
        Assert.Equal(expected, actual);
        Assert.All(fit.Epochs, static epoch => Assert.InRange(epoch.DataShare, 0, 1));
    }

    [Fact]
    public void AFileThatVanishes_IsNamed_OrLeftOutAndCounted()
    {
        for (int i = 0; i < 24; i++)
        {
            WritePng(Path.Combine(folder.CreateSubdirectory($"hue{i % 5}").FullName, $"{i:00}.png"), 9, 9, Hues[i % 5], new Random(i));
        }

        ImageFolder files = ImageFolder.Open(folder.FullName, new Compose(new Resize(8), new CenterCrop(8), new ToTensor(), Colours));
        string gone = files.File(11);
        byte[] content = File.ReadAllBytes(gone);
        var left = new List<SampleFault>();
        FitResult Fit(SampleErrors policy)
        {
            File.WriteAllBytes(gone, content);
            using var model = new NormalizedCnn();
            using Trainer<NormalizedCnn> trainer = model.CreateTrainer(new TrainerOptions
            {
                Progress = TrainingProgress.None,
                Epochs = 4,
                BatchSize = 4,
                OnEpoch = _ => File.Delete(gone),
                Loader = new DataLoaderOptions { Workers = 2, OnError = policy, OnSkip = left.Add },
            });
            return trainer.Fit(files);
        }

        // Batches of the second epoch may have been made before the file was gone.
        DataLoadException fault = Assert.Throws<DataLoadException>(() => Fit(SampleErrors.Stop));
        Assert.Contains(gone, fault.Message);
        Assert.Equal(11, fault.Fault!.Sample);
        Assert.InRange(fault.Fault.Epoch, 2, 3);
        Assert.Equal(4, Fit(SampleErrors.Skip).Epochs.Count);
        Assert.InRange(left.Count, 2, 3);
        Assert.All(left, static skipped => Assert.Equal(11, skipped.Sample));
    }

    private static (byte[] Weights, FitResult Fit) Fit(ImageFolder train, ImageFolder test, int workers)
    {
        random.manual_seed(1);
        using var model = new NormalizedCnn();
        using Trainer<NormalizedCnn> trainer = model.CreateTrainer(new TrainerOptions
        {
            Progress = TrainingProgress.None,
            Epochs = 8,
            BatchSize = 12,
            Seed = 2,
            Loader = new DataLoaderOptions { Workers = workers },
        });
        FitResult fit = trainer.Fit(train, test);
        return (trainer.Step.Parameters.Data.bytes.ToArray(), fit);
    }

    /// <summary>A picture of one colour with noise.</summary>
    private static void WritePng(string path, int width, int height, SKColor colour, Random source)
    {
        using var picture = new SKBitmap(width, height, SKColorType.Rgba8888, SKAlphaType.Opaque);
        for (int at = 0; at < width * height; at++)
        {
            picture.SetPixel(at % width, at / width, new SKColor(Noisy(colour.Red, source), Noisy(colour.Green, source), Noisy(colour.Blue, source)));
        }

        using SKData data = picture.Encode(SKEncodedImageFormat.Png, 100);
        File.WriteAllBytes(path, data.ToArray());
    }

    private static byte Noisy(byte value, Random source) => (byte)Math.Clamp(value + source.Next(-30, 31), 0, 255);
}
