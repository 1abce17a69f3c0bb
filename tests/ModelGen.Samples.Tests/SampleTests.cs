using ModelGen.Digits.Tests;

namespace ModelGen.Samples.Tests;

/// <summary>The samples from command line to files, with settings of seconds.</summary>
public sealed class SampleTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Theory]
    [InlineData("CharGpt")]
    [InlineData("Flowers")]
    [InlineData("Tabular")]
    public void Help_ListsTheOptions_AndMistakesAreNamed(string sample)
    {
        (int exitCode, string output, _) = SampleProcess.RunSample(sample, "--help");
        Assert.Equal(0, exitCode);
        Assert.Contains("--out DIR", output, StringComparison.Ordinal);
        (exitCode, _, string errors) = SampleProcess.RunSample(sample, "--wrong", "1");
        Assert.Equal(2, exitCode);
        Assert.Contains("'--wrong' is not an option", errors, StringComparison.Ordinal);
        (exitCode, _, errors) = SampleProcess.RunSample(sample, "--data", folder.File("nothing"), "--out", folder.File("none"));
        Assert.Equal(1, exitCode);
        Assert.Contains("no such f", errors, StringComparison.Ordinal);
    }

    /// <summary>A run that is stopped and started again writes what an undisturbed one writes, and ONNX Runtime writes it too.</summary>
    [Fact]
    public void CharGpt_Resumes_AndWritesTheSameWithOnnx()
    {
        string text = folder.File("text.txt");
        File.WriteAllText(text, string.Concat(Enumerable.Range(0, 200).Select(static i => $"{i} green bottles hanging on the wall\n")));
        string[] settings = ["--data", text, "--steps", "8", "--length", "40"];
        string whole = Run("CharGpt", [.. settings, "--out", folder.File("whole")]);
        string stopped = Run("CharGpt", [.. settings, "--out", folder.File("parts"), "--stop-after", "3"]);
        Assert.Contains("Stopped.", stopped, StringComparison.Ordinal);
        string resumed = Run("CharGpt", [.. settings, "--out", folder.File("parts")]);
        Assert.Contains("going on from", resumed, StringComparison.Ordinal);
        Assert.Equal(Written(whole), Written(resumed));
        Assert.Contains("ONNX Runtime writes the same", whole, StringComparison.Ordinal);
        Assert.Equal(File.ReadAllBytes(folder.File("whole/chargpt.safetensors")), File.ReadAllBytes(folder.File("parts/chargpt.safetensors")));
    }

    [Fact]
    public void Flowers_AreLearnedFromAFolder()
    {
        string[] classes = ["daisy", "dandelion", "roses", "sunflowers", "tulips"];
        for (int i = 0; i < 40; i++)
        {
            string image = Path.Combine(Directory.CreateDirectory(folder.File("images/" + classes[i % 5])).FullName, $"{i}.bmp");
            Bitmap.Write(image, 120 + i, 110, (byte)(i % 5 * 50), (byte)(250 - (i % 5 * 60)), (byte)(i * 3));
        }

        string output = Run("Flowers", "--data", folder.File("images"), "--out", folder.File("out"), "--epochs", "2");
        Assert.Contains("32 pictures to train, 8 to test; daisy, dandelion", output, StringComparison.Ordinal);
        Assert.Contains("onnx", output, StringComparison.Ordinal);
        Assert.True(File.Exists(folder.File("out/flowers.onnx")) && File.Exists(folder.File("out/flowers.safetensors")));
    }

    [Fact]
    public void Table_IsDrawnLearnedAndExported()
    {
        string output = Run("Tabular", "--rows", "1500", "--epochs", "3", "--out", folder.File("out"));
        Assert.Contains("ROC AUC", output, StringComparison.Ordinal);
        Assert.True(File.Exists(folder.File("out/tabular.onnx")) && File.Exists(folder.File("out/subscribers-test.csv")));
    }

    private static string Run(string sample, params string[] arguments)
    {
        (int exitCode, string output, string errors) = SampleProcess.RunSample(sample, arguments);
        Assert.True(exitCode == 0, errors + output);
        return output;
    }

    private static string Written(string output) => output[output.IndexOf("TorchSharp writes:", StringComparison.Ordinal)..output.IndexOf("ONNX Runtime", StringComparison.Ordinal)];
}
