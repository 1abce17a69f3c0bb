using System.Globalization;
using ModelGen.Benchmarks.Models;
using ModelGen.Data;
using ModelGen.Onnx;

namespace ModelGen.Benchmarks;

/// <summary>What quantization-aware training wins over quantizing afterwards, measured in ONNX Runtime on digits that were not trained on.</summary>
internal static class QuantizationAwareBenchmark
{
    private const int Seeds = 3;
    private const int CalibrationSamples = 256;
    private const int FineTuning = 4;

    public static int Run(string? data)
    {
        string folder = data ?? Path.GetFullPath("../shared/data/optdigits");
        if (!Directory.Exists(folder))
        {
            Console.Error.WriteLine($"There is no folder {folder}; give the one of optdigits-train.csv and optdigits-test.csv with --data.");
            return 2;
        }

        LabelledImages train = PixelCsv.Load(Path.Combine(folder, "optdigits-train.csv"), static _ => 16);
        LabelledImages test = PixelCsv.Load(Path.Combine(folder, "optdigits-test.csv"), static _ => 16);
        Console.WriteLine($"trained on {train.Labels.Length} handwritten digits of the UCI set, tested on {test.Labels.Length} others; accuracy in ONNX Runtime");
        Console.WriteLine($"{"seed",5} {"float32",9} {"min-max",9} {"MSE",9} {"percentile",11} {"tuned float32",14} {"its min-max",12} {"aware",9} {"as rounded in training",23}");
        var rows = new List<double[]>();
        for (int seed = 1; seed <= Seeds; seed++)
        {
            rows.Add(Measure(seed, train, test));
            Print(seed.ToString(CultureInfo.InvariantCulture), rows[^1]);
        }

        Print("mean", [.. Enumerable.Range(0, rows[0].Length).Select(column => rows.Average(row => row[column]))]);
        return 0;
    }

    private static double[] Measure(int seed, LabelledImages train, LabelledImages test)
    {
        using DisposeScope scope = NewDisposeScope();
        random.manual_seed(seed);
        using var model = new SeparableDigits();
        Fit(model, train, new TrainerOptions { Seed = seed, Progress = TrainingProgress.None });
        Tensor samples = train.ToDataset().ToTensors(0, CalibrationSamples).Inputs[0];
        model.eval();
        Dictionary<string, Tensor> trained = model.state_dict().ToDictionary(static pair => pair.Key, static pair => pair.Value.clone());
        double plain = Score(model.ToOnnx(), test);
        double minMax = Score(Quantized(model, samples, CalibrationMethod.MinMax), test);
        double mse = Score(Quantized(model, samples, CalibrationMethod.Mse), test);
        double percentile = Score(Quantized(model, samples, CalibrationMethod.Percentile), test);

        // As many steps more in float32, so that what tuning alone wins is seen.
        var tuning = new TrainerOptions { Seed = seed, Epochs = FineTuning, LearningRate = 1e-3, Progress = TrainingProgress.None };
        Fit(model, train, tuning);
        model.eval();
        double tuned = Score(model.ToOnnx(), test);
        double tunedMinMax = Score(Quantized(model, samples, CalibrationMethod.MinMax), test);
        model.load_state_dict(trained);
        model.Calibrate(samples, new QuantizationOptions { Static = new StaticQuantizationOptions { Calibration = CalibrationMethod.Mse } });
        Fit(model, train, tuning);
        using Trainer<SeparableDigits> judge = model.CreateTrainer();
        double rounded = judge.Evaluate(test.ToDataset()).Accuracy!.Value;
        string path = Path.Combine(Path.GetTempPath(), $"modelgen-{Guid.NewGuid():N}.onnx");
        try
        {
            model.ExportQuantizedOnnx(path);
            return [plain, minMax, mse, percentile, tuned, tunedMinMax, Score(OnnxModel.Load(path), test), rounded];
        }
        finally
        {
            File.Delete(path);
        }
    }

    private static void Fit(SeparableDigits model, LabelledImages train, TrainerOptions options)
    {
        using Trainer<SeparableDigits> trainer = model.CreateTrainer(options);
        trainer.Fit(train.ToDataset());
    }

    private static OnnxModel Quantized(SeparableDigits model, Tensor samples, CalibrationMethod method) =>
        QuantizedExport.Quantize(model.ToOnnx(), samples, new QuantizationOptions { Static = new StaticQuantizationOptions { Calibration = method } });

    private static double Score(OnnxModel model, LabelledImages test)
    {
        int size = test.Rows * test.Columns;
        IReadOnlyDictionary<string, OnnxTensor>[] samples =
        [
            .. Enumerable.Range(0, test.Labels.Length).Select(index => new Dictionary<string, OnnxTensor>
            {
                [model.Proto.Graph.Input[0].Name] = OnnxTensor.From<float>(test.Images.AsSpan(index * size, size), 1, 1, test.Rows, test.Columns),
            }),
        ];
        return Evaluation.Accuracy(samples, [.. test.Labels.Select(static label => (int)label)])(model);
    }

    private static void Print(string seed, double[] row) => Console.WriteLine(string.Create(
        CultureInfo.InvariantCulture,
        $"{seed,5} {row[0],9:P2} {row[1],9:P2} {row[2],9:P2} {row[3],11:P2} {row[4],14:P2} {row[5],12:P2} {row[6],9:P2} {row[7],23:P2}"));
}
