using ModelGen.Data;
using ModelGen.EndToEnd.Tests.Models;
using ModelGen.Monitoring;
using SkiaSharp;
using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace ModelGen.EndToEnd.Tests.Monitoring;

/// <summary>Error analyses of models against eager TorchSharp.</summary>
public sealed class ErrorAnalysisTests
{
    private static readonly TrainerOptions Quiet = new() { Progress = TrainingProgress.None, BatchSize = 16, Epochs = 2 };

    [Fact]
    public void Classes_AreThoseOfEagerCode()
    {
        using var model = new SimpleCnn();
        using Trainer<SimpleCnn> trainer = model.CreateTrainer(Quiet);
        TensorDataset data = ProfileTests.Images(150);
        trainer.Fit(data);
        ErrorAnalysis errors = trainer.AnalyzeErrors(data, new ErrorAnalysisOptions { Worst = 7, BatchSize = 64, Bins = 10 });

        using IDisposable guard = no_grad();
        (Tensor[] inputs, Tensor target) = data.ToTensors(0, data.Count);
        Tensor scores = model.call(inputs[0]);
        double[] losses = [.. functional.cross_entropy(scores, target, reduction: Reduction.None).data<float>().Select(static loss => (double)loss)];
        long[] chosen = scores.argmax(1).data<long>().ToArray();
        long[] labels = target.data<long>().ToArray();
        Assert.Equal(data.Count, errors.Samples);
        Assert.Equal(losses.Average(), errors.Loss, 1e-5);
        Assert.Equal(chosen.Zip(labels).Count(static pair => pair.First == pair.Second) / 150.0, errors.Accuracy!.Value, 12);
        for (int actual = 0; actual < 10; actual++)
        {
            for (int predicted = 0; predicted < 10; predicted++)
            {
                Assert.Equal(labels.Zip(chosen).Count(pair => pair.First == actual && pair.Second == predicted), errors.Confusion![actual, predicted]);
            }
        }

        Assert.Equal(15, errors.Classes[0].Support);
        Assert.Equal(losses.OrderDescending().Take(7).Select(static loss => Math.Round(loss, 3)), errors.Worst.Select(static sample => Math.Round(sample.Loss, 3)));
        Assert.Equal(150, errors.Calibration!.Bins.Sum(static bin => bin.Count));
        double[] confidences = [.. functional.softmax(scores, 1).max(1).values.data<float>().Select(static value => (double)value)];
        Assert.Equal(confidences.Average(), errors.Calibration.Bins.Where(static bin => bin.Count > 0).Sum(static bin => bin.Count * bin.Confidence) / 150, 1e-5);
        Assert.Contains("precision", errors.ToString());
    }

    [Fact]
    public void WorstSamples_ShowTheirPictures()
    {
        using var model = new SimpleCnn();
        TensorDataset data = ProfileTests.Images(40);
        ErrorAnalysis errors = ErrorAnalysis.Of(model, data, new ErrorAnalysisOptions { Worst = 5 });
        WorstSample worst = errors.Worst[0];
        (Tensor[] inputs, Tensor _) = data.ToTensors(worst.Index, 1);
        float[] pixels = inputs[0].data<float>().ToArray();
        (float low, float high) = (pixels.Min(), pixels.Max());
        using SKBitmap picture = SKBitmap.Decode(worst.Picture!.ToPng());
        Assert.Equal((12, 12), (picture.Width, picture.Height));
        for (int i = 0; i < pixels.Length; i++)
        {
            Assert.Equal(MathF.Round((pixels[i] - low) / (high - low) * 255), picture.GetPixel(i % 12, i / 12).Red);
        }

        string path = Path.GetTempFileName();
        try
        {
            errors.WriteContactSheet(path);
            using SKBitmap sheet = SKBitmap.Decode(path);
            Assert.True(sheet.Width > 600 && sheet.Height > 150);
        }
        finally
        {
            File.Delete(path);
        }
    }

    [Fact]
    public void Residuals_AreThoseOfEagerCode_AndHaveNoClasses()
    {
        random.manual_seed(1);
        using var model = new Mlp();
        TensorDataset data = TensorDataset.FromArrays(randn(50, 6).data<float>().ToArray(), [6], randn(50, 3).data<float>().ToArray(), [3]);
        ErrorAnalysis errors = ErrorAnalysis.Of(model, data);
        using IDisposable guard = no_grad();
        (Tensor[] inputs, Tensor target) = data.ToTensors(0, 50);
        model.eval();
        using Tensor difference = model.call(inputs[0]) - target;
        Assert.Equal(150, errors.Residuals!.Count);
        Assert.Equal(difference.abs().mean().ToDouble(), errors.Residuals.MeanAbsolute, 1e-5);
        Assert.Equal(difference.mean().ToDouble(), errors.Residuals.Mean, 1e-5);
        Assert.Equal(difference.square().mean([1L]).max().ToDouble(), errors.Worst[0].Loss, 1e-4);
        Assert.Null(errors.Confusion);
        Assert.Null(errors.Accuracy);
        Assert.Throws<InvalidOperationException>(() => errors.WriteContactSheet("never.png"));
        Assert.Contains("residuals", errors.ToString());
    }

