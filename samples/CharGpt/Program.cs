using CharGpt;
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
    Console.Error.WriteLine($"chargpt: {mistake.Message} --help lists the options.");
    return 2;
}
catch (Exception fault) when (fault is DataFormatException or CheckpointException or IOException or UnauthorizedAccessException)
{
    Console.Error.WriteLine($"chargpt: {fault.Message}");
    return 1;
}

static void Run(Options options)
{
    string folder = Directory.CreateDirectory(options.OutputFolder).FullName;
    Corpus corpus = Corpus.Load(options.Data);
    Console.WriteLine($"Text: {corpus.Name}, {corpus.Length:N0} characters\n");
    random.manual_seed(options.Seed);
    using var model = new GptNet();
    Console.WriteLine(GptNet.Summary);
    if (!Train(model, corpus, options, folder))
    {
        Console.WriteLine("Stopped. The same command goes on from here.");
        return;
    }

    string text = Author.Write(
        (window, scores) =>
        {
            using IDisposable guard = no_grad();
            using Tensor input = tensor(window.ToArray()).unsqueeze(0);
            using Tensor output = model.Infer(input).contiguous();
            output.data<float>().CopyTo(scores);
        },
        options.Prompt,
        options.Length,
        options.Seed);
    Console.WriteLine($"TorchSharp writes:\n{text}\n");

    model.SaveWeights(Path.Combine(folder, "chargpt.safetensors"));
    string onnx = Path.Combine(folder, "chargpt.onnx");
    model.ExportOnnx(onnx);
    using var session = GptNet.OpenSession(onnx);
    string again = Author.Write(session.Run, options.Prompt, options.Length, options.Seed);
    Console.WriteLine(again == text ? "ONNX Runtime writes the same, character by character." : $"ONNX Runtime writes:\n{again}");
    Console.WriteLine($"\nFiles in {folder}: chargpt.onnx, chargpt.safetensors, checkpoints/");
}

static bool Train(GptNet model, Corpus corpus, Options options, string folder)
{
    using var stop = new CancellationTokenSource();
    Console.CancelKeyPress += (_, pressed) =>
    {
        pressed.Cancel = true;
        stop.Cancel();
    };
    model.train();
    using Trainer<GptNet> trainer = model.CreateTrainer(new TrainerOptions
    {
        // One pass may be shorter than the steps asked for.
        Epochs = (options.Steps * 32 / corpus.Train.Count) + 1,
        MaxSteps = options.Steps,
        Seed = options.Seed,
        DropLast = true,
        Metrics = [Metric.Perplexity],
        Checkpoints = new CheckpointOptions(Path.Combine(folder, "checkpoints")) { EverySteps = 250 },
        Callbacks = options.StopAfter is { } steps ? [new StopAfter(steps, stop)] : [],
    });
    try
    {
        FitResult fit = trainer.Fit(corpus.Train, corpus.Validation, stop.Token);
        Console.WriteLine($"\nPerplexity on the text kept back: {fit.Epochs[^1].Validation!.Metrics["perplexity"]:F2} of {Alphabet.Size} characters\n");
        return true;
    }
    catch (OperationCanceledException)
    {
        return false;
    }
}
