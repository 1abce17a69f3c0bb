using static TorchSharp.torch;

namespace ModelGen.Runtime.Tests.Reports;

public sealed class VerifierTests : IDisposable
{
    private static readonly VerifyOptions NoLatency = new() { LatencyCalls = 0 };

    private readonly Tensor weight = tensor(new float[] { 1, -1, 0, 2, 0.5f, -3 }, [2, 3]);
    private readonly Tensor inputs = tensor(new float[] { 1, 0, 0, 1, 2, -1, -1, 3 }, [4, 2]);

    public void Dispose()
    {
        weight.Dispose();
        inputs.Dispose();
    }

    [Fact]
    public void PathThatEqualsEager_HasNoErrorAndPasses()
    {
        VerifyReport report = Verifier.Compare("Toy", [inputs], Paths(Scores), NoLatency);

        Assert.True(report.Passed);
        Assert.Equal(["eager", "fused"], report.Rows.Select(static row => row.Path));
        Assert.Equal(0, report["fused"].MaxAbsoluteError);
        Assert.Equal(1, report["fused"].Agreement);
        Assert.Equal(24, report["fused"].Bytes);
        Assert.Null(report["fused"].LatencyMs);
    }

    [Fact]
    public void Errors_AreTheLargestAbsoluteAndThatRelativeToTheLargestEagerValue()
    {
        // Eager's scores are [1, -1, 0], [2, .5, -3], [0, -2.5, 3], [5, 2.5, -9]: the largest is 9.
        VerifyReport report = Verifier.Compare("Toy", [inputs], Paths(batch => Scores(batch).add(0.09)), NoLatency);

        Assert.Equal(0.09, report["fused"].MaxAbsoluteError!.Value, 5);
        Assert.Equal(0.01, report["fused"].MaxRelativeError!.Value, 5);
        Assert.False(report.Passed);
        Assert.Equal("relative error 1.0e-2 is above the tolerance 1.0e-5", report["fused"].Failure);
    }

    [Fact]
    public void ErrorWithinTheTolerance_Passes()
    {
        VerifyReport report = Verifier.Compare("Toy", [inputs], Paths(batch => Scores(batch).add(0.09)), NoLatency with { Tolerance = 0.02 });
        Assert.True(report.Passed);
    }

    [Fact]
    public void Accuracy_ComparesTheLargestScoreWithTheLabel()
    {
        using Tensor labels = tensor(new long[] { 0, 0, 2, 1 });
        VerifyReport report = Verifier.Compare("Toy", [inputs], Paths(batch => Scores(batch).neg()), NoLatency with { Labels = labels });

        Assert.Equal(0.75, report["eager"].Accuracy);
        Assert.Equal(0, report["fused"].Accuracy);
        Assert.Equal(0, report["fused"].Agreement);
    }

