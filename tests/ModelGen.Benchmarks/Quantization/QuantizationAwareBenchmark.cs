using System.Globalization;
using System.Text.Json;
using ModelGen.Benchmarks.Models;
using ModelGen.Data;
using ModelGen.Onnx;

namespace ModelGen.Benchmarks;

/// <summary>What quantization loses, afterwards and with training that knows of it: a narrow MobileNetV2 on the digits of the UCI set, measured in ONNX Runtime on digits that were not trained on.</summary>
internal static class QuantizationAwareBenchmark
{
    private const int Seeds = 3;
    private const int CalibrationSamples = 256;

    private static readonly TrainerOptions Tuning = new() { Epochs = 8, LearningRate = 1e-3, Schedule = Schedule.Cosine, Progress = TrainingProgress.None };

    private static readonly string[] Columns = ["float32", "nearest", "adaptive", "recovered", "tuned float32", "its recovered", "straight through", "learned steps"];

    private static readonly (string Name, StaticQuantizationOptions Options)[] Weights =
    [
        ("8 bits per channel", new()),
        ("8 bits, one scale", new() { PerChannel = false }),
        ("4 bits per channel", new() { WeightBits = 4 }),
        ("4 bits, one scale", new() { WeightBits = 4, PerChannel = false }),
    ];

    private sealed record Row(string Weights, int Seed, IReadOnlyDictionary<string, double> Accuracy);

