using System.Globalization;
using System.Numerics.Tensors;
using ModelGen.Benchmarks.Models;
using ModelGen.Data;
using ModelGen.Onnx;

namespace ModelGen.Benchmarks;

/// <summary>
/// What INT8 loses on photographs, by cross-validation: each photograph is judged by the one network of five that was not trained on it, so that all of them are test samples.
/// </summary>
internal sealed class FlowerAccuracy
{
    private const int Size = 64;
    private const int Folds = 5;

    // Random crops of each photograph that are made before training.
    private const int Crops = 8;

    private static readonly (string Name, StaticQuantizationOptions Options)[] Recipes =
    [
        ("min-max", new()),
        ("MSE", new() { Calibration = CalibrationMethod.Mse }),
        ("MSE, equalisation, smoothing, bias correction, adaptive rounding", new() { Calibration = CalibrationMethod.Mse, CorrectBias = true, EqualizeLayers = true, SmoothQuant = 0.5, Rounding = WeightRounding.Adaptive }),
    ];

    private readonly long[] labels;
    private readonly float[] plain;
    private readonly float[][] crops;

    private FlowerAccuracy(ImageFolder files)
    {
        labels = [.. Enumerable.Range(0, files.Count).Select(files.Label)];
        (float[] Mean, float[] Deviation) = (DataBenchmark.Mean, DataBenchmark.Deviation);
        plain = Pixels(files.With(new Compose(new Resize(Size + 8), new CenterCrop(Size), new ToTensor(), new Normalize(Mean, Deviation))), 0);
        ImageFolder random = files.With(new Compose(new RandomResizedCrop(Size), new RandomHorizontalFlip(), new ToTensor(), new Normalize(Mean, Deviation)));
        crops = [.. Enumerable.Range(0, Crops).Select(pass => Pixels(random, pass))];
    }

    /// <summary>One network and recipe.</summary>
    /// <param name="Model">The network.</param>
    /// <param name="Recipe">How it was quantized.</param>
    /// <param name="Images">Photographs that were judged.</param>
    /// <param name="FloatRight">Those that the float models name rightly.</param>
    /// <param name="Lost">Those that only the float models name rightly.</param>
    /// <param name="Won">Those that only the INT8 models name rightly.</param>
    public sealed record Row(string Model, string Recipe, int Images, int FloatRight, int Lost, int Won)
    {
        /// <summary>The loss as a share of the float accuracy.</summary>
        public double RelativeLoss => (double)(Lost - Won) / FloatRight;

        /// <summary>Half the width of the interval that holds the true loss in 95 of 100 cases: the difference of paired answers, normal approximation; the rule of three where nothing changed.</summary>
        public double Uncertainty => (Lost + Won == 0 ? 3 : 1.96 * Math.Sqrt(Lost + Won - ((double)(Lost - Won) * (Lost - Won) / Images))) / FloatRight;
    }

    public static void Measure(string folder, List<Row> rows)
    {
        var flowers = new FlowerAccuracy(ImageFolder.Open(folder));
        int count = flowers.labels.Length;
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture, $"\n{count} photographs of five flowers at {Size}x{Size}, {Folds}-fold cross-validation: all {count} judged by networks that were trained on {count - (count / Folds)} others; one is {1.0 / count:P1}"));
        Console.WriteLine($"{"model",-16} {"quantized by",-66} {"float32",9} {"int8",9} {"lost",5} {"won",5} {"relative loss",14} {"95 % within",12}");
        flowers.Judge<FlowerResNet>(static () => new FlowerResNet(), static model => model.ToOnnx(new OnnxExportOptions { BatchSize = 1 }), rows);
        flowers.Judge<FlowerMobileNet>(static () => new FlowerMobileNet(), static model => model.ToOnnx(new OnnxExportOptions { BatchSize = 1 }), rows);
        flowers.Judge<FlowerViT>(static () => new FlowerViT(), static model => model.ToOnnx(new OnnxExportOptions { BatchSize = 1 }), rows);
    }

    private void Judge<TModel>(Func<TModel> create, Func<TModel, OnnxModel> export, List<Row> rows)
        where TModel : Module, ICompiledModel
    {
        int right = 0;
        var changes = new (int Lost, int Won)[Recipes.Length];
        for (int fold = 0; fold < Folds; fold++)
        {
            int[] test = [.. Enumerable.Range(0, labels.Length).Where(index => index % Folds == fold)];
            int[] train = [.. Enumerable.Range(0, labels.Length).Except(test)];
            random.manual_seed(fold);
            using TModel model = create();
            using (var trainer = new Trainer<TModel>(model, new TrainerOptions { Seed = fold, Progress = TrainingProgress.None }))
            {
                float[] pixels = [.. crops.SelectMany(crop => train.SelectMany(index => Image(crop, index).ToArray()))];
                trainer.Fit(ModelGen.Data.TensorDataset.FromArrays(pixels, [3, Size, Size], [.. crops.SelectMany(_ => train.Select(index => labels[index]))]));
            }

            model.eval();
            OnnxModel exported = export(model);
            IReadOnlyDictionary<string, OnnxTensor>[] calibration = [.. train.Select(index => Sample(exported, index))];
            bool[] reference = Answers(exported, test);
            right += reference.Count(static answer => answer);
            for (int i = 0; i < Recipes.Length; i++)
            {
                bool[] answers = Answers(Quantizer.QuantizeStatic(exported, calibration, Recipes[i].Options).Model, test);
                changes[i].Lost += reference.Zip(answers).Count(static pair => pair.First && !pair.Second);
                changes[i].Won += reference.Zip(answers).Count(static pair => !pair.First && pair.Second);
            }
        }

        for (int i = 0; i < Recipes.Length; i++)
        {
            var row = new Row(typeof(TModel).Name, Recipes[i].Name, labels.Length, right, changes[i].Lost, changes[i].Won);
            rows.Add(row);
            Console.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"{row.Model,-16} {row.Recipe,-66} {(double)right / row.Images,9:P2} {(double)(right - row.Lost + row.Won) / row.Images,9:P2} {row.Lost,5} {row.Won,5} {row.RelativeLoss,14:P2} {"+- " + row.Uncertainty.ToString("P2", CultureInfo.InvariantCulture),12}"));
        }
    }

    private bool[] Answers(OnnxModel model, int[] images)
    {
        using var runner = new OnnxRunner(model);
        return [.. images.Select(index => TensorPrimitives.IndexOfMax(runner.Run(Sample(model, index))[runner.Outputs[0].Name].AsSpan<float>()) == labels[index])];
    }

    private Dictionary<string, OnnxTensor> Sample(OnnxModel model, int index) => new() { [model.Proto.Graph.Input[0].Name] = OnnxTensor.From<float>(Image(plain, index), 1, 3, Size, Size) };

    private static Span<float> Image(float[] pixels, int index) => pixels.AsSpan(index * 3 * Size * Size, 3 * Size * Size);

    /// <summary>All images in order, as a pass of a loader draws them.</summary>
    private static float[] Pixels(ImageFolder files, int pass)
    {
        using var loader = new ModelGen.Data.DataLoader(files, new DataLoaderOptions { BatchSize = 40, Seed = 1 });
        var pixels = new List<float>();
        foreach (Batch batch in loader.Batches(pass))
        {
            pixels.AddRange(batch.Inputs[0].data<float>().ToArray());
        }

        return [.. pixels];
    }
}
