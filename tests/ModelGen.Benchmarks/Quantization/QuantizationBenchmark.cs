using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using ModelGen.Benchmarks.Models;
using ModelGen.Data;
using ModelGen.Onnx;

namespace ModelGen.Benchmarks;

/// <summary>INT8 against float32 in ONNX Runtime on this processor, in turns in one process; the accuracy that is left; and what quantization itself takes.</summary>
internal static class QuantizationBenchmark
{
    private const int Rounds = 12;
    private const double RoundMs = 60;
    private const int CalibrationSamples = 256;

    private sealed record SpeedRow(string Model, int Batch, string Form, double FloatMs, double QuantizedMs, double Speedup, double SizeRatio, int IntegerNodes, int FloatNodes);

    private sealed record AccuracyRow(string Model, string Recipe, double Float, double Quantized, double RelativeLoss);

    private sealed record TimeRow(string What, double Seconds, double PeakMiB, double StartMiB);

    private sealed record Results(List<SpeedRow> Speed, List<AccuracyRow> Accuracy, List<FlowerAccuracy.Row> Flowers, List<TimeRow> Time);

    public static int Run(string? only, string? json, string? data, string? flowers, bool kernels)
    {
        var results = new Results([], [], [], []);
        if (only is null or "speed")
        {
            MeasureSpeed(results.Speed, kernels);
        }

        if (only is null or "time")
        {
            MeasureTime(results.Time);
        }

        if (only is null or "accuracy")
        {
            string folder = data ?? Path.GetFullPath("../shared/data/optdigits");
            if (!Directory.Exists(folder))
            {
                Console.Error.WriteLine($"There is no folder {folder}; give the one of optdigits-train.csv and optdigits-test.csv with --data.");
                return 2;
            }

            MeasureAccuracy(folder, results.Accuracy);
        }

        if (only is null or "flowers")
        {
            string folder = flowers ?? Path.GetFullPath("../shared/data/flowers");
            if (!Directory.Exists(folder))
            {
                Console.Error.WriteLine($"There is no folder {folder}; give one with a folder of photographs for each class with --flowers.");
                return 2;
            }

            FlowerAccuracy.Measure(folder, results.Flowers);
        }

        if (json is not null)
        {
            File.WriteAllText(json, JsonSerializer.Serialize(results, new JsonSerializerOptions { WriteIndented = true, PropertyNamingPolicy = JsonNamingPolicy.CamelCase }));
        }

        return 0;
    }

    private static void MeasureSpeed(List<SpeedRow> rows, bool kernels)
    {
        Console.WriteLine($"{"model",-12} {"batch",5} {"form",-8} {"float ms",9} {"int8 ms",9} {"speedup",8} {"size",6} {"nodes in integers/float",24}");
        foreach (string name in (string[])["ResNet18", "MobileNetV2", "BertSmall"])
        {
            InferenceCase item = InferenceCase.All.First(item => item.Name == name);
            foreach (int batch in (int[])[1, 8])
            {
                OnnxModel model = Export(item, batch);
                IReadOnlyDictionary<string, OnnxTensor>[] samples = [.. Enumerable.Range(0, 4).Select(seed => Sample(model, seed))];
                Add("static", Quantizer.QuantizeStatic(model, samples).Model);
                Add("4 bits", Quantizer.QuantizeStatic(model, samples, new StaticQuantizationOptions { WeightBits = 4 }).Model);
                if (name == "BertSmall")
                {
                    Add("dynamic", Quantizer.QuantizeDynamic(model).Model);
                }

                void Add(string form, OnnxModel quantized)
                {
                    IntegerNodeCheck check = IntegerNodeCheck.Inspect(quantized);
                    (double before, double after) = Compare(model, quantized, samples[0]);
                    var row = new SpeedRow(name, batch, form, before, after, before / after, (double)quantized.Proto.CalculateSize() / model.Proto.CalculateSize(), check.IntegerNodes.Values.Sum(), check.FloatNodes.Values.Sum());
                    rows.Add(row);
                    Console.WriteLine(string.Create(
                        CultureInfo.InvariantCulture,
                        $"{name,-12} {batch,5} {form,-8} {before,9:N3} {after,9:N3} {row.Speedup,7:N2}x {row.SizeRatio,6:N3} {row.IntegerNodes,18}/{row.FloatNodes}"));
                    if (kernels)
                    {
                        Console.WriteLine($"    float32\n{KernelTimes.Text(model, samples[0])}\n    int8\n{KernelTimes.Text(quantized, samples[0])}");
                    }
                }
            }
        }
    }

