using System.Globalization;
using System.Text.Json;
using Digits;

namespace ModelGen.Digits.Tests;

public sealed class ResultsTests
{
    private static readonly Results Sample = new()
    {
        Model = "DigitNet",
        Data = "drawn",
        TrainCount = 12_000,
        TestCount = 2_000,
        Parameters = 1_199_882,
        FlopsPerSample = 24_000_000,
        TrainSeconds = 41.5,
        Epochs = [new(0.93, 0.9465), new(double.NaN, 0.1)],
        Paths = new Dictionary<string, PathResult>
        {
            ["eager"] = new() { Accuracy = 0.985, Bytes = 4_799_528, LatencyMs = 1.25, MaxError = 0, MaxAbsoluteError = 0, Agreement = 1 },
            ["int8"] = new() { MaxError = double.PositiveInfinity, Failure = "FileNotFoundException: gone" },
        },
        Passed = false,
        Misread = 30,
        Files = new("/a/digits.onnx", "/a/digits-int8.onnx", "/a/misread.png", "/a/report.html"),
    };

    [Fact]
    public void Json_HasThePromisedNames()
    {
        JsonElement root = Parse();
        JsonElement epoch = root.GetProperty("epochs")[0];
        Assert.Equal(0.93, epoch.GetProperty("trainLoss").GetDouble());
        Assert.Equal(0.9465, epoch.GetProperty("accuracy").GetDouble());
        JsonElement eager = root.GetProperty("paths").GetProperty("eager");
        Assert.Equal(0.985, eager.GetProperty("accuracy").GetDouble());
        Assert.Equal(4_799_528, eager.GetProperty("bytes").GetInt64());
        Assert.Equal(1.25, eager.GetProperty("latencyMs").GetDouble());
        Assert.Equal(0, eager.GetProperty("maxError").GetDouble());
        Assert.False(eager.TryGetProperty("failure", out _));
    }

    [Fact]
    public void WhatIsNotANumber_IsNull()
    {
        JsonElement root = Parse();
        Assert.Equal(JsonValueKind.Null, root.GetProperty("epochs")[1].GetProperty("trainLoss").ValueKind);
        JsonElement int8 = root.GetProperty("paths").GetProperty("int8");
        Assert.Equal(JsonValueKind.Null, int8.GetProperty("maxError").ValueKind);
        Assert.Equal(JsonValueKind.Null, int8.GetProperty("accuracy").ValueKind);
        Assert.Equal("FileNotFoundException: gone", int8.GetProperty("failure").GetString());
    }

    [Fact]
    public void Json_DoesNotDependOnTheCulture()
    {
        string expected = Sample.ToJson();
        CultureInfo before = CultureInfo.CurrentCulture;
        try
        {
            CultureInfo.CurrentCulture = new CultureInfo("fr-FR");
            Assert.Equal(expected, Sample.ToJson());
        }
        finally
        {
            CultureInfo.CurrentCulture = before;
        }
    }

    [Fact]
    public void MaxError_IsTheRelativeOne()
    {
        PathResult path = PathResult.From(new VerifyRow("onnx")
        {
            MaxAbsoluteError = 2e-6,
            MaxRelativeError = 1e-7,
            Agreement = 1,
            Accuracy = 0.98,
            Bytes = 12,
            LatencyMs = 0.5,
        });
        Assert.Equal(
            new PathResult { MaxError = 1e-7, MaxAbsoluteError = 2e-6, Agreement = 1, Accuracy = 0.98, Bytes = 12, LatencyMs = 0.5 }, path);
    }

    private static JsonElement Parse() => JsonDocument.Parse(Sample.ToJson()).RootElement;
}
