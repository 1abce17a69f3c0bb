using System.Diagnostics;
using System.Globalization;
using ModelGen.Benchmarks.Models;
using ModelGen.Data;

namespace ModelGen.Benchmarks;

/// <summary>A long <c>Trainer.Fit</c> with everything that goes with it, and what the process has more of afterwards.</summary>
internal static class TrainerSoak
{
    private const int StepsPerEpoch = 1000;
    private const int BatchSize = 16;
    private const int Parts = 10;

    // Besides what the system added by joining pages into huge ones. Only the second half is judged: what validates and saves runs seldom, so the runtime loads and compiles code for it for long.
    private const double AllowedMiB = 4;
    private const double AllowedManagedMiB = 0.5;

    public static int Run(string? steps)
    {
        int count = steps is null ? 50_000 : int.Parse(steps, CultureInfo.InvariantCulture);
        int epochs = count / StepsPerEpoch;
        if (epochs < Parts)
        {
            Console.Error.WriteLine($"usage: soak --trainer [--steps N], N at least {Parts * StepsPerEpoch}");
            return 2;
        }

        NativeLibraries.EnsureLoaded();
        random.manual_seed(1);
        string folder = Directory.CreateTempSubdirectory("modelgen-soak-").FullName;
        var watch = new Watch(epochs);
        try
        {
            using var model = new SoakNet();
            using Trainer<SoakNet> trainer = model.CreateTrainer(new TrainerOptions
            {
                Epochs = epochs,
                BatchSize = BatchSize,
                Averaging = new ExponentialAveraging(0.999),
                ClipNorm = 1,
                Metrics = [Metric.MacroF1, Metric.TopAccuracy(2)],
                ValidateEverySteps = 400,
                Loader = new DataLoaderOptions { Workers = 2 },
                Checkpoints = new CheckpointOptions(folder) { EverySteps = 300 },
                Callbacks = [watch],
                Progress = TrainingProgress.None,
            });
            Console.WriteLine($"{epochs * StepsPerEpoch} steps of Trainer.Fit with {BatchSize} samples: two workers, metrics, validation, moving average, checkpoints");
            Console.WriteLine($"{"steps",8} {"resident MiB",13} {"of it huge",11} {"managed MiB",12} {"tensors",8} {"handles",8} {"threads",8} {"samples/s",10} {"loss",8} {"F1",6}");
            trainer.Fit(new Blobs(StepsPerEpoch * BatchSize, 1), new Blobs(512, 2));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }

        return watch.Verdict();
    }

    /// <summary>A bright spot of noise in one of nine places, made anew at each reading, which is its class.</summary>
    private sealed class Blobs(int count, int seed) : Dataset
    {
        public override int Count => count;

        public override IReadOnlyList<FieldSpec> Inputs { get; } = [new("image", ElementType.Float32, [1, 12, 12])];

        public override FieldSpec Target { get; } = new("place", ElementType.Int64, []);

        public override void Read(int index, Sample sample)
        {
            int place = RandomStream.At(seed, index).Next(9);
            Span<float> image = sample.Input<float>();
            for (int i = 0; i < image.Length; i++)
            {
                bool inside = i / 12 / 4 == place / 3 && i % 12 / 4 == place % 3;
                image[i] = (float)sample.Random.Normal() + (inside ? 0.6f : 0);
            }

            sample.Target<long>()[0] = place;
        }
    }

    private sealed class Watch(int epochs) : TrainerCallback
    {
        private readonly List<(double Resident, double Huge, double Managed, long Tensors, int Handles, int Threads)> seen = [];

        public override void OnEpochEnd(TrainerContext context)
        {
            if (context.Epoch % (epochs / Parts) != 0)
            {
                return;
            }

            GC.Collect();
            GC.WaitForPendingFinalizers();
            GC.Collect();
            using var process = Process.GetCurrentProcess();
            seen.Add((StepMeter.ResidentMiB(), StepMeter.HugePagesMiB(), GC.GetTotalMemory(forceFullCollection: true) / 1048576.0, Tensor.TotalCount, Handles(process), process.Threads.Count));
            (double resident, double huge, double managed, long tensors, int handles, int threads) = seen[^1];
            EvaluationResult validation = context.Validation!;
            Console.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"{context.Steps,8} {resident,13:N1} {huge,11:N1} {managed,12:N2} {tensors,8} {handles,8} {threads,8} {context.SamplesPerSecond,10:N0} {context.LastEpoch!.TrainLoss,8:N4} {validation.Metrics["macro F1"],6:N3}"));
        }

        /// <summary>Open handles but those of assemblies, which are loaded when code first needs them and stay.</summary>
        private static int Handles(Process process) => OperatingSystem.IsLinux()
            ? Directory.GetFileSystemEntries("/proc/self/fd").Count(static path => new FileInfo(path).LinkTarget?.EndsWith(".dll", StringComparison.Ordinal) == false)
            : process.HandleCount;

        public int Verdict()
        {
            var (first, last) = (seen[(Parts / 2) - 1], seen[^1]);
            double joined = Math.Max(0, last.Huge - first.Huge);
            double growth = last.Resident - first.Resident;
            bool good = growth - joined <= AllowedMiB && last.Managed - first.Managed <= AllowedManagedMiB && last.Tensors == first.Tensors && last.Handles <= first.Handles && last.Threads <= first.Threads;
            Console.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"growth in the second half: {growth:N1} MiB, with {joined:N1} MiB more in huge pages; managed {last.Managed - first.Managed:N2} MiB; tensors {last.Tensors - first.Tensors}; handles {last.Handles - first.Handles}; threads {last.Threads - first.Threads}: {(good ? "steady" : "NOT STEADY")}"));
            return good ? 0 : 1;
        }
    }
}
