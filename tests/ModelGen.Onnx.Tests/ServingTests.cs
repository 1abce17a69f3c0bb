using System.Collections.Concurrent;
using System.Diagnostics;
using System.Diagnostics.Metrics;

namespace ModelGen.Onnx.Tests;

/// <summary>The batching server against one call per sample.</summary>
public sealed class ServingTests
{
    private const int Width = 24;
    private const int Classes = 5;

    /// <summary>Gemm, Tanh, Gemm on [N, 24].</summary>
    private static OnnxModel Net(int batch)
    {
        var g = new OnnxGraphBuilder("net");
        g.Input("x", OnnxType.Float, [batch, Width]);
        g.Initializer<float>("w1", [Width, 32], Graphs.Random(Width * 32, 1, 0.4f));
        g.Initializer<float>("w2", [32, Classes], Graphs.Random(32 * Classes, 2, 0.4f));
        g.Node("Gemm", "/1", ["x", "w1"], [("a", OnnxType.Float, [batch, 32])]);
        g.Node("Tanh", "/2", ["a"], [("b", OnnxType.Float, [batch, 32])]);
        g.Node("Gemm", "/3", ["b", "w2"], [("y", OnnxType.Float, [batch, Classes])]);
        g.Output("y", OnnxType.Float, [batch, Classes]);
        return g.Build();
    }

    private static OnnxModel Open(Func<int, OnnxModel> build) => OnnxOpenSize.Join(build(11), 11, build(13), 13, "N");

    public static TheoryData<string> Kinds => ["open", "static", "two workers"];

    private static BatchingServer Server(string kind, BatchingOptions? options = null) => kind switch
    {
        "open" => new BatchingServer(Open(Net), options),
        "static" => new BatchingServer([Net(8), Net(1), Net(4)], options),
        _ => new BatchingServer(Open(Net), (options ?? new BatchingOptions()) with { Workers = 2 }),
    };

    [Theory]
    [InlineData(0)]
    [InlineData(0.3)]
    [InlineData(1)]
    [InlineData(2.7)]
    public void Wait_GivesUpAtTheDeadline_NotBefore(double milliseconds)
    {
        using var semaphore = new SemaphoreSlim(0);
        long deadline = Stopwatch.GetTimestamp() + PreciseWait.Ticks(TimeSpan.FromMilliseconds(milliseconds));
        Assert.False(PreciseWait.Wait(semaphore, deadline));
        Assert.True(Stopwatch.GetTimestamp() >= deadline);
    }

