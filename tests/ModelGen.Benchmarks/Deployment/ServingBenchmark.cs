using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using ModelGen.Benchmarks.Models;
using ModelGen.Onnx;

namespace ModelGen.Benchmarks;

/// <summary>
/// The batching server against one call per sample on the same model, threads and callers: requests per second and latency, in turns in one process. Callers of the one-by-one form share
/// one session under a lock, which is what a service without a batching server does.
/// </summary>
internal static class ServingBenchmark
{
    private const int Callers = 64;
    private const int Rounds = 3;
    private const double Seconds = 1.5;

    private sealed record Row(string Model, string Form, double RequestsPerSecond, double MedianMs, double P99Ms, double Ratio);

    public static int Run(string? only, string? json)
    {
        string[] names = [.. new[] { "MnistCnn", "Mlp", "ResNet18" }.Where(name => only is null || name.Equals(only, StringComparison.OrdinalIgnoreCase))];
        if (names.Length == 0)
        {
            Console.Error.WriteLine($"There is no model '{only}'. There are: MnistCnn, Mlp, ResNet18.");
            return 2;
        }

        Console.WriteLine($"{Callers} concurrent callers; medians of {Rounds} rounds of {Seconds.ToString(CultureInfo.InvariantCulture)} s");
        Console.WriteLine($"{"model",-10} {"form",-22} {"requests/s",11} {"median ms",10} {"p99 ms",8} {"against one by one",19}");
        var rows = new List<Row>();
        foreach (string name in names)
        {
            Measure(name, rows);
        }

        if (json is not null)
        {
            File.WriteAllText(json, JsonSerializer.Serialize(rows, new JsonSerializerOptions { WriteIndented = true, PropertyNamingPolicy = JsonNamingPolicy.CamelCase }));
        }

        return 0;
    }

    private static void Measure(string name, List<Row> rows)
    {
        (Func<OnnxExportOptions, OnnxModel> export, int length, int classes) = Model(name);
        OnnxModel single = export(new OnnxExportOptions { BatchSize = 1 });
        OnnxModel open = export(new OnnxExportOptions { OpenSize = "N" });
        OnnxModel[] sizes = [single, .. new[] { 8, 32 }.Select(size => export(new OnnxExportOptions { BatchSize = size }))];
        var random = new Random(1);
        float[] input = [.. Enumerable.Range(0, length).Select(_ => (float)random.NextDouble())];
        string[] forms = ["one by one", "server, open batch", "server, batches 1 8 32"];
        List<(double Rate, double Median, double P99)>[] results = [[], [], []];
        for (int round = 0; round < Rounds; round++)
        {
            using (var runner = new OnnxRunner(single))
            {
                var guard = new SemaphoreSlim(1);
                var feed = new Dictionary<string, OnnxTensor> { [runner.Inputs[0].Name] = OnnxTensor.From<float>(input, [.. runner.Inputs[0].Shape]) };
                results[0].Add(Load(async _ =>
                {
                    await guard.WaitAsync();
                    try
                    {
                        runner.Run(feed);
                    }
                    finally
                    {
                        guard.Release();
                    }
                }));
            }

            using (var server = new BatchingServer(open))
            {
                results[1].Add(Load(output => server.RunAsync<float, float>(input, output.AsMemory(0, classes))));
            }

            using (var server = new BatchingServer(sizes))
            {
                results[2].Add(Load(output => server.RunAsync<float, float>(input, output.AsMemory(0, classes))));
            }
        }

        double Median(int form, Func<(double Rate, double Median, double P99), double> part) => KernelBenchmark.Median([.. results[form].Select(part)]);
        for (int form = 0; form < forms.Length; form++)
        {
            var row = new Row(name, forms[form], Median(form, static r => r.Rate), Median(form, static r => r.Median), Median(form, static r => r.P99), Median(form, static r => r.Rate) / Median(0, static r => r.Rate));
            rows.Add(row);
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{row.Model,-10} {row.Form,-22} {row.RequestsPerSecond,11:N0} {row.MedianMs,10:N2} {row.P99Ms,8:N2} {row.Ratio,18:N2}x"));
        }
    }

    private static (Func<OnnxExportOptions, OnnxModel> Export, int Length, int Classes) Model(string name)
    {
        random.manual_seed(1);
        switch (name)
        {
            case "MnistCnn":
                var cnn = new MnistCnn();
                cnn.eval();
                return (cnn.ToOnnx, 784, 10);
            case "Mlp":
                var mlp = new Samples.Zoo.Mlp();
                mlp.eval();
                return (mlp.ToOnnx, 784, 10);
            default:
                var resnet = new Samples.Zoo.ResNet18();
                resnet.eval();
                return (options => resnet.ToOnnx(options), 3 * 64 * 64, 1000);
        }
    }

    /// <summary>Requests per second, and median and 99th percentile of their latency in milliseconds.</summary>
    private static (double Rate, double Median, double P99) Load(Func<float[], Task> request)
    {
        var latencies = new List<double>[Callers];
        long start = Stopwatch.GetTimestamp();
        Task[] callers = [.. Enumerable.Range(0, Callers).Select(caller => Task.Run(async () =>
        {
            var output = new float[1000];
            latencies[caller] = [];
            while (Stopwatch.GetElapsedTime(start).TotalSeconds < Seconds)
            {
                long begin = Stopwatch.GetTimestamp();
                await request(output);
                latencies[caller].Add(Stopwatch.GetElapsedTime(begin).TotalMilliseconds);
            }
        }))];
        Task.WaitAll(callers);
        double elapsed = Stopwatch.GetElapsedTime(start).TotalSeconds;
        double[] all = [.. latencies.SelectMany(static list => list).Order()];
        return (all.Length / elapsed, all[all.Length / 2], all[all.Length * 99 / 100]);
    }
}
