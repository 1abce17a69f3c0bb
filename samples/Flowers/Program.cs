using Flowers;
using ModelGen;
using ModelGen.Data;
using ModelGen.Samples;
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
    Console.Error.WriteLine($"flowers: {mistake.Message} --help lists the options.");
    return 2;
}
catch (Exception fault) when (fault is DataFormatException or CheckpointException or IOException or UnauthorizedAccessException)
{
    Console.Error.WriteLine($"flowers: {fault.Message}");
    return 1;
}

static void Run(Options options)
{
    string folder = Directory.CreateDirectory(options.OutputFolder).FullName;
    FlowerData data = FlowerData.Open(options.Data ?? Beside("shared/data/flowers"), options.Seed);
    Console.WriteLine($"Flowers: {data.Train.Count} pictures to train, {data.Test.Count} to test; {string.Join(", ", data.Classes)}\n");
    random.manual_seed(options.Seed);
    using var model = new FlowerNet();
    Console.WriteLine(FlowerNet.Summary);
    using Trainer<FlowerNet> trainer = model.CreateTrainer(new TrainerOptions
    {
        Epochs = options.Epochs,
        Seed = options.Seed,
        Checkpoints = new CheckpointOptions(Path.Combine(folder, "checkpoints")),
        Monitor = "accuracy",
    });
    FitResult fit = trainer.Fit(data.Train, data.Test);

    // The epoch that did best on the test pictures; with so few of them that is a hopeful figure.
    Checkpoint.Load(Checkpoint.Best(Path.Combine(folder, "checkpoints"))!, model);
    Console.WriteLine($"\nBest epoch: {fit.Epochs.Max(static epoch => epoch.Accuracy):P1} of the test pictures right\n");

    model.SaveWeights(Path.Combine(folder, "flowers.safetensors"));
    (Tensor[] inputs, Tensor labels) = data.Test.ToTensors(0, data.Test.Count);
    VerifyReport report = model.Verify(inputs[0], new VerifyOptions { Labels = labels, OnnxPath = Path.Combine(folder, "flowers.onnx") });
    Console.WriteLine(report);
    Console.WriteLine($"Files in {folder}: flowers.onnx, flowers.safetensors, checkpoints/");
}

// A folder beside the repository.
static string Beside(string name)
{
    DirectoryInfo? folder = new(AppContext.BaseDirectory);
    while (folder is not null && !File.Exists(Path.Combine(folder.FullName, "ModelGen.sln")))
    {
        folder = folder.Parent;
    }

    return folder?.Parent is { } parent ? Path.Combine(parent.FullName, name) : throw new DataFormatException("This is not run inside the repository: give a folder with --data.");
}