    [Fact]
    public async Task Wait_EntersASemaphoreThatIsReleasedMeanwhile()
    {
        using var semaphore = new SemaphoreSlim(1);
        Assert.True(PreciseWait.Wait(semaphore, Stopwatch.GetTimestamp() - 1));
        Task<bool> waiting = Task.Run(() => PreciseWait.Wait(semaphore, Stopwatch.GetTimestamp() + PreciseWait.Ticks(TimeSpan.FromMinutes(5))));
        semaphore.Release();
        Assert.True(await waiting);
        Assert.Equal(0, semaphore.CurrentCount);
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public async Task SixtyFourCallers_LoseAndMixUpNothing(string kind)
    {
        const int Callers = 64;
        const int Each = 40;
        using var single = new OnnxRunner(Net(1));
        float[][] inputs = [.. Enumerable.Range(0, Callers * Each).Select(static seed => Graphs.Random(Width, seed))];
        float[][] expected = [.. inputs.Select(input => single.Run(new Dictionary<string, OnnxTensor> { ["x"] = OnnxTensor.From<float>(input, 1, Width) })["y"].AsSpan<float>().ToArray())];
        Assert.Equal(expected.Length, expected.Select(static row => row[0]).Distinct().Count());
        using var meter = new Metrics();

        // Long enough for the callers to meet, however the scheduler runs them.
        await using (BatchingServer server = Server(kind, new BatchingOptions { QueueLimit = 32, MaxDelay = TimeSpan.FromMilliseconds(10) }))
        {
            await Task.WhenAll(Enumerable.Range(0, Callers).Select(caller => Task.Run(async () =>
            {
                var output = new float[Classes];
                for (int i = 0; i < Each; i++)
                {
                    int index = (caller * Each) + i;
                    await server.RunAsync<float, float>(inputs[index], output);
                    Assert.True(output.Zip(expected[index], static (a, b) => MathF.Abs(a - b)).Max() < 1e-5f, $"request {index} got another's result");
                }
            })));
            Assert.Equal(0, server.Waiting);
        }

        Assert.Equal(Callers * Each, meter.Sum("requests"));
        Assert.Equal(Callers * Each, meter.Sum("batch"));
        Assert.Equal(0, meter.Sum("failed"));
        Assert.True(meter.Count("batch") < Callers * Each / 2, $"{meter.Count("batch")} batches: nothing was collected");
    }

    [Fact]
    public async Task NamedTensors_AreServedToo()
    {
        await using BatchingServer server = Server("open");
        float[] input = Graphs.Random(Width, 1);
        using var single = new OnnxRunner(Net(1));
        var sample = new Dictionary<string, OnnxTensor> { ["x"] = OnnxTensor.From<float>(input, 1, Width) };
        IReadOnlyDictionary<string, OnnxTensor>[] results = await Task.WhenAll(Enumerable.Range(0, 10).Select(_ => server.RunAsync(sample)));
        float[] expected = single.Run(sample)["y"].AsSpan<float>().ToArray();
        Assert.All(results, result => Assert.True(expected.Zip(result["y"].AsSpan<float>().ToArray(), static (a, b) => MathF.Abs(a - b)).Max() < 1e-5f));
    }

    [Fact]
    public async Task ARequestThatFails_FailsAlone()
    {
        static OnnxModel Lookup(int batch)
        {
            var g = new OnnxGraphBuilder("lookup");
            g.Input("x", OnnxType.Int64, [batch, 1]);
            g.Initializer<float>("table", [4, 2], [0, 1, 2, 3, 4, 5, 6, 7]);
            g.Node("Gather", "/Gather", ["table", "x"], [("y", OnnxType.Float, [batch, 1, 2])]);
            g.Output("y", OnnxType.Float, [batch, 1, 2]);
            return g.Build();
        }

        await using var server = new BatchingServer(Open(Lookup), new BatchingOptions { MaxDelay = TimeSpan.FromMilliseconds(200), MaxBatch = 4 });
        float[][] outputs = [.. Enumerable.Range(0, 4).Select(static _ => new float[2])];
        Task[] tasks = [.. Enumerable.Range(0, 4).Select(i => server.RunAsync<long, float>(new long[] { i == 2 ? 99 : i }, outputs[i]))];
        await Task.WhenAll(tasks.Where((_, i) => i != 2));
        Assert.Contains("ONNX Runtime fails", (await Assert.ThrowsAsync<InvalidOperationException>(() => tasks[2])).Message);
        Assert.Equal([0, 1], outputs[0]);
        Assert.Equal([6, 7], outputs[3]);
    }

    [Fact]
    public async Task CancelledRequests_LeaveTheQueue()
    {
        await using BatchingServer server = Server("open", new BatchingOptions { MaxDelay = TimeSpan.FromSeconds(4), MaxBatch = 8, QueueLimit = 100 });
        using var source = new CancellationTokenSource();
        using (var gate = new Blocker(server))
        {
            Task waiting = server.RunAsync<float, float>(new float[Width], new float[Classes], source.Token);
            await source.CancelAsync();
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => waiting);
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => server.RunAsync<float, float>(new float[Width], new float[Classes], source.Token));
        }

