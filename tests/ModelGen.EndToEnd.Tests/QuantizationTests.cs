using ModelGen.EndToEnd.Tests.Models;
using ModelGen.Onnx;
using static TorchSharp.torch;

namespace ModelGen.EndToEnd.Tests;

/// <summary>What [Quantize] says reaches the exported file.</summary>
public sealed class QuantizationTests : IDisposable
{
    private readonly string path = Path.Combine(Path.GetTempPath(), $"modelgen-{Guid.NewGuid():N}.onnx");

    public void Dispose() => File.Delete(path);

    private string[] Operators() => [.. OnnxModel.Load(path).Proto.Graph.Node.Select(static node => node.OpType)];

    [Fact]
    public void Dynamic_NeedsNoSamples()
    {
        using var model = new DynamicMlp();
        model.ExportQuantizedOnnx(path);
        Assert.Equal(2, Operators().Count(static op => op == "MatMulInteger"));
    }

    [Fact]
    public void WeightOnly_TakesItsSettingsFromTheOptions()
    {
        using var model = new WeightOnlyMlp();
        model.ExportQuantizedOnnx(path, options: new QuantizationOptions { Weights = new WeightQuantizationOptions { Bits = 4, BlockSize = 16 } });
        Assert.Equal(2, Operators().Count(static op => op == "MatMulNBits"));
        Assert.Equal("weight-only int4, blocks of 16", OnnxModel.Load(path).Metadata["modelgen.quantization"]);
    }

    [Fact]
    public void Calibration_IsTheAttributes_UnlessTheOptionsSayOtherwise()
    {
        using var model = new PercentileMlp();
        using Tensor samples = randn(5000, 16);
        samples[3, 4] = 1000;
        float Scale(QuantizationOptions? options)
        {
            model.ExportQuantizedOnnx(path, samples, options);
            var graph = OnnxModel.Load(path).Proto.Graph;
            return BitConverter.ToSingle(graph.Initializer.Single(tensor => tensor.Name == graph.Input[0].Name + "_scale").RawData.Span);
        }

        Assert.InRange(Scale(null), 1f / 255, 30f / 255);
        Assert.InRange(Scale(new QuantizationOptions { Static = new StaticQuantizationOptions() }), 1000f / 255, 1010f / 255);
    }

    [Fact]
    public void Options_ChangeTheMode()
    {
        using var model = new DynamicMlp();
        Assert.Contains("needs calibration samples", Assert.Throws<ArgumentException>(() => model.ExportQuantizedOnnx(path, options: new QuantizationOptions { Mode = QuantizationMode.Static })).Message);
        using Tensor samples = randn(20, 16);
        model.ExportQuantizedOnnx(path, samples, new QuantizationOptions { Mode = QuantizationMode.Static });
        Assert.Contains("QuantizeLinear", Operators());
    }
}