    [Fact]
    public void NotANumber_IsAnInfiniteError()
    {
        VerifyReport report = Verifier.Compare("Toy", [inputs], Paths(batch => Scores(batch).mul(double.NaN)), NoLatency with { Tolerance = 1e9 });

        Assert.Equal(double.PositiveInfinity, report["fused"].MaxAbsoluteError);
        Assert.False(report.Passed);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    [InlineData(100)]
    public void BatchSize_ChangesNoResult(int batchSize)
    {
        var sizes = new List<long>();
        VerifyReport report = Verifier.Compare(
            "Toy",
            [inputs],
            Paths(batch =>
            {
                sizes.Add(batch[0].shape[0]);
                return Scores(batch);
            }),
            NoLatency with { BatchSize = batchSize });

        Assert.Equal(0, report["fused"].MaxAbsoluteError);
        Assert.Equal(4, sizes.Sum());
        Assert.All(sizes, size => Assert.True(size <= batchSize));
    }

    [Fact]
    public void PathThatThrows_SaysWhyInItsRow_AndTheOthersAreMeasured()
    {
        VerifyPaths paths = Paths(_ => throw new InvalidOperationException("no kernel for this\nsecond line")) with
        {
            ExportOnnx = static _ => throw new NotSupportedException("operator 'foo'"),
        };
        VerifyReport report = Verifier.Compare("Toy", [inputs], paths, NoLatency);

        Assert.False(report.Passed);
        Assert.Equal("InvalidOperationException: no kernel for this", report["fused"].Failure);
        Assert.Equal("NotSupportedException: operator 'foo'", report["onnx"].Failure);
        Assert.Contains("FAILED onnx: NotSupportedException: operator 'foo'\n", report.ToString());
        Assert.True(report["eager"].Passed);
    }

    [Fact]
    public void FileThatIsNoModel_FailsItsPath()
    {
        VerifyReport report = Verifier.Compare("Toy", [inputs], Paths(Scores) with { ExportOnnx = static path => File.WriteAllText(path, "not a model") }, NoLatency);

        Assert.StartsWith("OnnxFormatException: ", report["onnx"].Failure);
        Assert.Null(report["onnx"].MaxAbsoluteError);
    }

    [Fact]
    public void PathWithAnotherOutputSize_FailsWithBothSizes()
    {
        VerifyReport report = Verifier.Compare("Toy", [inputs], Paths(batch => Scores(batch).narrow(1, 0, 2)), NoLatency);
        Assert.Equal("output has 2 values per sample, eager has 3", report["fused"].Failure);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    [InlineData(4)]
    [InlineData(10)]
    public void OnnxFile_OfAnyStaticBatchSize_IsRunOnEverySample(int batch)
    {
        VerifyReport report = Verifier.Compare("Toy", [inputs], Paths(Scores) with { ExportOnnx = path => Export(path, batch) }, new VerifyOptions { LatencyCalls = 5 });

        Assert.True(report.Passed, report.ToString());
        Assert.InRange(report["onnx"].MaxRelativeError!.Value, 0, 1e-6);
        Assert.Equal(1, report["onnx"].Agreement);
        Assert.Equal(batch, report["onnx"].LatencyBatch);
        Assert.True(report["onnx"].LatencyMs > 0);
    }

    [Fact]
    public void OnnxFile_WithOtherWeights_Fails()
    {
        VerifyReport report = Verifier.Compare(
            "Toy", [inputs], Paths(Scores) with { ExportOnnx = path => MatMulOnnx.Write(path, [1, -1, 0, 2, 0.5f, -3.001f], 2, 3, batch: 3) }, NoLatency);

        // Only the last sample's last score is off by 3 times 0.001; a runner that drops the incomplete last batch would miss it.
        Assert.Equal(0.003, report["onnx"].MaxAbsoluteError!.Value, 5);
        Assert.StartsWith("relative error 3.3e-4", report["onnx"].Failure);
    }

    [Fact]
    public void Files_StayWhereTheOptionsSay()
    {
        string folder = Directory.CreateTempSubdirectory().FullName;
        string onnx = Path.Combine(folder, "kept.onnx");
        string? temporary = null;
        VerifyPaths paths = Paths(Scores) with
        {
            ExportOnnx = path => Export(path, 1),
            ExportInt8 = (path, _) => Export(temporary = path, 1),
        };
        VerifyReport report = Verifier.Compare("Toy", [inputs], paths, NoLatency with { OnnxPath = onnx });

        Assert.Equal(new FileInfo(onnx).Length, report["onnx"].Bytes);
        Assert.False(Directory.Exists(Path.GetDirectoryName(temporary)));
        Directory.Delete(folder, recursive: true);
    }

    [Fact]
    public void Int8_IsCalibratedWithTheGivenSamples_OrTheFirstBatch()
    {
        using Tensor own = zeros(7, 2);
        var sizes = new List<long>();
        VerifyPaths paths = Paths(Scores) with
        {
            ExportInt8 = (path, calibration) =>
            {
                sizes.Add(calibration[0].shape[0]);
                Export(path, 1);
            },
        };
        Verifier.Compare("Toy", [inputs], paths, NoLatency with { Calibration = [own] });
        Verifier.Compare("Toy", [inputs], paths, NoLatency with { BatchSize = 3 });
        Assert.Equal([7, 3], sizes);
    }

    [Fact]
    public void Int8_IsJudgedOnlyByWhatIsAsked()
    {
        using Tensor labels = tensor(new long[] { 0, 0, 2, 0 });
        // Negated scores: every class is wrong.
        VerifyPaths paths = Paths(Scores) with { ExportInt8 = static (path, _) => MatMulOnnx.Write(path, [-1, 1, 0, -2, -0.5f, 3], 2, 3, batch: 1) };

        Assert.True(Verifier.Compare("Toy", [inputs], paths, NoLatency).Passed);
        Assert.Equal(
            "agreement 0.00 % is below the 90.00 % asked for",
            Verifier.Compare("Toy", [inputs], paths, NoLatency with { MinInt8Agreement = 0.9 })["int8"].Failure);
        Assert.Equal(
            "accuracy drops by 100.00 points, more than the 1.00 allowed",
            Verifier.Compare("Toy", [inputs], paths, NoLatency with { Labels = labels, MaxInt8AccuracyDrop = 0.01 })["int8"].Failure);
        Assert.True(Verifier.Compare("Toy", [inputs], paths, NoLatency with { Labels = labels, MaxInt8AccuracyDrop = 1 }).Passed);
    }

    [Fact]
    public void EagerThatThrows_IsNotHidden()
    {
        var paths = new VerifyPaths(static _ => throw new InvalidOperationException("broken model"), Scores, 24);
        Assert.Equal("broken model", Assert.Throws<InvalidOperationException>(() => Verifier.Compare("Toy", [inputs], paths, NoLatency)).Message);
    }

    [Fact]
    public void Latency_IsMeasuredOnOneSample()
    {
        var sizes = new List<long>();
        VerifyPaths paths = Paths(batch =>
        {
            sizes.Add(batch[0].shape[0]);
            return Scores(batch);
        });
        VerifyReport report = Verifier.Compare("Toy", [inputs], paths, new VerifyOptions { LatencyCalls = 10 });

        Assert.Equal([4, .. Enumerable.Repeat(1L, 12)], sizes);
        Assert.True(report["fused"].LatencyMs > 0);
    }

    [Fact]
    public void LabelsOfAnotherCount_AreRefusedWithBothCounts()
    {
        using Tensor labels = tensor(new long[] { 0, 1 });
        ArgumentException error = Assert.Throws<ArgumentException>(() => Verifier.Compare("Toy", [inputs], Paths(Scores), NoLatency with { Labels = labels }));
        Assert.Equal("VerifyOptions.Labels must be int64 [4], one class per sample, but is Int64 [2].", error.Message);
    }

    [Fact]
    public void NoSamples_AreRefused()
    {
        using Tensor none = zeros(0, 2);
        Assert.Throws<ArgumentException>(() => Verifier.Compare("Toy", [none], Paths(Scores), NoLatency));
    }

    [Fact]
    public void Table_HasOneLinePerPath()
    {
        var report = new VerifyReport("Toy", 2_000,
        [
            new("eager") { MaxAbsoluteError = 0, MaxRelativeError = 0, Agreement = 1, Accuracy = 0.985, Bytes = 4_799_528, LatencyMs = 1.2345 },
            new("int8") { MaxAbsoluteError = 0.25, MaxRelativeError = 0.0123, Agreement = 0.9975, Accuracy = 0.984, Bytes = 1_210_000, LatencyMs = 0.4, LatencyBatch = 8 },
        ]);
        const string Expected = """
            Toy: 2,000 samples, errors against eager
            path   max error  rel. error  agreement  accuracy     size             latency
            ------------------------------------------------------------------------------
            eager          0           0   100.00 %   98.50 %  4.6 MiB            1.235 ms
            int8      2.5e-1      1.2e-2    99.75 %   98.40 %  1.2 MiB  0.400 ms (batch 8)

            """;
        Assert.Equal(Expected, report.ToString(), ignoreLineEndingDifferences: true);
    }

    private Tensor Scores(IReadOnlyList<Tensor> batch) => batch[0].matmul(weight);

    private void Export(string path, int batch) => MatMulOnnx.Write(path, weight.data<float>().ToArray(), 2, 3, batch);

    private VerifyPaths Paths(Func<IReadOnlyList<Tensor>, Tensor> fused) => new(Scores, fused, ParameterBytes: 24);
}
