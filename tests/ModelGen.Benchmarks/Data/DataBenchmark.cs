using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using ModelGen.Data;
using TorchData = TorchSharp.torch.utils.data;

namespace ModelGen.Benchmarks;

/// <summary><see cref="ModelGen.Data.DataLoader"/> against TorchSharp's <c>torch.utils.data.DataLoader</c> on the same work with as many threads, in turns in one process; medians.</summary>
internal static class DataBenchmark
{
    public static readonly float[] Mean = [0.485f, 0.456f, 0.406f];
    public static readonly float[] Deviation = [0.229f, 0.224f, 0.225f];

    private const int Size = 224;
    private const int Rounds = 5;

    private sealed record Row(string Work, int Batch, int Threads, double TorchSamplesPerSecond, double SamplesPerSecond, double Ratio, double TorchProcessorMs, double ProcessorMs);

    private sealed record Stall(string Work, double WorkMsPerBatch, double StepMs, double TorchShare, double Share);

    public static int Run(string? folder, string? json)
    {
        NativeLibraries.EnsureLoaded();
        folder ??= Find();
        int threads = Environment.ProcessorCount;
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{threads} threads for either loader; medians of {Rounds} passes in turns"));
        Console.WriteLine($"{"work",-46} {"batch",5} {"TorchSharp/s",13} {"ModelGen/s",11} {"ratio",7} {"processor ms per 1000 samples",32}");
        var rows = new List<Row>();
        var stalls = new List<Stall>();
        FitBenchmark.Result? fit = null;
        if (folder is null)
        {
            Console.WriteLine("flowers: not measured: ../shared/data/flowers is not beside the repository; --data DIR names another folder of images");
        }
        else
        {
            ImageFolder files = ImageFolder.Open(folder, Augmentation());
            rows.Add(Print(Compare("images, tensor operations there", files, 32, threads, () => new TorchFlowers(files, Size))));
            rows.Add(Print(Compare("images, our transforms there too", files, 32, threads, () => new WrappedDataset(files))));
            stalls.Add(MeasureStall(files));
            fit = FitBenchmark.Run(files, workers: 1);
        }

        foreach (int batch in (int[])[64, 512])
        {
            float[] pixels = new float[20_000 * 784];
            new Random(1).NextBytes(System.Runtime.InteropServices.MemoryMarshal.AsBytes(pixels.AsSpan()));
            ModelGen.Data.TensorDataset data = ModelGen.Data.TensorDataset.FromArrays(pixels, [1, 28, 28], new long[20_000]);
            rows.Add(Print(Compare("MNIST-size arrays", data, batch, threads, () => new WrappedDataset(data))));
            rows.Add(Print(CompareTensors(data, batch, threads)));
        }

        foreach (Stall stall in stalls)
        {
            Console.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"{stall.Work}: {stall.WorkMsPerBatch:N0} ms of work per batch on one worker, steps of {stall.StepMs:N0} ms: waiting {stall.TorchShare:P1} of the time with TorchSharp's loader, {stall.Share:P1} with ours"));
        }

        if (fit is not null)
        {
            Console.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"a residual network trained on them, batch {FitBenchmark.Batch}, one loading thread, medians of {FitBenchmark.Epochs - 1} passes: TorchSharp's loop {fit.EagerSamplesPerSecond:N1} samples/s, waiting {fit.EagerWait:P1} of the time; Trainer.Fit {fit.SamplesPerSecond:N1} samples/s, waiting {fit.Wait:P1} ({fit.SamplesPerSecond / fit.EagerSamplesPerSecond:N2}x)"));
        }

        if (json is not null)
        {
            File.WriteAllText(json, JsonSerializer.Serialize(new { rows, stalls, fit }, new JsonSerializerOptions { WriteIndented = true, PropertyNamingPolicy = JsonNamingPolicy.CamelCase }));
        }

        return 0;
    }

    private static Compose Augmentation() => new(new RandomResizedCrop(Size), new RandomHorizontalFlip(), new ToTensor(), new Normalize(Mean, Deviation));

    private static Row Print(Row row)
    {
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{row.Work,-46} {row.Batch,5} {row.TorchSamplesPerSecond,13:N0} {row.SamplesPerSecond,11:N0} {row.Ratio,6:N2}x {row.TorchProcessorMs,17:N1} there {row.ProcessorMs,8:N1}"));
        return row;
    }

    private static Row Compare(string work, ModelGen.Data.Dataset data, int batch, int threads, Func<TorchData.Dataset> other)
    {
        using var ours = new ModelGen.Data.DataLoader(data, new DataLoaderOptions { BatchSize = batch, Shuffle = true, Workers = threads });
        using TorchSharp.Modules.DataLoader theirs = TorchData.DataLoader(other(), batch, shuffle: true, seed: 1, num_worker: threads, disposeDataset: true);
        return Alternate(work, batch, threads, () => theirs.Sum(static item => (int)item["label"].shape[0]), epoch => ours.Batches(epoch).Sum(static item => item.Count));
    }

    private static Row CompareTensors(ModelGen.Data.TensorDataset data, int batch, int threads)
    {
        (Tensor[] inputs, Tensor target) = data.ToTensors(0, data.Count);
        using var ours = new ModelGen.Data.DataLoader(data, new DataLoaderOptions { BatchSize = batch, Shuffle = true, Workers = threads });
        using TorchData.IterableDataset pairs = TorchData.TensorDataset(inputs[0], target);
        using TorchSharp.Modules.IterableDataLoader theirs = TorchData.DataLoader(pairs, batch, shuffle: true, seed: 1, num_worker: threads, disposeDataset: false);
        return Alternate("MNIST-size arrays, TensorDataset there", batch, threads, () => theirs.Sum(static item => (int)item[1].shape[0]), epoch => ours.Batches(epoch).Sum(static item => item.Count));
    }

    private static Row Alternate(string work, int batch, int threads, Func<int> theirs, Func<int, int> ours)
    {
        var there = new List<(double Speed, double Processor)>();
        var here = new List<(double Speed, double Processor)>();
        for (int round = 0; round <= Rounds; round++)
        {
            (double Speed, double Processor) theirPass = Measure(theirs);
            (double Speed, double Processor) ourPass = Measure(() => ours(round));
            if (round > 0)
            {
                there.Add(theirPass);
                here.Add(ourPass);
            }
        }

        double theirSpeed = Median(there, static pass => pass.Speed);
        double ourSpeed = Median(here, static pass => pass.Speed);
        return new Row(work, batch, threads, theirSpeed, ourSpeed, ourSpeed / theirSpeed, Median(there, static pass => pass.Processor), Median(here, static pass => pass.Processor));
    }

    /// <summary>A consumer that computes for 1.3 times as long as one worker needs for a batch: the work fits one core beside it.</summary>
    private static Stall MeasureStall(ImageFolder files)
    {
        const int Batch = 16;
        using var ours = new ModelGen.Data.DataLoader(files, new DataLoaderOptions { BatchSize = Batch, Shuffle = true, Workers = 1 });
        ours.Batches().Count();
        DataLoaderStatistics warm = ours.Statistics;
        ours.Batches(1).Count();
        double work = (ours.Statistics - warm).WorkTime.TotalMilliseconds / (ours.Statistics - warm).Batches;
        double step = 1.3 * work;

        DataLoaderStatistics before = ours.Statistics;
        long start = Stopwatch.GetTimestamp();
        foreach (ModelGen.Data.Batch batch in ours.Batches(2, epochs: 3))
        {
            Spin(step);
        }

        double share = (ours.Statistics - before).StallTime / Stopwatch.GetElapsedTime(start);

        using TorchSharp.Modules.DataLoader theirs = TorchData.DataLoader(new TorchFlowers(files, Size), Batch, shuffle: true, seed: 1, num_worker: 1, disposeDataset: true);
        start = Stopwatch.GetTimestamp();
        int steps = 0;
        foreach (Dictionary<string, Tensor> batch in theirs)
        {
            steps++;
            Spin(step);
        }

        double total = Stopwatch.GetElapsedTime(start).TotalMilliseconds;
        return new Stall($"images, batch {Batch}", work, step, (total - (steps * step)) / total, share);
    }

    private static void Spin(double milliseconds)
    {
        long start = Stopwatch.GetTimestamp();
        while (Stopwatch.GetElapsedTime(start).TotalMilliseconds < milliseconds)
        {
            Thread.SpinWait(20);
        }
    }

    /// <summary>Samples per second, and the processor's milliseconds for a thousand samples: these do not depend on what else the machine does.</summary>
    private static (double Speed, double Processor) Measure(Func<int> pass)
    {
        TimeSpan before = Environment.CpuUsage.TotalTime;
        long start = Stopwatch.GetTimestamp();
        int samples = pass();
        return (samples / Stopwatch.GetElapsedTime(start).TotalSeconds, (Environment.CpuUsage.TotalTime - before).TotalSeconds / samples * 1e6);
    }

    private static double Median(List<(double Speed, double Processor)> passes, Func<(double Speed, double Processor), double> value) => passes.Select(value).Order().ElementAt(passes.Count / 2);

    private static string? Find()
    {
        for (DirectoryInfo? at = new(AppContext.BaseDirectory); at is not null; at = at.Parent)
        {
            string candidate = Path.Combine(at.FullName, "shared", "data", "flowers");
            if (Directory.Exists(candidate))
            {
                return candidate;
            }
        }

        return null;
    }
}