    private static OnnxModel Export(InferenceCase item, int batch)
    {
        string path = Path.Combine(Path.GetTempPath(), $"modelgen-{Guid.NewGuid():N}.onnx");
        try
        {
            using DisposeScope scope = NewDisposeScope();
            random.manual_seed(1);
            using Module model = item.Create();
            model.eval();
            item.Export(model, path, batch);
            return OnnxModel.Load(path);
        }
        finally
        {
            File.Delete(path);
        }
    }

    private static Dictionary<string, OnnxTensor> Sample(OnnxModel model, int seed)
    {
        var random = new Random(seed);
        return model.Proto.Graph.Input.ToDictionary(static input => input.Name, input =>
        {
            long[] shape = [.. input.Type.TensorType.Shape.Dim.Select(static dim => dim.DimValue)];
            int count = (int)shape.Aggregate(1L, static (product, size) => product * size);
            return input.Type.TensorType.ElemType == (int)OnnxType.Int64
                ? OnnxTensor.From<long>([.. Enumerable.Range(0, count).Select(_ => random.NextInt64(30_000))], shape)
                : OnnxTensor.From<float>(ResNet50Graph.Normal(random, count, 1), shape);
        });
    }

    private static (double First, double Second) Compare(OnnxModel first, OnnxModel second, IReadOnlyDictionary<string, OnnxTensor> sample)
    {
        using var a = new OnnxRunner(first);
        using var b = new OnnxRunner(second);
        List<double>[] times = [[], []];
        for (int round = 0; round < Rounds; round++)
        {
            for (int i = 0; i < 2; i++)
            {
                OnnxRunner runner = i == 0 ? a : b;

                // The other session's threads spin for a while after a call.
                Thread.Sleep(50);
                runner.Run(sample);
                runner.Run(sample);
                long start = Stopwatch.GetTimestamp();
                do
                {
                    long begin = Stopwatch.GetTimestamp();
                    runner.Run(sample);
                    times[i].Add(Stopwatch.GetElapsedTime(begin).TotalMilliseconds);
                }
                while (Stopwatch.GetElapsedTime(start).TotalMilliseconds < RoundMs);
            }
        }

        return (KernelBenchmark.Median(times[0]), KernelBenchmark.Median(times[1]));
    }

