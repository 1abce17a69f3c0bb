using System.Globalization;
using ModelGen.Monitoring;

namespace Digits;

/// <summary>A test image that the model read as another digit.</summary>
/// <param name="Index">Position in the test set.</param>
/// <param name="Label">What it shows.</param>
/// <param name="Predicted">What the model read.</param>
/// <param name="Confidence">Probability the model gave to what it read, in [0, 1].</param>
internal sealed record Misread(int Index, int Label, int Predicted, double Confidence);

/// <summary>Finds misread images and shows them.</summary>
internal static class Misreads
{
    private const int MaxShown = 100;

    /// <summary>Compares scores with labels.</summary>
    /// <param name="scores">Scores before softmax, sample after sample.</param>
    /// <param name="labels">The digit of each sample.</param>
    /// <returns>Misread samples, the most confident error first.</returns>
    public static IReadOnlyList<Misread> Find(ReadOnlySpan<float> scores, ReadOnlySpan<long> labels)
    {
        int classes = scores.Length / labels.Length;
        var misreads = new List<Misread>();
        for (int i = 0; i < labels.Length; i++)
        {
            ReadOnlySpan<float> row = scores.Slice(i * classes, classes);
            int predicted = IndexOfMax(row);
            if (predicted != labels[i])
            {
                misreads.Add(new Misread(i, (int)labels[i], predicted, Probability(row, predicted)));
            }
        }

        return [.. misreads.OrderByDescending(static misread => misread.Confidence).ThenBy(static misread => misread.Index)];
    }

    /// <summary>Writes the contact sheet of misread images, at most 100, the worst first.</summary>
    /// <param name="path">PNG file.</param>
    /// <param name="misreads">What <see cref="Find"/> found.</param>
    /// <param name="testCount">Number of images that were read.</param>
    /// <param name="pixels">Gives the grey values of a test image.</param>
    /// <param name="size">Rows and columns of an image.</param>
    public static void SaveSheet(string path, IReadOnlyList<Misread> misreads, int testCount, Func<int, byte[]> pixels, int size)
    {
        string title = string.Create(
            CultureInfo.InvariantCulture, $"Misread: {misreads.Count:N0} of {testCount:N0} test images ({100.0 * misreads.Count / testCount:0.00} %)");
        if (misreads.Count > MaxShown)
        {
            title += $", the {MaxShown} worst";
        }

        ContactTile[] tiles = [.. misreads.Take(MaxShown).Select(misread => new ContactTile(Picture(pixels(misread.Index), size), Caption(misread)))];
        ContactSheet.Save(path, title, tiles, emptyText: "All test images were read correctly.");
    }

    /// <summary>Dark ink on white paper: what the eye expects of handwriting, whatever the network is fed.</summary>
    private static SamplePicture Picture(byte[] pixels, int size) => new(size, size, 1, [.. pixels.Select(static value => (byte)(255 - value))]);

    private static string Caption(Misread misread) =>
        string.Create(CultureInfo.InvariantCulture, $"{misread.Label} > {misread.Predicted}  {100 * misread.Confidence:0}%");

    private static int IndexOfMax(ReadOnlySpan<float> row)
    {
        int best = 0;
        for (int i = 1; i < row.Length; i++)
        {
            best = row[i] > row[best] ? i : best;
        }

        return best;
    }

    /// <summary>Softmax of one entry; the largest score is subtracted so that nothing overflows.</summary>
    private static double Probability(ReadOnlySpan<float> row, int largest)
    {
        double sum = 0;
        foreach (float score in row)
        {
            sum += Math.Exp(score - row[largest]);
        }

        return 1 / sum;
    }
}
