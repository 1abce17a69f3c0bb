namespace ModelGen.Onnx.Tests;

public sealed class SessionTests : IDisposable
{
    private static readonly OnnxContract Contract = new("Cnn", [new OnnxContractEntry("image", OnnxType.Float, [-1, 3, 8, 8])], [new OnnxContractEntry("scores", OnnxType.Float, [-1, 4])]);

    private readonly string path = Path.Combine(Path.GetTempPath(), $"modelgen-session-{Guid.NewGuid():N}.onnx");

    public SessionTests() => Graphs.Cnn().Save(path);

    public void Dispose() => File.Delete(path);

    [Fact]
    public void Run_EqualsTheRunner()
    {
        float[] image = Graphs.Random(192, 5);
        float[] scores = new float[4];
        using var session = new Session(path, Contract);
        session.Run(image, scores);
        using var runner = new OnnxRunner(Graphs.Cnn());
        Assert.Equal(runner.Run(new Dictionary<string, OnnxTensor> { ["image"] = OnnxTensor.From<float>(image, 1, 3, 8, 8) })["scores"].AsSpan<float>().ToArray(), scores);
    }

    [Fact]
    public void Run_AllocatesNoManagedMemory()
    {
        float[] image = Graphs.Random(192, 5);
        float[] scores = new float[4];
        using var session = new Session(path, Contract);
        session.Run(image, scores);
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 100; i++)
        {
            session.Run(image, scores);
        }

        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    [Fact]
    public void WrongLengths_AreRefusedWithBothNumbers()
    {
        using var session = new Session(path, Contract);
        string message = Assert.Throws<ArgumentException>(() => session.Run(new float[7], new float[4])).Message;
        Assert.Contains("192", message);
        Assert.Contains("7", message);
        Assert.Throws<ArgumentException>(() => session.Run(new float[192], new float[5]));
    }

    [Fact]
    public void AnotherModel_IsRefusedWithTheDifference()
    {
        var other = new OnnxContract("Other", [new OnnxContractEntry("picture", OnnxType.Float, [-1, 1, 8, 8])], [new OnnxContractEntry("scores", OnnxType.Float, [-1, 10])]);
        string message = Assert.Throws<OnnxContractException>(() => new Session(path, other)).Message;
        Assert.Contains("expected Other, found Cnn", message);
        Assert.Contains("picture: Float[any, 1, 8, 8]", message);
        Assert.Contains("scores: Float[1, 4]", message);
    }

    [Fact]
    public void AbsentProviders_FallBackInOrder_OrSayWhy()
    {
        using (var session = new Session(path, Contract, new InferenceOptions { Providers = ["CUDA", "TensorRT", "OpenVINO", "DirectML", "CoreML", "CPU"] }))
        {
            Assert.Equal("CPU", session.ActiveProvider);
            Assert.Equal(["CUDA", "TensorRT", "OpenVINO", "DirectML", "CoreML", "CPU"], session.ProviderAttempts.Select(static attempt => attempt.Provider));
            Assert.All(session.ProviderAttempts.SkipLast(1), static attempt => Assert.NotEmpty(attempt.Failure!));
            Assert.Equal("CPU: in use", session.ProviderAttempts[^1].ToString());
        }

        string message = Assert.Throws<InvalidOperationException>(() => new Session(path, Contract, new InferenceOptions { Providers = ["CUDA", "Magic"] })).Message;
        Assert.Contains("CUDA", message);
        Assert.Contains("'Magic' is not a known provider", message);
        Assert.Contains("add \"CPU\"", message);
    }

    [Fact]
    public void ThreadAndMemoryOptions_ChangeNoResult()
    {
        float[] image = Graphs.Random(192, 5);
        float[] expected = new float[4];
        float[] scores = new float[4];
        using (var session = new Session(path, Contract))
        {
            session.Run(image, expected);
        }

        using (var session = new Session(path, Contract, new InferenceOptions { Threads = 1, Spinning = false, KeepMemory = false, FlushSubnormals = true, WarmupRuns = 0 }))
        {
            session.Run(image, scores);
        }

        Assert.Equal(expected, scores);
        Assert.Contains("WarmupRuns", Assert.Throws<ArgumentException>(() => new Session(path, Contract, new InferenceOptions { WarmupRuns = -1 })).Message);
    }

    [Fact]
    public void DisposedSessions_SaySo()
    {
        var session = new Session(path, Contract);
        session.Dispose();
        session.Dispose();
        Assert.Throws<ObjectDisposedException>(() => session.Run(new float[192], new float[4]));
    }

    private sealed class Session(string path, OnnxContract contract, InferenceOptions? options = null) : OnnxSession(path, contract, options)
    {
        public void Run(ReadOnlySpan<float> image, Span<float> scores)
        {
            CopyInput(0, image);
            RunBound();
            CopyOutput(0, scores);
        }
    }
}
