using System.Text.Json;

namespace ModelGen.Digits.Tests;

/// <summary>The sample from command line to files, with fewer digits than its default.</summary>
public sealed class EndToEndTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void DrawnDigits_AreLearnedExportedAndQuantized_AndAllPathsAgree()
    {
        (int exitCode, string output, string errors) = SampleProcess.Run(
            "--train-count", "3000", "--test-count", "300", "--epochs", "3", "--out", folder.File("out"), "--json", folder.File("deep/results.json"));
        Assert.True(exitCode == 0, errors + output);
        JsonElement results = JsonDocument.Parse(File.ReadAllText(folder.File("deep/results.json"))).RootElement;

        Assert.Equal(3, results.GetProperty("epochs").GetArrayLength());
        // Eager TorchSharp reaches 90 % to 92 % with this many digits.
        AssertPaths(results, leastAccuracy: 0.85);
        foreach (JsonProperty file in results.GetProperty("files").EnumerateObject())
        {
            Assert.True(new FileInfo(file.Value.GetString()!).Length > 0, file.Name);
            Assert.Contains(Path.GetFileName(file.Value.GetString()!), output);
        }

        Assert.Contains("eager", output);
        Assert.Contains("int8", output);
    }

    [OptdigitsFact]
    public void Optdigits_RealHandwriting_IsReadInFloatAndInt8()
    {
        (int exitCode, string output, string errors) = SampleProcess.Run(
            "--data", OptdigitsFactAttribute.Folder!, "--out", folder.File("out"), "--json", folder.File("results.json"));
        Assert.True(exitCode == 0, errors + output);
        JsonElement results = JsonDocument.Parse(File.ReadAllText(folder.File("results.json"))).RootElement;
        Assert.Equal("SmallDigitNet", results.GetProperty("model").GetString());
        AssertPaths(results, leastAccuracy: 0.97);
    }

    private static void AssertPaths(JsonElement results, double leastAccuracy)
    {
        JsonElement paths = results.GetProperty("paths");
        Assert.Equal(["eager", "fused", "onnx", "int8"], paths.EnumerateObject().Select(static path => path.Name));
        Assert.All(paths.EnumerateObject(), path => Assert.InRange(path.Value.GetProperty("accuracy").GetDouble(), leastAccuracy, 1));
        Assert.InRange(paths.GetProperty("fused").GetProperty("maxError").GetDouble(), 0, 1e-5);
        Assert.InRange(paths.GetProperty("onnx").GetProperty("maxError").GetDouble(), 0, 1e-5);
        // INT8 that costs nothing and saves nothing would not be INT8.
        Assert.InRange(paths.GetProperty("int8").GetProperty("maxError").GetDouble(), 1e-5, 0.2);
        long float32 = paths.GetProperty("onnx").GetProperty("bytes").GetInt64();
        Assert.InRange(paths.GetProperty("int8").GetProperty("bytes").GetInt64(), float32 / 5, float32 / 2);
    }
}
