using System.Globalization;
using System.Text.Json;
using ModelGen.Data;

namespace ModelGen.Runtime.Tests.Data;

/// <summary>Transforms of images against the bytes that torchvision and Pillow themselves made (<c>Torchvision/make.py</c>).</summary>
public sealed class TorchvisionTests
{
    private static readonly Dictionary<string, Expected> All =
        JsonSerializer.Deserialize<Dictionary<string, Expected>>(File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "Data", "Torchvision", "expected.json")), new JsonSerializerOptions { PropertyNameCaseInsensitive = true })!;

    public static TheoryData<string> Names => [.. All.Keys.Where(static name => name != "source")];

    [Theory]
    [MemberData(nameof(Names))]
    public void Pixels_AreThoseOfTorchvision(string name)
    {
        Image image = Source();
        string[] words = name.Split(' ');
        Apply(image, words);
        Expected expected = All[name];
        Assert.Equal((expected.Width, expected.Height), (image.Width, image.Height));
        byte[] pixels = image.Pixels.ToArray();
        int[] differences = [.. Enumerable.Range(0, expected.Bytes.Length).Select(i => Math.Abs(pixels[(i / 3 * 4) + (i % 3)] - expected.Bytes[i]))];

        // Sums in another order end in another whole number now and then; a pixel that is taken from half way between two may be either.
        bool moves = words[0] is "rotate" || (words[0] == "augment" && int.Parse(words[1], CultureInfo.InvariantCulture) is >= 1 and <= 5);
        if (moves && !name.EndsWith("bilinear", StringComparison.Ordinal) && !name.EndsWith("expanded", StringComparison.Ordinal))
        {
            Assert.True(differences.Count(static difference => difference > 0) <= 0.01 * differences.Length, $"{name}: {differences.Count(static difference => difference > 0)} of {differences.Length} differ");
        }
        else
        {
            Assert.True(differences.Max() <= 1, $"{name}: differences up to {differences.Max()}");

            // torchvision 0.14 cuts turned hues at value * 255; transforms.v2, which came after it, at value * 255.999, as it is done here. Its sharpness blends the border with itself and loses
            // a whole number by rounding here and there; ours leaves the border as it is.
            double allowed = words[0] == "hue" ? 0.3 : name.StartsWith("augment 9 ", StringComparison.Ordinal) ? 0.07 : 0.02;
            Assert.True(differences.Average() <= allowed, $"{name}: mean difference {differences.Average()}");
        }
    }

    private static void Apply(Image image, string[] words)
    {
        double Number(int index) => double.Parse(words[index], CultureInfo.InvariantCulture);
        switch (words[0])
        {
            case "brightness":
                Colors.Brightness(image, Number(1));
                break;
            case "contrast":
                Colors.Contrast(image, Number(1));
                break;
            case "saturation":
                Colors.Saturation(image, Number(1));
                break;
            case "sharpness":
                Colors.Sharpness(image, Number(1));
                break;
            case "hue":
                Colors.Hue(image, Number(1));
                break;
            case "grey":
                new Grayscale(3).Apply(image, new RandomStream(0));
                break;
            case "augment":
                new RandAugment(magnitude: (int)Number(2)).Apply(image, (int)Number(1), Number(3));
                break;
            case "rotate":
                new RandomRotation((Number(1), Number(1)), words[2] == "nearest" ? Interpolation.Nearest : Interpolation.Bilinear, expand: words[2] == "expanded").Apply(image, new RandomStream(0));
                break;
            case "resize":
                new Resize((int)Number(1), (int)Number(2), words[3] == "bilinear" ? Interpolation.Bilinear : Interpolation.Bicubic).Apply(image, new RandomStream(0));
                break;
            default:
                throw new InvalidOperationException(words[0]);
        }
    }

    private static Image Source()
    {
        Expected source = All["source"];
        var image = new Image();
        image.SetPlanes([.. Enumerable.Range(0, 3).SelectMany(channel => Enumerable.Range(0, source.Width * source.Height).Select(at => source.Bytes[(3 * at) + channel]))], source.Width, source.Height);
        return image;
    }

    private sealed record Expected(int Width, int Height, byte[] Bytes);
}
