using ModelGen;
using ModelGen.Data;
using ModelGen.Samples;
using Tabular;
using static TorchSharp.torch;

try
{
    Options options = Options.Parse(args);
    if (options.Help)
    {
        Console.Write(Options.Usage);
        return 0;
    }

    Run(options);
    return 0;
}
catch (UsageException mistake)
{
    Console.Error.WriteLine($"tabular: {mistake.Message} --help lists the options.");
    return 2;
}
catch (Exception fault) when (fault is DataFormatException or IOException or UnauthorizedAccessException)
{
    Console.Error.WriteLine($"tabular: {fault.Message}");
    return 1;
}

static void Run(Options options)
{
    string folder = Directory.CreateDirectory(options.OutputFolder).FullName, tables = options.Data ?? folder;
    string trainFile = Path.Combine(tables, "subscribers-train.csv"), testFile = Path.Combine(tables, "subscribers-test.csv");
    double? best = null;
    if (options.Data is null)
    {
        SubscriberTable.Write(trainFile, options.Rows - (options.Rows / 5), options.Seed);
        best = SubscriberTable.Write(testFile, options.Rows / 5, options.Seed + 1);
    }

    // What replaces missing numbers and how numbers are scaled is learned from the training rows alone.
    TableDataset train = CsvDataset.Load(trainFile, SubscriberTable.Schema), test = CsvDataset.Load(testFile, train.Encoder);
    Console.WriteLine($"Subscribers: {train.Count:N0} to train, {test.Count:N0} to test\n");
    random.manual_seed(options.Seed);
    using var model = new ChurnNet();
    Console.WriteLine(ChurnNet.Summary);
    using Trainer<ChurnNet> trainer = model.CreateTrainer(new TrainerOptions { Epochs = options.Epochs, Seed = options.Seed, Metrics = [Metric.RocAuc] });
    EvaluationResult result = trainer.Fit(train, test).Epochs[^1].Validation!;
    Console.WriteLine($"\nTest: {result.Accuracy:P1} right, ROC AUC {result.Metrics["ROC AUC"]:F3}");
    if (best is { } share)
    {
        Console.WriteLine($"Whoever knows the probabilities that the table was drawn with: {share:P1} right");
    }

    string onnx = Path.Combine(folder, "tabular.onnx");
    model.SaveWeights(Path.Combine(folder, "tabular.safetensors"));
    model.ExportOnnx(onnx);
    Console.WriteLine($"{Path.GetFileName(onnx)} in ONNX Runtime, row by row: {Accuracy(onnx, test):P1} right");
    Console.WriteLine($"\nFiles in {folder}: tabular.onnx, tabular.safetensors{(options.Data is null ? ", subscribers-train.csv, subscribers-test.csv" : "")}");
}

// Reads the test rows as an application would: with the exported file, one at a time, without TorchSharp's layers.
static double Accuracy(string onnx, TableDataset test)
{
    using var session = ChurnNet.OpenSession(onnx);
    (Tensor[] inputs, Tensor labels) = test.ToTensors(0, test.Count);
    float[] numbers = inputs[0].data<float>().ToArray(), scores = new float[2];
    long[] categories = inputs[1].data<long>().ToArray(), left = labels.data<long>().ToArray();
    int right = 0;
    for (int i = 0; i < test.Count; i++)
    {
        session.Run(numbers.AsSpan(i * 5, 5), categories.AsSpan(i * 3, 3), scores);
        right += (scores[1] > scores[0] ? 1 : 0) == left[i] ? 1 : 0;
    }

    return (double)right / test.Count;
}
