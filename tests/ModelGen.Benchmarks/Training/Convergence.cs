using System.Globalization;
using Digits.Drawing;
using ModelGen.Benchmarks.Models;

namespace ModelGen.Benchmarks;

/// <summary>Whether training with bfloat16 products ends where training in float32 ends: two models, three seeds each, the same batches and initial weights for both.</summary>
internal static class Convergence
{
    private const int Seeds = 3;
    private const int Averaged = 50;

    /// <summary>Trains a model and gives the mean loss of the last steps, and loss and accuracy on samples that it has not seen.</summary>
    private delegate (double Train, double Validation, double Accuracy) Training(int seed, Module model);

    public static int Run(string? text)
    {
        NativeLibraries.EnsureLoaded();
        Console.WriteLine("mean loss of the last 50 steps, then loss and accuracy on unseen samples");
        Console.WriteLine($"{"model",-10} {"seed",5} {"float32",27} {"bfloat16",27} {"difference",22}");
        DigitSet train = new DigitArtist(5).DrawSet(12_800, 0);
        DigitSet test = new DigitArtist(5).DrawSet(2_000, 1);
        Compare("MnistCnn", (seed, model) => TrainDigits(seed, model, train, test), static () => new MnistCnn(), static () => new MnistCnnBFloat16());
        byte[] characters = text is null ? Documents() : File.ReadAllBytes(text);
        Compare("Gpt", (seed, model) => TrainText(seed, model, characters), static () => new Gpt(), static () => new GptBFloat16());
        return 0;
    }

    private static void Compare(string name, Training training, Func<Module> exact, Func<Module> mixed)
    {
        var exactLosses = new List<double>();
        var differences = new List<double>();
        for (int seed = 1; seed <= Seeds; seed++)
        {
            (double Train, double Validation, double Accuracy) Result(Func<Module> create)
            {
                random.manual_seed(seed);
                using Module model = create();
                return training(seed, model);
            }

            var (a, b) = (Result(exact), Result(mixed));
            exactLosses.Add(a.Validation);
            differences.Add(b.Validation - a.Validation);
            static string Show(double first, double second, double third) => string.Create(CultureInfo.InvariantCulture, $"{first,8:N4} {second,8:N4} {third,8:P2}");
            Console.WriteLine($"{name,-10} {seed,5} {Show(a.Train, a.Validation, a.Accuracy),27} {Show(b.Train, b.Validation, b.Accuracy),27} {string.Create(CultureInfo.InvariantCulture, $"{b.Validation - a.Validation,11:N4} {b.Accuracy - a.Accuracy,10:P2}"),22}");
        }

        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"{name,-10} mean difference of the unseen loss {differences.Average():N4}; seeds of float32 differ by {exactLosses.Max() - exactLosses.Min():N4}"));
    }

    private static (double, double, double) TrainDigits(int seed, Module model, DigitSet train, DigitSet test)
    {
        using DisposeScope scope = NewDisposeScope();
        static Tensor Images(DigitSet set) => (tensor(set.Pixels).to_type(ScalarType.Float32) / 255).reshape(-1, 1, 28, 28);
        static Tensor Labels(DigitSet set) => tensor(set.Labels).to_type(ScalarType.Int64);
        (Tensor images, Tensor labels) = (Images(train), Labels(train));
        int batches = train.Labels.Length / 64;
        double loss = Steps(model, 2 * batches, i => (images[((i % batches) * 64)..(((i % batches) * 64) + 64)], labels[((i % batches) * 64)..(((i % batches) * 64) + 64)]));
        (double validation, double accuracy) = Evaluate(model, Images(test), Labels(test));
        return (loss, validation, accuracy);
    }

    private static (double, double, double) TrainText(int seed, Module model, byte[] characters)
    {
        const int Length = 128, Batch = 16, Count = 400;
        using DisposeScope scope = NewDisposeScope();
        long[] tokens = [.. characters.Select(static character => character is >= 32 and < 127 ? character - 32L : 95L)];
        int split = tokens.Length * 9 / 10;
        var places = new Random(seed);

        (Tensor X, Tensor Y) Sample(Func<int> start, int count)
        {
            int[] starts = [.. Enumerable.Range(0, count).Select(_ => start())];
            return (stack(starts.Select(from => tensor(tokens[from..(from + Length)]))), cat([.. starts.Select(from => tensor(tokens[(from + 1)..(from + Length + 1)]))]));
        }

        double loss = Steps(model, Count, _ => Sample(() => places.Next(split - Length - 1), Batch));
        int next = split;
        (Tensor x, Tensor y) = Sample(() => next += Length, Math.Min(96, (tokens.Length - split - 1) / Length - 1));
        (double validation, double accuracy) = Evaluate(model, x, y);
        return (loss, validation, accuracy);
    }

    private static double Steps(Module model, int count, Func<int, (Tensor X, Tensor Y)> batch)
    {
        model.train();
        var compiled = (ICompiledModel)model;
        using TrainingStep step = compiled.CreateTrainingStep(OptimizerSettings.From(compiled.TrainSettings!));
        double last = 0;
        for (int i = 0; i < count; i++)
        {
            using DisposeScope scope = NewDisposeScope();
            (Tensor x, Tensor y) = batch(i);
            step.Run([x], y);
            last += i >= count - Averaged ? step.Loss.ToSingle() / Averaged : 0;
        }

        return last;
    }

    private static (double Loss, double Accuracy) Evaluate(Module model, Tensor x, Tensor y)
    {
        model.eval();
        using IDisposable guard = no_grad();
        Tensor scores = ((ICompiledModel)model).InferBatch([x]);
        return (functional.cross_entropy(scores, y).ToSingle(), scores.argmax(1).eq(y).to_type(ScalarType.Float32).mean().ToSingle());
    }

    /// <summary>The documents of this repository.</summary>
    private static byte[] Documents()
    {
        string? root = AppContext.BaseDirectory;
        while (root is not null && !File.Exists(Path.Combine(root, "ModelGen.sln")))
        {
            root = Path.GetDirectoryName(root);
        }

        string folder = root ?? throw new InvalidOperationException("Run this inside the repository, or give a text with --data FILE.");
        return [.. Directory.EnumerateFiles(folder, "*.md", SearchOption.AllDirectories).Order(StringComparer.Ordinal).SelectMany(File.ReadAllBytes)];
    }
}