        await server.RunAsync<float, float>(new float[Width], new float[Classes], CancellationToken.None);
    }

    [Fact]
    public async Task FullQueues_RejectOrWait()
    {
        var options = new BatchingOptions { QueueLimit = 2, MaxBatch = 1, WhenFull = BackPressure.Reject };
        await using BatchingServer server = Server("open", options);
        Task[] tasks = [.. Enumerable.Range(0, 2000).Select(_ => server.RunAsync<float, float>(new float[Width], new float[Classes]))];
        int busy = 0;
        foreach (Task task in tasks)
        {
            try
            {
                await task;
            }
            catch (ServerBusyException exception)
            {
                Assert.Contains("2 requests are waiting", exception.Message);
                busy++;
            }
        }

        Assert.InRange(busy, 1, 1998);
        await using BatchingServer patient = Server("open", options with { WhenFull = BackPressure.Wait });
        await Task.WhenAll(Enumerable.Range(0, 500).Select(_ => patient.RunAsync<float, float>(new float[Width], new float[Classes])));
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public async Task Disposal_FinishesWhatWasAccepted_AndRefusesTheRest(string kind)
    {
        BatchingServer server = Server(kind, new BatchingOptions { MaxDelay = TimeSpan.FromMilliseconds(50), QueueLimit = 16 });
        var results = new ConcurrentBag<bool>();
        Task[] tasks = [.. Enumerable.Range(0, 300).Select(_ => Task.Run(async () =>
        {
            try
            {
                await server.RunAsync<float, float>(new float[Width], new float[Classes]);
                results.Add(true);
            }
            catch (ObjectDisposedException)
            {
                results.Add(false);
            }
        }))];
        await Task.Delay(20);
        await server.DisposeAsync();
        await Task.WhenAll(tasks).WaitAsync(TimeSpan.FromSeconds(20));
        Assert.Equal(300, results.Count);
        await Assert.ThrowsAsync<ObjectDisposedException>(() => server.RunAsync<float, float>(new float[Width], new float[Classes]));
        server.Dispose();
    }

    [Fact]
    public void WrongModelsAndInputs_AreRefused()
    {
        Assert.Throws<ArgumentException>(() => new BatchingServer([]));
        Assert.Contains("MaxBatch", Assert.Throws<ArgumentException>(() => Server("open", new BatchingOptions { MaxBatch = 0 })).Message);
        Assert.Contains("differ in nothing but the batch", Assert.Throws<ArgumentException>(() => new BatchingServer([Net(1), Graphs.Cnn()])).Message);
        using BatchingServer server = Server("static");
        Assert.Equal(8, server.MaxBatch);
        Assert.Contains("24 elements", Assert.Throws<ArgumentException>(() => { _ = server.RunAsync<float, float>(new float[3], new float[Classes]); }).Message);
        Assert.Throws<ArgumentException>(() => { _ = server.RunAsync<double, float>(new double[Width], new float[Classes]); });
    }

    /// <summary>Keeps the worker waiting for more requests.</summary>
    private sealed class Blocker(BatchingServer server) : IDisposable
    {
        private readonly Task first = server.RunAsync<float, float>(new float[Width], new float[Classes]);

        public void Dispose() => first.Wait();
    }

    /// <summary>Sums of the server's metrics.</summary>
    private sealed class Metrics : IDisposable
    {
        private readonly MeterListener listener = new();
        private readonly ConcurrentQueue<(string Name, double Value)> seen = new();

        public Metrics()
        {
            listener.InstrumentPublished = static (instrument, listener) =>
            {
                if (instrument.Meter.Name == BatchingServer.MeterName)
                {
                    listener.EnableMeasurementEvents(instrument);
                }
            };
            listener.SetMeasurementEventCallback<long>((instrument, value, _, _) => seen.Enqueue((instrument.Name, value)));
            listener.SetMeasurementEventCallback<int>((instrument, value, _, _) => seen.Enqueue((instrument.Name, value)));
            listener.Start();
        }

        public double Sum(string name) => seen.Where(pair => pair.Name == name).Sum(static pair => pair.Value);

        public int Count(string name) => seen.Count(pair => pair.Name == name);

        public void Dispose() => listener.Dispose();
    }
}