    /// <summary>One label and several, against eager TorchSharp: losses, decisions, confidences and counts.</summary>
    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    public void YesNoLabels_AreThoseOfEagerCode(int labels)
    {
        random.manual_seed(labels);
        using Module model = labels == 1 ? new YesNoNet() : new LabelsNet();
        float[] answers = [.. Enumerable.Range(0, 70 * labels).Select(static i => i % 3 == 0 ? 1f : 0)];
        TensorDataset data = TensorDataset.FromArrays((randn(70, 5) * 2).data<float>().ToArray(), [5], answers, [labels]);
        var options = new ErrorAnalysisOptions { Worst = 6, BatchSize = 32, Bins = 5, Classes = labels == 1 ? null : ["red", "round", "large"] };
        ErrorAnalysis errors = model is YesNoNet single ? ErrorAnalysis.Of(single, data, options) : ErrorAnalysis.Of((LabelsNet)model, data, options);

        using IDisposable guard = no_grad();
        (Tensor[] inputs, Tensor target) = data.ToTensors(0, data.Count);
        Tensor logits = model is YesNoNet yesNo ? yesNo.call(inputs[0]) : ((LabelsNet)model).call(inputs[0]);
        Tensor losses = functional.binary_cross_entropy_with_logits(logits, target, reduction: Reduction.None).mean([1L]);
        Tensor right = logits.gt(0).eq(target.gt(0.5));
        Tensor yes = sigmoid(logits);
        Tensor confidence = maximum(yes, 1 - yes);
        Assert.Equal(losses.mean().ToDouble(), errors.Loss, 1e-5);
        Assert.Equal(right.to(ScalarType.Float64).mean().ToDouble(), errors.Accuracy!.Value, 12);
        Assert.Equal(70 * labels, errors.Calibration!.Bins.Sum(static bin => bin.Count));
        Assert.Equal(confidence.mean().ToDouble(), errors.Calibration.Bins.Where(static bin => bin.Count > 0).Sum(static bin => bin.Count * bin.Confidence) / (70 * labels), 1e-5);
        foreach (CalibrationBin bin in errors.Calibration.Bins)
        {
            Assert.Equal(confidence.gt(bin.Low).logical_and(confidence.le(bin.High)).sum().ToInt64(), bin.Count);
        }

        Assert.Equal(losses.topk(6).values.data<float>().Select(static loss => MathF.Round(loss, 4)), errors.Worst.Select(static sample => MathF.Round((float)sample.Loss, 4)));
        Assert.Null(errors.Residuals);

        // The answer yes of each label, from counts.
        long[] found = logits.gt(0).logical_and(target.gt(0.5)).sum([0L]).data<long>().ToArray();
        long[] given = logits.gt(0).sum([0L]).data<long>().ToArray();
        long[] actual = target.gt(0.5).sum([0L]).data<long>().ToArray();
        for (int label = 0; label < labels; label++)
        {
            ClassQuality quality = labels == 1 ? errors.Classes.Single(static quality => quality.Name == "yes") : errors.Classes[label];
            Assert.Equal((actual[label], (double)found[label] / given[label], (double)found[label] / actual[label]), (quality.Support, quality.Precision, quality.Recall));
        }

        if (labels == 1)
        {
            Assert.Equal((found[0], given[0] - found[0], actual[0] - found[0]), (errors.Confusion![1, 1], errors.Confusion[0, 1], errors.Confusion[1, 0]));
            WorstSample worst = errors.Worst[0];
            Assert.Equal(target[worst.Index, 0].ToSingle() > 0.5 ? "yes" : "no", worst.Actual);
            Assert.Equal(logits[worst.Index, 0].ToSingle() > 0 ? "yes" : "no", worst.Predicted);
            Assert.Equal(confidence[worst.Index, 0].ToDouble(), worst.Confidence!.Value, 1e-5);
        }
        else
        {
            Assert.Null(errors.Confusion);
            Assert.Equal(["red", "round", "large"], errors.Classes.Select(static quality => quality.Name));
        }
    }

    [Fact]
    public void WrongNumberOfNames_IsRefused()
    {
        using var model = new SimpleCnn();
        Assert.Contains("2 names for 10", Assert.Throws<ArgumentException>(() => ErrorAnalysis.Of(model, ProfileTests.Images(20), new ErrorAnalysisOptions { Classes = ["a", "b"] })).Message);
    }

    [Fact]
    public void LabelBeyondTheOutput_NamesTheSample()
    {
        using var model = new SimpleCnn();
        Assert.Contains("Sample 10 has class 10", Assert.Throws<ArgumentException>(() => ErrorAnalysis.Of(model, ProfileTests.Images(20, classes: 11))).Message);
    }
}
