using System.Diagnostics;
using ModelGen.Benchmarks.Models;
using ModelGen.Data;
using TorchData = TorchSharp.torch.utils.data;

namespace ModelGen.Benchmarks;

/// <summary>
/// A fit on augmented photographs: <c>Trainer.Fit</c> with its loader against the loop that a user of TorchSharp writes, with TorchSharp's loader, in one process. The same network, optimizer, batch and
/// number of loading threads; how long each waits for batches.
/// </summary>
internal static class FitBenchmark
{
    public const int Batch = 16;
    public const int Epochs = 4;

    public sealed record Result(double EagerSamplesPerSecond, double EagerWait, double SamplesPerSecond, double Wait);

    public static Result Run(ImageFolder files, int workers)
    {
        // The first pass of either is left out: code is compiled in it.
        List<(double Speed, double Wait)> eager = [.. Eager(files, workers).Skip(1)];
        random.manual_seed(1);
        using var model = new PhotoNet();
        using Trainer<PhotoNet> trainer = model.CreateTrainer(new TrainerOptions
        {
            Epochs = Epochs,
            BatchSize = Batch,
            DropLast = true,
            Schedule = Schedule.Constant,
            Loader = new DataLoaderOptions { Workers = workers },
            Progress = TrainingProgress.None,
        });
        EpochResult[] own = [.. trainer.Fit(files).Epochs.Skip(1)];
        return new Result(
            Median(eager.Select(static pass => pass.Speed)), Median(eager.Select(static pass => pass.Wait)), Median(own.Select(static epoch => epoch.SamplesPerSecond)), Median(own.Select(static epoch => epoch.DataShare)));
    }

    private static IEnumerable<(double Speed, double Wait)> Eager(ImageFolder files, int workers)
    {
        random.manual_seed(1);
        using var model = new PhotoNet();
        model.train();
        using var optimizer = optim.SGD(model.parameters(), 0.01, 0.9);
        using TorchSharp.Modules.DataLoader loader = TorchData.DataLoader(new TorchFlowers(files, 224), Batch, shuffle: true, seed: 1, num_worker: workers, drop_last: true, disposeDataset: true);
        for (int epoch = 0; epoch < Epochs; epoch++)
        {
            long start = Stopwatch.GetTimestamp();
            TimeSpan waited = TimeSpan.Zero;
            int samples = 0;
            using IEnumerator<Dictionary<string, Tensor>> batches = loader.GetEnumerator();
            while (Next(batches, ref waited))
            {
                using DisposeScope scope = NewDisposeScope();
                optimizer.zero_grad();
                Tensor loss = functional.cross_entropy(model.forward(batches.Current["image"]), batches.Current["label"]);
                loss.backward();
                optimizer.step();
                samples += Batch;
            }

            TimeSpan time = Stopwatch.GetElapsedTime(start);
            yield return (samples / time.TotalSeconds, waited / time);
        }
    }

    private static bool Next(IEnumerator<Dictionary<string, Tensor>> batches, ref TimeSpan waited)
    {
        long start = Stopwatch.GetTimestamp();
        bool more = batches.MoveNext();
        waited += Stopwatch.GetElapsedTime(start);
        return more;
    }

    private static double Median(IEnumerable<double> values) => values.Order().ElementAt((Epochs - 1) / 2);
}
