using System.Diagnostics.Metrics;
using System.Globalization;
using Microsoft.Extensions.Logging;
using ModelGen.Data;
using ModelGen.EndToEnd.Tests.Models;
using ModelGen.Monitoring;
using ModelGen.Runtime.Tests.Monitoring;

namespace ModelGen.EndToEnd.Tests.Monitoring;

/// <summary>What callbacks report of a fit: event files, CSV, <see cref="ILogger"/>, meters, progress, history.</summary>
public sealed class LoggerTests : IDisposable
{
    private const int Samples = 40;
    private const int Steps = 3;
    private const int Epochs = 2;

    private readonly string folder = Directory.CreateTempSubdirectory("modelgen-logs-").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Fact]
    public void TensorBoard_HoldsStepsEpochsHistogramsGraphAndSettings()
    {
        FitResult fit = Fit(new TensorBoardLogger(folder) { Interval = 2 }, out Trainer<SimpleCnn> trainer);
        Message[] events = [.. EventFileReader.Read(Directory.GetFiles(folder).Single())];
        Assert.Contains(events, static entry => entry.Has(4));
        (string Tag, long Step, Message Value)[] values = [.. events.Where(static entry => entry.Has(5)).SelectMany(static entry => entry.Child(5).Children(1).Select(value => (value.Text(1), entry.Int(2), value)))];
        Assert.Equal([1L, 2, 4, 6], values.Where(static value => value.Tag == "train/loss").Select(static value => value.Step));
        Assert.Equal(fit.Epochs.Select(static epoch => (float)epoch.TrainLoss), values.Where(static value => value.Tag == "epoch/loss").Select(static value => value.Value.Float(2)));
        Assert.Equal(fit.Epochs.Select(static epoch => (float)epoch.Accuracy!.Value), values.Where(static value => value.Tag == "epoch/accuracy").Select(static value => value.Value.Float(2)));
        Message[] histograms = [.. values.Where(static value => value.Tag == "parameters/conv1/weight").Select(static value => value.Value.Child(5))];
        Assert.Equal(Epochs, histograms.Length);
        Assert.All(histograms, static histogram => Assert.Equal(8 * 9, histogram.Double(3)));
        Assert.Equal(["_hparams_/experiment", "_hparams_/session_start_info", "_hparams_/session_end_info"], values.Select(static value => value.Tag).Where(static tag => tag.StartsWith("_hparams_", StringComparison.Ordinal)));
        trainer.Dispose();
    }

    [Fact]
    public void Csv_HasARowForEachIntervalAndEpoch()
    {
        string path = Path.Combine(folder, "fit.csv");
        FitResult fit = Fit(new CsvLogger(path) { Interval = 1 }, out Trainer<SimpleCnn> trainer);
        string[][] rows = [.. File.ReadAllLines(path).Select(static line => line.Split(','))];
        Assert.Equal("step", rows[0][0]);
        Assert.All(rows, row => Assert.Equal(rows[0].Length, row.Length));
        Assert.Equal(Epochs * (Steps + 1), rows.Length - 1);
        string[] last = rows[^1];
        Assert.Equal(("6", "2"), (last[0], last[1]));
        Assert.Equal(fit.Epochs[^1].TrainLoss, double.Parse(last[3], CultureInfo.InvariantCulture), 1e-7);
        Assert.Equal(fit.Epochs[^1].ValidationLoss!.Value, double.Parse(last[7], CultureInfo.InvariantCulture), 1e-7);
        Assert.Equal("", rows[1][7]);
        trainer.Dispose();
    }

    [Fact]
    public void Logger_GetsNamedValues_AndFailures()
    {
        var logger = new ListLogger();
        Fit(new LoggerCallback(logger) { Interval = 2 }, out Trainer<SimpleCnn> trainer);
        Assert.Equal([1, 2, 4, 2, 2, 4, 8], logger.Entries.Select(static entry => entry.Id));
        Assert.Equal("SimpleCnn", logger.Entries[0].Values["Model"]);
        Assert.Equal(2L, logger.Entries[1].Values["Step"]);
        Assert.Equal(LogLevel.Debug, logger.Entries[1].Level);
        trainer.Dispose();

        using var model = new SimpleCnn();
        using Trainer<SimpleCnn> failing = model.CreateTrainer(new TrainerOptions { Progress = TrainingProgress.None, BatchSize = 16, Epochs = 1, Callbacks = [new LoggerCallback(logger), new Thrower()] });
        Assert.Throws<InvalidOperationException>(() => failing.Fit(ProfileTests.Images(Samples)));
        Assert.Equal((7, LogLevel.Error), (logger.Entries[^1].Id, logger.Entries[^1].Level));
        Assert.Equal("mine", logger.Entries[^1].Exception!.Message);
    }

    [Fact]
    public void Meter_CountsStepsAndSamples()
    {
        var sums = new Dictionary<string, double>();
        var counts = new Dictionary<string, int>();
        using var listener = new MeterListener();
        listener.InstrumentPublished = static (instrument, self) =>
        {
            if (instrument.Meter.Name == MeterCallback.MeterName)
            {
                self.EnableMeasurementEvents(instrument);
            }
        };
        void Add(Instrument instrument, double value, ReadOnlySpan<KeyValuePair<string, object?>> tags)
        {
            // Tests of other classes may train at the same time, other models.
            if (tags.Length > 0 && (string?)tags[0].Value != nameof(SimpleCnn))
            {
                return;
            }

            lock (sums)
            {
                sums[instrument.Name] = sums.GetValueOrDefault(instrument.Name) + value;
                counts[instrument.Name] = counts.GetValueOrDefault(instrument.Name) + 1;
            }
        }

        listener.SetMeasurementEventCallback<long>((instrument, value, tags, _) => Add(instrument, value, tags));
        listener.SetMeasurementEventCallback<double>((instrument, value, tags, _) => Add(instrument, value, tags));
        listener.Start();
        Fit(new MeterCallback { Interval = 2 }, out Trainer<SimpleCnn> trainer);
        listener.RecordObservableInstruments();
        Assert.Equal(Epochs * Steps, sums["modelgen.steps"]);
        Assert.Equal(Epochs * Samples, sums["modelgen.samples"]);
        Assert.Equal(Epochs * Steps, counts["modelgen.step.duration"]);
        Assert.Equal(Epochs * Steps / 2, counts["modelgen.loss"]);
        Assert.True(sums["modelgen.loss"] > 0 && sums["modelgen.learning_rate"] > 0);
        Assert.True(sums["modelgen.data.stall"] >= 0);
        Assert.True(sums["modelgen.memory.resident"] > sums["modelgen.memory.managed"]);
        trainer.Dispose();
    }

    [Fact]
    public void History_KeepsStepsEpochsMemoryAndSettings()
    {
        FitResult fit = Fit(null, out Trainer<SimpleCnn> trainer);
        Assert.Equal([1L, 2, 3, 4, 5, 6], trainer.History.Steps.Select(static step => step.Step));
        Assert.Equal(fit.Epochs, trainer.History.Epochs);
        Assert.True(trainer.History.Memory.Count >= 1 + Epochs);
        Assert.Equal("CrossEntropy", trainer.History.Settings["loss"]);
        Assert.Equal(16, trainer.History.Settings["batch_size"]);
        trainer.Dispose();
    }

    [Fact]
    public void History_OfManySteps_StaysSmallAndEven()
    {
        using var model = new Mlp();
        using Trainer<Mlp> trainer = model.CreateTrainer(new TrainerOptions { Progress = TrainingProgress.None, BatchSize = 1, Epochs = 3 });
        trainer.Fit(TensorDataset.FromArrays(new float[900 * 6], [6], new float[900 * 3], [3]));
        long[] steps = [.. trainer.History.Steps.Select(static step => step.Step)];
        Assert.InRange(steps.Length, 512, 1024);
        long stride = steps[1] - steps[0];
        Assert.Equal(Enumerable.Range(1, steps.Length).Select(index => index * stride), steps);
        Assert.InRange(steps[^1], 2700 - stride, 2700);
    }

    [Fact]
    public void PlainProgress_WritesLinesWithLossRateSpeedMemoryAndTime()
    {
        var output = new StringWriter();
        Fit(new Shown(new ProgressDisplay.Plain(Epochs, output) { Interval = TimeSpan.Zero }), out Trainer<SimpleCnn> trainer);
        string[] lines = output.ToString().Split(Environment.NewLine, StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal((Steps - 1 + 1) * Epochs, lines.Length);
        Assert.Matches(@"^epoch 1/2 1/3   loss \d+\.\d{4}   lr \d\.\de-\d+   \d+ samples/s   \d+ MiB   \d\d:\d\d left$", lines[0]);
        Assert.Matches(@"^epoch 1/2   loss \d+\.\d{4}   validation loss \d+\.\d{4}   accuracy [\d.]+%   \d+ samples/s   \d+\.\d s$", lines[2]);
        Assert.DoesNotContain('\r', string.Concat(lines));
        trainer.Dispose();
    }

    [Fact]
    public void RemainingTime_IsThatOfTheStepsLeft_HoweverLateTheFirstLineIs()
    {
        var estimate = new Estimate();
        Fit(estimate, out Trainer<SimpleCnn> trainer);
        Assert.Equal(Epochs * Steps, estimate.Lines);
        trainer.Dispose();
    }

    [Theory]
    [InlineData(0, 0, 0, 42, "00:42")]
    [InlineData(0, 3, 4, 5, "3:04:05")]
    [InlineData(2, 3, 4, 5, "2 d 03:04")]
    public void RemainingTime_IsShort(int days, int hours, int minutes, int seconds, string expected) =>
        Assert.Equal(expected, ProgressText.Remaining(new TimeSpan(days, hours, minutes, seconds)));

    [Fact]
    public void ResourceMonitor_SeesProcessorMemoryAndCollections()
    {
        using var monitor = new ResourceMonitor(TimeSpan.FromMinutes(10));
        var kept = new List<byte[]>();
        long until = Environment.TickCount64 + 60;
        while (Environment.TickCount64 < until)
        {
            kept.Add(new byte[4096]);
        }

        GC.Collect();
        ResourceSample sample = monitor.Sample();
        GC.KeepAlive(kept);
        Assert.InRange(sample.CpuShare, 1e-6, 1);
        Assert.True(sample.Memory.ResidentBytes > 1 << 20 && sample.Memory.ManagedBytes > 0);
        Assert.True(sample.Collections >= 1 && sample.GcPause > TimeSpan.Zero);
        Assert.Equal(OperatingSystem.IsLinux(), sample.MinorFaults is > 0);
        Assert.Matches("NVML", ResourceMonitor.GpuStatus);
        Assert.Single(monitor.Samples);
        Assert.Contains("processor", monitor.ToString());
    }

    private static FitResult Fit(TrainerCallback? callback, out Trainer<SimpleCnn> trainer)
    {
        trainer = new SimpleCnn().CreateTrainer(new TrainerOptions { Progress = TrainingProgress.None, BatchSize = 16, Epochs = Epochs, Callbacks = callback is null ? [] : [callback] });
        return trainer.Fit(ProfileTests.Images(Samples), ProfileTests.Images(20));
    }

    private sealed class Shown(ProgressDisplay.Plain display) : TrainerCallback
    {
        public override void OnStepEnd(TrainerContext context) => ((IProgressDisplay)display).Step(context);

        public override void OnEpochEnd(TrainerContext context) => ((IProgressDisplay)display).Epoch(context.LastEpoch!);
    }

    /// <summary>Time left over time taken, which moves on between both readings.</summary>
    private sealed class Estimate : TrainerCallback
    {
        private readonly ProgressText text = new(Epochs);

        public int Lines { get; private set; }

        public override void OnStepEnd(TrainerContext context)
        {
            text.Observe(context);
            TimeSpan before = context.Elapsed;
            TimeSpan left = text.Left(context)!.Value;
            TimeSpan after = context.Elapsed;
            double exact = (double)(context.TotalSteps!.Value - context.Steps) / context.Steps;
            Assert.InRange(left, before * exact, after * exact);
            Lines++;
        }
    }

    private sealed class Thrower : TrainerCallback
    {
        public override void OnStepEnd(TrainerContext context) => throw new InvalidOperationException("mine");
    }

    private sealed class ListLogger : ILogger
    {
        public List<(int Id, LogLevel Level, Dictionary<string, object?> Values, Exception? Exception)> Entries { get; } = [];

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
            Entries.Add((eventId.Id, logLevel, ((IEnumerable<KeyValuePair<string, object?>>)state!).ToDictionary(), exception));
    }
}
