using ModelGen.Data;
using Xunit.Abstractions;

namespace ModelGen.Runtime.Tests.Data;

/// <summary>The readers on UCI optdigits, which is not part of the repository but lies beside it where it is used.</summary>
public sealed class OptdigitsTests(ITestOutputHelper output)
{
    // Image and label counts as the data set's own description states them.
    [Theory]
    [InlineData("optdigits-train.csv", 3823, new[] { 376, 389, 380, 389, 387, 376, 377, 387, 380, 382 })]
    [InlineData("optdigits-test.csv", 1797, new[] { 178, 182, 177, 183, 181, 182, 181, 179, 174, 180 })]
    public void RealDigits_HaveTheCountsOfTheirDescription(string name, int count, int[] perClass)
    {
        if (Find(name) is not { } path)
        {
            output.WriteLine($"Not run: ../shared/data/optdigits/{name} is not beside the repository.");
            return;
        }

        LabelledImages read = PixelCsv.Load(path, static size => size == 8 ? 16 : 255);
        Assert.Equal((8, 8), (read.Rows, read.Columns));
        Assert.Equal(count, read.Labels.Length);
        Assert.Equal(count * 64, read.Images.Length);
        Assert.Equal(perClass, Enumerable.Range(0, 10).Select(digit => read.Labels.Count(label => label == digit)));
        Assert.Equal((0f, 1f), (read.Images.Min(), read.Images.Max()));
    }

    /// <summary>Looks in the folder beside the repository root, and above: a working tree may lie deeper than the clone.</summary>
    private static string? Find(string name)
    {
        for (DirectoryInfo? at = new(AppContext.BaseDirectory); at is not null; at = at.Parent)
        {
            string candidate = Path.Combine(at.FullName, "shared", "data", "optdigits", name);
            if (File.Exists(candidate))
            {
                return candidate;
            }
        }

        return null;
    }
}
