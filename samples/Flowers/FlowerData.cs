using ModelGen.Data;

namespace Flowers;

/// <summary>Pictures in a folder for each class: four fifths to train, with augmentation, the others to judge.</summary>
/// <param name="Classes">Names of the classes.</param>
/// <param name="Train">Pictures to train with, each time cut and mirrored anew.</param>
/// <param name="Test">The others, from their middle.</param>
internal sealed record FlowerData(IReadOnlyList<string> Classes, Dataset Train, Dataset Test)
{
    // Mean and standard deviation of ImageNet's colours, as torchvision's models use them.
    private static readonly Normalize Colours = new([0.485f, 0.456f, 0.406f], [0.229f, 0.224f, 0.225f]);

    /// <summary>Lists a folder.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="seed">Seed of the split.</param>
    /// <exception cref="DataFormatException">The folder is not one of images by class, or has another number of classes than the model.</exception>
    public static FlowerData Open(string folder, int seed)
    {
        ImageFolder test = ImageFolder.Open(folder, new Compose(new Resize(FlowerNet.Size * 8 / 7), new CenterCrop(FlowerNet.Size), new ToTensor(), Colours));
        if (test.Classes.Count != FlowerNet.Classes)
        {
            throw new DataFormatException($"{folder}: {test.Classes.Count} classes; FlowerNet is made for {FlowerNet.Classes}.");
        }

        ImageFolder train = test.With(new Compose(
            new RandomResizedCrop(FlowerNet.Size, scale: (0.35, 1)),
            new RandomHorizontalFlip(),
            new ColorJitter(brightness: 0.3, contrast: 0.3, saturation: 0.3),
            new ToTensor(),
            Colours));
        int[] order = [.. Enumerable.Range(0, test.Count)];
        new Random(seed).Shuffle(order);
        int kept = Math.Max(1, test.Count / 5);
        return new FlowerData(test.Classes, train.Select(order[kept..]), test.Select(order[..kept]));
    }
}
