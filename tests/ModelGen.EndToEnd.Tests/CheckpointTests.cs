using System.Diagnostics;
using ModelGen.EndToEnd.Tests.Models;
using ModelGen.Schedulers;
using ModelGen.Weights;
using static TorchSharp.torch;

namespace ModelGen.EndToEnd.Tests;

/// <summary>Fits that are interrupted at random points and go on end with the same weights, bit for bit; damaged files are found.</summary>
public sealed class CheckpointTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("modelgen-checkpoints-").FullName;

    private const int Kills = 20;

    public static TheoryData<string> Kinds => ["AdamW, parts, EMA", "RMSProp, SWA, plateau", "NAdam on libtorch's operators", "SGD, sequence", "epochs of steps", "stream", "stream, epochs of steps", "search, parts", "search on libtorch's operators"];

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Theory]
    [MemberData(nameof(Kinds))]
    public void AtRandomPoints_InterruptedFitsEndWithTheSameWeights(string kind)
    {
        using IDisposable? library = kind.Contains("libtorch", StringComparison.Ordinal) ? LibraryPath.Use() : null;
        TrainerOptions Options() => kind switch
        {
            "RMSProp, SWA, plateau" => new() { Averaging = new StochasticAveraging(2), Scheduler = new ReduceLROnPlateau(patience: 1, factor: 0.5), ValidateEverySteps = 2, MonitorMode = MonitorMode.Min },
            "NAdam on libtorch's operators" => new() { DropLast = true, Averaging = new ExponentialAveraging(0.8) },
            "epochs of steps" => new() { StepsPerEpoch = 5, AccumulateSteps = 2, Averaging = new StochasticAveraging(2), Loader = new ModelGen.Data.DataLoaderOptions { Workers = 2 } },
            "stream" => new() { Schedule = Schedule.Constant, AccumulateSteps = 3 },
            "stream, epochs of steps" => new() { Shuffle = false, DropLast = true, StepsPerEpoch = 4 },
            "search, parts" => new() { LearningRate = 1, AccumulateSteps = 2, Averaging = new ExponentialAveraging(0.9), ConfigureOptimizer = static settings => settings with { Kind = Optimizer.LBFGS, WeightDecay = 0, HistorySize = 4, MaxIterations = 3, LineSearch = LineSearch.StrongWolfe } },
            "search on libtorch's operators" => new() { LearningRate = 0.1, ConfigureOptimizer = static settings => settings with { Kind = Optimizer.LBFGS, WeightDecay = 0, HistorySize = 6, MaxIterations = 2 } },
            "SGD, sequence" => new() { AccumulateSteps = 3, Scheduler = new SequentialLR([new LinearLR(0.1, 1, 3), new CosineAnnealingLR(5)], [3]) },
            _ => new() { AccumulateSteps = 2, Averaging = new ExponentialAveraging(0.9), ClipNorm = 0.5 },
        };
        bool stream = kind.StartsWith("stream", StringComparison.Ordinal);
        (byte[][] expected, FitResult undisturbed) = ResumeFit.Run(Options(), start: 5, stream: stream);
        var points = new Random(kind.Length);
        long steps = Steps(Options());
        for (int i = 0; i < 5; i++)
        {
            string place = Path.Combine(folder, i.ToString());
            (int killed, int cancelled) = (1 + points.Next((int)steps), 1 + points.Next((int)steps));
            TrainerOptions options = Options() with { Checkpoints = new CheckpointOptions(place) { EverySteps = 1 + points.Next(4) } };

            // Twice in a fit: without warning, and by cancellation.
            Exception? first = Record.Exception(() => ResumeFit.Run(options with { Callbacks = [new At(killed, static () => throw new InvalidOperationException("killed"))] }, start: 5, stream: stream));
            Assert.Equal("killed", first!.Message);
            using var source = new CancellationTokenSource();
            Exception? second = Record.Exception(() => ResumeFit.Run(options with { Scheduler = Options().Scheduler, Callbacks = [new At(cancelled, source.Cancel)] }, start: Directory.Exists(place) && Directory.GetFiles(place).Length > 0 ? 6 : 5, source.Token, stream));
            Assert.True(second is null or OperationCanceledException, second?.ToString());
            (byte[][] weights, FitResult result) = ResumeFit.Run(options with { Scheduler = Options().Scheduler }, start: Directory.GetFiles(place).Length > 0 ? 6 : 5, stream: stream);
            Assert.Equal(expected, weights);
            Assert.Equal(undisturbed.Epochs.Select(static epoch => (epoch.TrainLoss, epoch.ValidationLoss, epoch.Accuracy, epoch.LearningRate)), result.Epochs.Select(static epoch => (epoch.TrainLoss, epoch.ValidationLoss, epoch.Accuracy, epoch.LearningRate)));
        }
    }

    [Fact]
    public void KilledProcesses_LeaveWholeCheckpoints_AndTheSameWeightsInTheEnd()
    {
        string reference = Path.Combine(folder, "reference");
        (byte[][] expected, _) = ResumeFit.Run(ResumeFit.Options(reference) with { Epochs = ResumeFit.ProcessEpochs }, start: 7);
        string place = Path.Combine(folder, "killed");
        int killed = 0;
        var points = new Random(1);
        for (int round = 0; round < Kills; round++)
        {
            // Most of them somewhere in the next step or its checkpoint, some while the process starts or reads the last one.
            long before = LastStep(place);
            bool early = round % 4 == 3;
            using Process child = Start(place);
            var clock = Stopwatch.StartNew();
            while (!early && !child.HasExited && clock.Elapsed < TimeSpan.FromSeconds(60) && LastStep(place) <= before)
            {
                Thread.Sleep(1);
            }

            Thread.Sleep(points.Next(early ? 800 : 25));
            if (!child.HasExited)
            {
                child.Kill();
                killed++;
            }

            child.WaitForExit();
            Assert.All(Files(place), static path => Assert.Null(Checkpoint.Damage(path)));
        }

        Assert.Equal(Kills, killed);
        Assert.InRange(LastStep(place), Kills / 2, (4 * ResumeFit.ProcessEpochs) - 1);
        (byte[][] weights, _) = ResumeFit.Run(ResumeFit.Options(place) with { Epochs = ResumeFit.ProcessEpochs }, start: 8);
        Assert.Equal(expected, weights);
    }

    /// <summary>A limit on the size of files stands for a disk that is full: the write fails in its middle. (The run-time keeps code in such a file too, unless told otherwise.)</summary>
    [LinuxFact]
    public void FullDisk_LeavesTheCheckpointsThatWereThere()
    {
        using (var source = new CancellationTokenSource())
        {
            Assert.Throws<OperationCanceledException>(() => ResumeFit.Run(ResumeFit.Options(folder) with { Callbacks = [new At(3, source.Cancel)] }, start: 7, source.Token));
        }

        var before = Files(folder).ToDictionary(static path => path, File.ReadAllBytes);
        using Process child = Start(folder, "export DOTNET_EnableWriteXorExecute=0; trap '' XFSZ; ulimit -f 4; ");
        string errors = child.StandardError.ReadToEnd();
        child.WaitForExit();
        Assert.Equal(3, child.ExitCode);
        Assert.Contains("cannot be written", errors);
        Assert.Contains("as they were", errors);
        Assert.Equal(before.Keys.Order(), Directory.GetFiles(folder).Order());
        Assert.All(before, static pair => Assert.Equal(pair.Value, File.ReadAllBytes(pair.Key)));
    }

    [Fact]
    public void DamageAnywhere_IsFound_AndTheCheckpointBeforeIsUsed()
    {
        TrainerOptions options = ResumeFit.Options(folder);
        (byte[][] expected, _) = ResumeFit.Run(options, start: 7);
        string last = Files(folder)[^1];
        byte[] whole = File.ReadAllBytes(last);
        var random = new Random(4);
        for (int i = 0; i < 150; i++)
        {
            byte[] damaged = (byte[])whole.Clone();
            int place = i < 8 ? i : random.Next(damaged.Length);
            if (i % 10 == 9)
            {
                damaged = damaged[..place];
            }
            else
            {
                damaged[place] ^= (byte)(1 << random.Next(8));
            }

            File.WriteAllBytes(last, damaged);
            Assert.True(Checkpoint.Damage(last) is not null, $"a change of byte {place} was not seen");
        }

        // The fit goes on from the one before, and ends as it did.
        Assert.NotEqual(last, Checkpoint.Last(folder));
        (byte[][] weights, FitResult result) = ResumeFit.Run(options, start: 8);
        Assert.Equal(expected, weights);
        Assert.Contains($"{last} is damaged", result.Notes[0]);
        Assert.Contains("The checkpoint before it is used", result.Notes[0]);
        Assert.Contains("going on from", result.Notes[1]);
        Assert.Null(Checkpoint.Damage(last));
        foreach (string path in Files(folder))
        {
            File.WriteAllBytes(path, whole[..100]);
        }

        Assert.Contains("is whole", Assert.Throws<CheckpointException>(() => ResumeFit.Run(options, start: 8)).Message);
    }

    [Fact]
    public void LastAndBest_AreKept()
    {
        double[] values = [0.5, 0.3, 0.9, 0.4, 0.6];
        int samples = ResumeFit.Validation.Count;
        int epoch = 0;
        var options = new TrainerOptions
        {
            Epochs = 5,
            Metrics = [Metric.Mean("mine", (_, _) => tensor(values[epoch] * samples))],
            OnEpoch = _ => epoch++,
            Monitor = "mine",
            Checkpoints = new CheckpointOptions(folder) { KeepBest = 2, KeepLast = 1 },
        };
        ResumeFit.Run(options, start: 1);

        // Seven steps an epoch. The best values are those of the third and the fifth epoch, and the fifth is the last one too.
        Assert.Equal([21, 35], Files(folder).Select(LastStepOf));
        Assert.Equal(21, LastStepOf(Checkpoint.Best(folder)!));
        Assert.Equal(35, LastStepOf(Checkpoint.Last(folder)!));
    }

    [Fact]
    public void OtherSettings_AreNamed()
    {
        ResumeFit.Run(ResumeFit.Options(folder) with { Epochs = 1 }, start: 1);
        string message = Assert.Throws<CheckpointException>(() => ResumeFit.Run(ResumeFit.Options(folder) with { Seed = 3, AccumulateSteps = 1 }, start: 1)).Message;
        Assert.Contains("Seed was 0 and is 3", message);
        Assert.Contains("AccumulateSteps was 2 and is 1", message);
        Assert.Contains("has 2 checkpoints", Assert.Throws<CheckpointException>(() => ResumeFit.Run(ResumeFit.Options(folder) with { Checkpoints = new CheckpointOptions(folder) { Resume = false } }, start: 1)).Message);
        using var other = new DropoutNet();
        Assert.Contains("of another model", Assert.Throws<CheckpointException>(() => Checkpoint.Load(Files(folder)[0], other)).Message);
    }

    [Fact]
    public void Load_GivesWeightsOrAverages_AndTheFileIsSafetensors()
    {
        (byte[][] end, _) = ResumeFit.Run(ResumeFit.Options(folder), start: 1);
        using var model = new ResumeNet();
        Checkpoint.Load(Files(folder)[^1], model);

        // The model of the fit ended with the averages.
        Assert.Equal(end, model.state_dict().OrderBy(static pair => pair.Key, StringComparer.Ordinal).Select(static pair => pair.Value.bytes.ToArray()));
        Checkpoint.Load(Files(folder)[^1], model, averaged: false);
        Assert.NotEqual(end, model.state_dict().OrderBy(static pair => pair.Key, StringComparer.Ordinal).Select(static pair => pair.Value.bytes.ToArray()));
        using WeightFile file = WeightFile.Open(Files(folder)[^1]);
        Assert.Equal(WeightFormat.Safetensors, file.Format);
        Assert.Equal([4, 1, 3, 3], file["conv.weight"].Shape);
    }

    [Fact]
    public void LoadWeights_TakesTheWeightsOfACheckpoint_AndNoStateOfTheFit()
    {
        ResumeFit.Run(ResumeFit.Options(folder), start: 1);
        using var expected = new ResumeNet();
        Checkpoint.Load(Files(folder)[^1], expected, averaged: false);
        using var model = new ResumeNet();
        WeightLoadReport report = model.LoadWeights(Files(folder)[^1]);
        Assert.Equal(expected.state_dict().Select(static pair => pair.Value.bytes.ToArray()), model.state_dict().Select(static pair => pair.Value.bytes.ToArray()));
        Assert.Empty(report.Unexpected);
        Assert.Contains(report.Lines, static line => line is { State: WeightState.LeftOut, Key: "@optimizer.moment1.conv.weight", Note: "state of the fit" });

        // Only in a checkpoint do such names mean anything.
        var writer = new SafetensorsWriter();
        foreach ((string key, Tensor tensor) in model.state_dict())
        {
            writer.Add(key, tensor);
        }

        using Tensor stray = zeros(2);
        writer.Add("@optimizer.moment1.conv.weight", stray);
        string other = Path.Combine(folder, "other.st");
        writer.Write(other);
        Assert.Contains("1 unexpected", Assert.Throws<WeightMismatchException>(() => model.LoadWeights(other)).Message);
    }

    [Fact]
    public void ALongerFit_GoesOnWhereAShorterOneEnded()
    {
        TrainerOptions options = ResumeFit.Options(folder) with { Schedule = Schedule.Constant, Averaging = null };
        (byte[][] expected, _) = ResumeFit.Run(options with { Checkpoints = null }, start: 2);
        ResumeFit.Run(options with { Epochs = 2 }, start: 2);
        ResumeFit.Run(options with { MaxSteps = 14 }, start: 3);
        (byte[][] weights, FitResult result) = ResumeFit.Run(options, start: 3);
        Assert.Equal(expected, weights);
        Assert.Equal(6, result.Epochs.Count);
    }

    private static string[] Files(string place) => Directory.Exists(place) ? [.. Directory.GetFiles(place, "*.safetensors").Order(StringComparer.Ordinal)] : [];

    private static long LastStep(string place) => Files(place) is [.., string last] ? LastStepOf(last) : 0;

    private static long LastStepOf(string path) => long.Parse(Path.GetFileNameWithoutExtension(path)["checkpoint-".Length..]);

    private static long Steps(TrainerOptions options)
    {
        int batches = options.DropLast ? 52 / 8 : (52 + 7) / 8;
        return 3L * (options.StepsPerEpoch ?? ((batches + options.AccumulateSteps - 1) / options.AccumulateSteps));
    }

    private static Process Start(string place, string shell = "")
    {
        string program = typeof(CheckpointTests).Assembly.Location;
        string dotnet = Environment.ProcessPath is { } path && Path.GetFileNameWithoutExtension(path) == "dotnet" ? path : "dotnet";
        ProcessStartInfo start = shell.Length == 0
            ? new ProcessStartInfo(dotnet, [program, "fit", place])
            : new ProcessStartInfo("bash", ["-c", $"{shell} exec \"{dotnet}\" \"{program}\" fit \"{place}\""]);
        start.RedirectStandardError = true;
        return Process.Start(start)!;
    }

    private sealed class At(long step, Action act) : TrainerCallback
    {
        public override void OnStepEnd(TrainerContext context)
        {
            if (context.Steps == step)
            {
                act();
            }
        }
    }
}