    private static void MeasureTime(List<TimeRow> rows)
    {
        OnnxModel model = ResNet50Graph.Build();
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"\nResNet-50, {model.Proto.Graph.Initializer.Where(static tensor => tensor.DataType == 1).Sum(static tensor => tensor.Dims.Aggregate(1L, static (a, b) => a * b)) / 1e6:N1} million parameters, {CalibrationSamples} images of 224x224"));
        (string, StaticQuantizationOptions)[] recipes =
        [
            ("min-max", new()),
            ("MSE", new() { Calibration = CalibrationMethod.Mse }),
            ("entropy", new() { Calibration = CalibrationMethod.Entropy }),
            ("MSE, bias correction, adaptive rounding", new() { Calibration = CalibrationMethod.Mse, CorrectBias = true, Rounding = WeightRounding.Adaptive }),
        ];
        foreach ((string name, StaticQuantizationOptions options) in recipes)
        {
            GC.Collect();
            using var meter = new MemoryMeter();
            long begin = Stopwatch.GetTimestamp();
            Quantizer.QuantizeStatic(model, Enumerable.Range(0, CalibrationSamples).Select(seed => Sample(model, seed)), options);
            double seconds = Stopwatch.GetElapsedTime(begin).TotalSeconds;
            rows.Add(new TimeRow(name, seconds, meter.PeakMiB, meter.StartMiB));
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"  {name,-42} {seconds,7:N1} s   resident at most {meter.PeakMiB,6:N0} MiB, {meter.StartMiB,6:N0} before"));
        }
    }

    private static void MeasureAccuracy(string folder, List<AccuracyRow> rows)
    {
        LabelledImages train = PixelCsv.Load(Path.Combine(folder, "optdigits-train.csv"), static _ => 16);
        LabelledImages test = PixelCsv.Load(Path.Combine(folder, "optdigits-test.csv"), static _ => 16);
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture, $"\ntrained on {train.Labels.Length} handwritten digits of the UCI set, tested on {test.Labels.Length} others; one is {1.0 / test.Labels.Length:P2}, and where no answer changes the loss is below {3.0 / test.Labels.Length:P2} in 95 of 100 cases"));
        Console.WriteLine($"{"model",-16} {"quantized by",-76} {"float32",9} {"int8",9} {"loss",8}");
        random.manual_seed(1);
        Judge("SmallResNet", new SmallResNet(), static (model, options) => model.CreateTrainer(options), static model => model.ToOnnx(new OnnxExportOptions { BatchSize = 1 }), train, test, rows);
        Judge("SmallMobileNet", new SmallMobileNet(), static (model, options) => model.CreateTrainer(options), static model => model.ToOnnx(new OnnxExportOptions { BatchSize = 1 }), train, test, rows);
        Judge("SmallViT", new SmallViT(), static (model, options) => model.CreateTrainer(options), static model => model.ToOnnx(new OnnxExportOptions { BatchSize = 1 }), train, test, rows);
    }

    private static void Judge<TModel>(string name, TModel model, Func<TModel, TrainerOptions, Trainer<TModel>> trainer, Func<TModel, OnnxModel> export, LabelledImages train, LabelledImages test, List<AccuracyRow> rows)
        where TModel : Module, ICompiledModel
    {
        using (model)
        {
            using (Trainer<TModel> training = trainer(model, new TrainerOptions { Seed = 1, Progress = TrainingProgress.None }))
            {
                training.Fit(train.ToDataset());
            }

            model.eval();
            OnnxModel exported = export(model);
            IReadOnlyDictionary<string, OnnxTensor>[] calibration = [.. Samples(exported, train).Take(CalibrationSamples)];
            IReadOnlyDictionary<string, OnnxTensor>[] judged = [.. Samples(exported, test)];
            Func<OnnxModel, double> score = Evaluation.Accuracy(judged, [.. test.Labels.Select(static label => (int)label)]);
            double reference = score(exported);
            (string, StaticQuantizationOptions)[] recipes =
            [
                ("min-max", new()),
                ("percentile", new() { Calibration = CalibrationMethod.Percentile }),
                ("entropy", new() { Calibration = CalibrationMethod.Entropy }),
                ("MSE", new() { Calibration = CalibrationMethod.Mse }),
                ("MSE, bias correction", new() { Calibration = CalibrationMethod.Mse, CorrectBias = true }),
                ("MSE, equalisation, smoothing, bias correction", new() { Calibration = CalibrationMethod.Mse, CorrectBias = true, EqualizeLayers = true, SmoothQuant = 0.5 }),
                ("the same with adaptive rounding", new() { Calibration = CalibrationMethod.Mse, CorrectBias = true, EqualizeLayers = true, SmoothQuant = 0.5, Rounding = WeightRounding.Adaptive }),
            ];
            foreach ((string recipe, StaticQuantizationOptions options) in recipes)
            {
                Add(recipe, score(Quantizer.QuantizeStatic(exported, calibration, options).Model));
            }

            // The search must not see the test set: it is given training samples after those of the calibration.
            IReadOnlyDictionary<string, OnnxTensor>[] held = [.. Samples(exported, train).Skip(CalibrationSamples).Take(1500)];
            QuantizationResult searched = Quantizer.QuantizeToAccuracy(exported, calibration, Evaluation.Accuracy(held, [.. train.Labels.Skip(CalibrationSamples).Take(1500).Select(static label => (int)label)]));
            Add($"search for at most 0.3 % loss ({searched.Report.Steps.Count} tries)", score(searched.Model));

            void Add(string recipe, double quantized)
            {
                rows.Add(new AccuracyRow(name, recipe, reference, quantized, (reference - quantized) / reference));
                Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{name,-16} {recipe,-76} {reference,9:P2} {quantized,9:P2} {(reference - quantized) / reference,8:P2}"));
            }
        }
    }

    public static IEnumerable<IReadOnlyDictionary<string, OnnxTensor>> Samples(OnnxModel model, LabelledImages images)
    {
        int size = images.Rows * images.Columns;
        return Enumerable.Range(0, images.Labels.Length).Select(index => new Dictionary<string, OnnxTensor>
        {
            [model.Proto.Graph.Input[0].Name] = OnnxTensor.From<float>(images.Images.AsSpan(index * size, size), 1, 1, images.Rows, images.Columns),
        });
    }
}
