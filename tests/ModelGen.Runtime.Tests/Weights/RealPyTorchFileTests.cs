using System.Text.Json;
using ModelGen.Weights;
using static TorchSharp.torch;

namespace ModelGen.Runtime.Tests.Weights;

/// <summary>Files that PyTorch itself wrote (<c>PyTorch/make.py</c>), in the zip layout and in the one before, against the numbers that PyTorch had.</summary>
public sealed class RealPyTorchFileTests
{
    private static readonly Dictionary<string, Dictionary<string, Expected>> All =
        JsonSerializer.Deserialize<Dictionary<string, Dictionary<string, Expected>>>(File.ReadAllText(PathOf("expected.json")), new JsonSerializerOptions { PropertyNameCaseInsensitive = true })!;

    [Theory]
    [InlineData("module.pt")]
    [InlineData("module.legacy.pt")]
    [InlineData("types.pt")]
    [InlineData("types.legacy.pt")]
    [InlineData("checkpoint.pt")]
    [InlineData("checkpoint.legacy.pt")]
    public void EveryTensor_HasTheTypeShapeAndBytesThatPyTorchSaved(string file)
    {
        Dictionary<string, Expected> expected = All[file.Split('.')[0]];
        using WeightFile read = WeightFile.Open(PathOf(file));
        Assert.Equal(expected.Keys, read.Entries.Select(static entry => entry.Name));
        foreach (WeightEntry entry in read.Entries)
        {
            Expected wanted = expected[entry.Name];
            Assert.Equal(wanted.Type, NameOf(entry.Type));
            Assert.Equal(wanted.Shape, entry.Shape);
            byte[] bytes = new byte[entry.ByteCount];
            read.Read(entry.Name, bytes);
            Assert.Equal(wanted.Bytes, Convert.ToHexStringLower(bytes));
        }
    }

    /// <summary>The way a user takes: a training checkpoint of Python into a model, tied weight included.</summary>
    [Theory]
    [InlineData("module.pt")]
    [InlineData("checkpoint.legacy.pt")]
    public void AModelOfTheSameLayers_TakesThem(string file)
    {
        using var net = new Net();
        WeightLoadReport report = net.LoadWeights(PathOf(file));
        Assert.Equal(11, report.Loaded.Count);
        foreach ((string name, Tensor value) in net.state_dict())
        {
            Assert.Equal(All["module"][name].Bytes, Convert.ToHexStringLower(value.bytes));
        }
    }

    private static string PathOf(string file) => Path.Combine(AppContext.BaseDirectory, "Weights", "PyTorch", file);

    private static string NameOf(WeightType type) => type switch
    {
        WeightType.Complex64 => "complex64",
        WeightType.Complex128 => "complex128",
        _ => type.ToString().ToLowerInvariant(),
    };

    private sealed record Expected(string Type, long[] Shape, string Bytes);

    private sealed class Net : nn.Module<Tensor, Tensor>
    {
#pragma warning disable MG2020 // PyTorch's file has the bias
        private readonly TorchSharp.Modules.Conv2d conv = nn.Conv2d(2, 3, 3);
#pragma warning restore MG2020
        private readonly TorchSharp.Modules.BatchNorm2d norm = nn.BatchNorm2d(3);
        private readonly TorchSharp.Modules.Linear encoder = nn.Linear(4, 3, hasBias: false);
        private readonly TorchSharp.Modules.Linear decoder = nn.Linear(4, 3);
        private readonly Tensor mask = zeros(2, 2, ScalarType.Bool);

        public Net()
            : base(nameof(Net))
        {
#pragma warning disable MG4017 // the module is never moved
            decoder.weight = encoder.weight;
#pragma warning restore MG4017
            RegisterComponents();
        }

        public override Tensor forward(Tensor x) => decoder.call(norm.call(conv.call(x)).mean([2L, 3L]).matmul(encoder.weight!)) * mask.sum();
    }
}
