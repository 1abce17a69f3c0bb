using System.Diagnostics;
using ModelGen;
using ModelGen.Monitoring;
using static TorchSharp.torch;

namespace Digits;

/// <summary>Reads one image with an exported model.</summary>
/// <param name="image">Pixels, row-major, 0 to 1.</param>
/// <param name="scores">Receives one score per class.</param>
internal delegate void ReadImage(ReadOnlySpan<float> image, Span<float> scores);

/// <summary>What the generator made for a model class, so that one chain serves both classes of this sample.</summary>
/// <param name="Model">The model.</param>
/// <param name="Summary">Its layers and costs.</param>
internal sealed record Generated<M>(M Model, ModelSummary Summary)
    where M : nn.Module, ICompiledModel
{
    public required Func<TrainerOptions, Trainer<M>> CreateTrainer { get; init; }

    public required Func<Tensor, VerifyOptions, VerifyReport> Verify { get; init; }

    public required Func<string, (ReadImage Read, IDisposable Session)> OpenSession { get; init; }
}

/// <summary>From class to deployment: train, export, quantize, compare, show what is misread.</summary>
internal static class Chain
{
    private const int CalibrationCount = 512;

    /// <summary>Runs the chain and prints what it finds.</summary>
    /// <param name="generated">The model and what was generated for it.</param>
    /// <param name="data">Training and test images.</param>
    /// <param name="options">The command line.</param>
    /// <param name="folder">Where files are written; it exists.</param>
    public static Results Run<M>(Generated<M> generated, DigitData data, Options options, string folder)
        where M : nn.Module, ICompiledModel
    {
        var files = new FileResult(Path.Combine(folder, "digits.onnx"), Path.Combine(folder, "digits-int8.onnx"), Path.Combine(folder, "misread.png"), Path.Combine(folder, "report.html"));
        Console.WriteLine(generated.Summary);
        var clock = Stopwatch.StartNew();
        using Trainer<M> trainer = generated.CreateTrainer(new TrainerOptions { Epochs = options.Epochs, Seed = options.Seed });
        IReadOnlyList<EpochResult> epochs = Train(trainer, data);
        double seconds = clock.Elapsed.TotalSeconds;
        VerifyReport report = Verify(generated, data, files);
        Console.WriteLine(report);
        IReadOnlyList<Misread> misreads = FindMisreads(generated, data.Test, files.Onnx);
        Misreads.SaveSheet(files.Misread, misreads, data.Test.Count, data.Test.Bytes, data.Test.Size);
        WriteReport(trainer, data, report, files.Report);
        PrintFiles(files, misreads.Count);
        return new Results
        {
            Model = generated.Summary.Model,
            Data = data.Source,
            TrainCount = data.Train.Count,
            TestCount = data.Test.Count,
            Parameters = generated.Summary.Parameters,
            FlopsPerSample = generated.Summary.FlopsPerSample,
            TrainSeconds = seconds,
            Epochs = epochs,
            Paths = report.Rows.ToDictionary(static row => row.Path, PathResult.From),
            Passed = report.Passed,
            Misread = misreads.Count,
            Files = files,
        };
    }

    private static IReadOnlyList<EpochResult> Train<M>(Trainer<M> trainer, DigitData data)
        where M : nn.Module, ICompiledModel
    {
        FitResult fit = trainer.Fit(data.Train.ToDataset(), data.Test.ToDataset());
        Console.WriteLine();
        return [.. fit.Epochs.Select(static epoch => new EpochResult(epoch.TrainLoss, epoch.Accuracy!.Value))];
    }

    private static void WriteReport<M>(Trainer<M> trainer, DigitData data, VerifyReport verification, string path)
        where M : nn.Module, ICompiledModel => trainer.WriteReport(path, new ReportOptions
        {
            Profile = trainer.Profile(data.Train.ToDataset()),
            Errors = trainer.AnalyzeErrors(data.Test.ToDataset()),
            Verification = verification,
        });

    /// <summary>The first training images set the INT8 ranges; the test set only judges.</summary>
    private static VerifyReport Verify<M>(Generated<M> generated, DigitData data, FileResult files)
        where M : nn.Module, ICompiledModel
    {
        using Tensor calibration = data.Train.Range(0, CalibrationCount).ToTensor();
        using Tensor test = data.Test.ToTensor();
        using Tensor labels = tensor(data.Test.Labels);
        return generated.Verify(test, new VerifyOptions
        {
            Labels = labels,
            Calibration = [calibration],
            OnnxPath = files.Onnx,
            Int8Path = files.Int8,
        });
    }

    /// <summary>Reads the test set as an application would: with the exported file, one image at a time, without TorchSharp.</summary>
    private static IReadOnlyList<Misread> FindMisreads<M>(Generated<M> generated, ImageSet test, string onnxFile)
        where M : nn.Module, ICompiledModel
    {
        const int Classes = 10;
        float[] scores = new float[test.Count * Classes];
        (ReadImage read, IDisposable session) = generated.OpenSession(onnxFile);
        using (session)
        {
            for (int i = 0; i < test.Count; i++)
            {
                read(test.Image(i), scores.AsSpan(i * Classes, Classes));
            }
        }

        return Misreads.Find(scores, test.Labels);
    }

    private static void PrintFiles(FileResult files, int misread)
    {
        Console.WriteLine($"""
            Files in {Path.GetDirectoryName(files.Onnx)}
              {Path.GetFileName(files.Onnx),-18}float32 model for ONNX Runtime
              {Path.GetFileName(files.Int8),-18}INT8 model for ONNX Runtime
              {Path.GetFileName(files.Misread),-18}contact sheet of the {Text.Count(misread)} misread test images
              {Path.GetFileName(files.Report),-18}curves, errors, layers, profile and memory, for a browser
            """);
    }
}