    public static int Run(string? data, string? json)
    {
        string folder = data ?? Path.GetFullPath("../shared/data/optdigits");
        if (!Directory.Exists(folder))
        {
            Console.Error.WriteLine($"There is no folder {folder}; give the one of optdigits-train.csv and optdigits-test.csv with --data.");
            return 2;
        }

        LabelledImages train = PixelCsv.Load(Path.Combine(folder, "optdigits-train.csv"), static _ => 16);
        LabelledImages test = PixelCsv.Load(Path.Combine(folder, "optdigits-test.csv"), static _ => 16);
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture, $"trained on {train.Labels.Length} handwritten digits of the UCI set, tested on {test.Labels.Length} others, one of which is {1.0 / test.Labels.Length:P2}; accuracy in ONNX Runtime"));
        var rows = new List<Row>();
        for (int seed = 1; seed <= Seeds; seed++)
        {
            rows.AddRange(Measure(seed, train, test));
        }

        Console.WriteLine($"{"weights",-20} {"seed",5} {string.Join(" ", Columns.Select(static column => $"{column,16}"))}");
        foreach (IGrouping<string, Row> group in rows.GroupBy(static row => row.Weights))
        {
            foreach (Row row in group)
            {
                Print(row.Weights, row.Seed.ToString(CultureInfo.InvariantCulture), column => row.Accuracy[column]);
            }

            Print(group.Key, "mean", column => group.Average(row => row.Accuracy[column]));
        }

        if (json is not null)
        {
            File.WriteAllText(json, JsonSerializer.Serialize(rows, new JsonSerializerOptions { WriteIndented = true, PropertyNamingPolicy = JsonNamingPolicy.CamelCase }));
        }

        return 0;
    }

    private static List<Row> Measure(int seed, LabelledImages train, LabelledImages test)
    {
        using DisposeScope scope = NewDisposeScope();
        random.manual_seed(seed);
        using var model = new NarrowMobileNet();
        using var learned = new LearnedNarrowMobileNet();
        Fit(model, train, new TrainerOptions { Seed = seed, Progress = TrainingProgress.None });
        Tensor samples = train.ToDataset().ToTensors(0, CalibrationSamples).Inputs[0];
        Dictionary<string, Tensor> trained = model.state_dict().ToDictionary(static pair => pair.Key, static pair => pair.Value.clone());
        OnnxModel plain = Exported(model);

        // As many steps more in float32, so that what tuning alone wins is seen.
        Fit(model, train, Tuning with { Seed = seed });
        OnnxModel tuned = Exported(model);
        var rows = new List<Row>();
        (double before, double after) = (Score(plain, test), Score(tuned, test));
        foreach ((string name, StaticQuantizationOptions weights) in Weights)
        {
            StaticQuantizationOptions nearest = weights with { Calibration = CalibrationMethod.Mse };
            StaticQuantizationOptions adaptive = nearest with { ClipWeights = true, Rounding = WeightRounding.Adaptive };
            StaticQuantizationOptions recovered = adaptive with { CorrectBias = true, EqualizeLayers = true };
            double After(OnnxModel of, StaticQuantizationOptions options) => Score(QuantizedExport.Quantize(of, samples, new QuantizationOptions { Static = options }), test);
            var accuracy = new Dictionary<string, double>
            {
                ["float32"] = before,
                ["nearest"] = After(plain, nearest),
                ["adaptive"] = After(plain, adaptive),
                ["recovered"] = After(plain, recovered),
                ["tuned float32"] = after,
                ["its recovered"] = After(tuned, recovered),
            };

            model.Quantization.Reset();
            Load(model, trained);
            model.Calibrate(samples, new QuantizationOptions { Static = nearest });
            accuracy["straight through"] = Aware(model, model.ExportQuantizedOnnx, train, test, seed);
            learned.Quantization.Reset();
            Load(learned, trained);
            learned.Calibrate(samples, new QuantizationOptions { Static = nearest with { ClipWeights = true } });
            accuracy["learned steps"] = Aware(learned, learned.ExportQuantizedOnnx, train, test, seed);
            rows.Add(new Row(name, seed, accuracy));
        }

        return rows;
    }

    private static double Aware<TModel>(TModel model, Action<string, QuantizationOptions?> export, LabelledImages train, LabelledImages test, int seed)
        where TModel : Module, ICompiledModel
    {
        Fit(model, train, Tuning with { Seed = seed });
        using var judge = new Trainer<TModel>(model);
        double rounded = judge.Evaluate(test.ToDataset()).Accuracy!.Value;
        string path = Path.Combine(Path.GetTempPath(), $"modelgen-{Guid.NewGuid():N}.onnx");
        try
        {
            export(path, null);
            double file = Score(OnnxModel.Load(path), test);
            if (file != rounded)
            {
                Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{typeof(TModel).Name}: the file is right for {file * test.Labels.Length:N0} digits, training measured {rounded * test.Labels.Length:N0}"));
            }

            return file;
        }
        finally
        {
            File.Delete(path);
        }
    }

    private static void Load(Module model, Dictionary<string, Tensor> trained)
    {
        using IDisposable guard = no_grad();
        foreach ((string name, Tensor value) in Checkpointed(model).Where(pair => trained.ContainsKey(pair.Name)))
        {
            value.copy_(trained[name]).DisposeAliasOf(value);
        }
    }

    private static IEnumerable<(string Name, Tensor Value)> Checkpointed(Module model) =>
        model.named_parameters().Select(static pair => (pair.name, (Tensor)pair.parameter)).Concat(model.named_buffers().Select(static pair => (pair.name, pair.buffer)));

    private static void Fit<TModel>(TModel model, LabelledImages train, TrainerOptions options)
        where TModel : Module, ICompiledModel
    {
        using var trainer = new Trainer<TModel>(model, options);
        trainer.Fit(train.ToDataset());
    }

    private static OnnxModel Exported(NarrowMobileNet model)
    {
        model.eval();
        return model.ToOnnx(new OnnxExportOptions { BatchSize = 1 });
    }

    private static double Score(OnnxModel model, LabelledImages test) =>
        Evaluation.Accuracy(QuantizationBenchmark.Samples(model, test), [.. test.Labels.Select(static label => (int)label)])(model);

    private static void Print(string weights, string seed, Func<string, double> accuracy) => Console.WriteLine(
        $"{weights,-20} {seed,5} {string.Join(" ", Columns.Select(column => string.Create(CultureInfo.InvariantCulture, $"{accuracy(column),16:P2}")))}");
}
