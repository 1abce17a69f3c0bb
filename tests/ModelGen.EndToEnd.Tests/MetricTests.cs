using ModelGen.Data;
using ModelGen.EndToEnd.Tests.Models;
using static TorchSharp.torch;

namespace ModelGen.EndToEnd.Tests;

/// <summary>Metrics of validation against their definitions, computed sample by sample.</summary>
public sealed class MetricTests
{
    private static readonly TrainerOptions Quiet = new() { Progress = TrainingProgress.None };

    [Fact]
    public void Classification_FollowsTheDefinitions()
    {
        random.manual_seed(2);
        using var model = new DropoutNet();
        const int Count = 700;
        const int Classes = 3;
        var source = new Random(3);
        long[] truth = [.. Enumerable.Range(0, Count).Select(i => i < 5 ? 2 : (long)source.Next(2))];
        TensorDataset data = TensorDataset.FromArrays([.. Enumerable.Range(0, Count * 10).Select(_ => (float)source.NextDouble() - 0.5f)], [10], truth);
        Metric[] metrics =
        [
            Metric.TopAccuracy(2), Metric.MacroPrecision, Metric.MacroRecall, Metric.MacroF1, Metric.MicroPrecision, Metric.MicroRecall, Metric.MicroF1, Metric.RocAuc, Metric.Perplexity, Metric.ConfusionMatrix,
            Metric.Mean("confidence", static (prediction, _) => nn.functional.softmax(prediction, 1).amax([1L]).sum()),
        ];
        using Trainer<DropoutNet> trainer = model.CreateTrainer(Quiet with { Metrics = metrics });
        EvaluationResult result = trainer.Evaluate(data);

        double[][] scores = Scores(model, data, Classes);
        int[] assigned = [.. scores.Select(static row => Array.IndexOf(row, row.Max()))];
        long[][] confusion = [.. Enumerable.Range(0, Classes).Select(t => Enumerable.Range(0, Classes).Select(a => (long)Enumerable.Range(0, Count).Count(i => truth[i] == t && assigned[i] == a)).ToArray())];
        Assert.Equal(confusion, result.ConfusionMatrix!);
        double accuracy = Enumerable.Range(0, Count).Count(i => assigned[i] == truth[i]) / (double)Count;
        Assert.Equal(accuracy, result.Accuracy!.Value, 1e-12);
        double Precision(int c) => Share(i => assigned[i] == c, i => truth[i] == c);
        double Recall(int c) => Share(i => truth[i] == c, i => assigned[i] == c);
        double F1(int c) => Precision(c) + Recall(c) == 0 ? 0 : 2 * Precision(c) * Recall(c) / (Precision(c) + Recall(c));
        int[] all = [0, 1, 2];
        Check("macro precision", all.Average(Precision));
        Check("macro recall", all.Average(Recall));
        Check("macro F1", all.Average(F1));
        Check("micro precision", accuracy);
        Check("micro recall", accuracy);
        Check("micro F1", accuracy);
        Check("top 2 accuracy", Enumerable.Range(0, Count).Count(i => scores[i].Count(score => score > scores[i][truth[i]]) < 2) / (double)Count);
        Check("ROC AUC", all.Average(c => Area([.. scores.Select(row => row[c])], [.. truth.Select(t => t == c)])));
        Check("perplexity", Math.Exp(-Enumerable.Range(0, Count).Average(i => Math.Log(scores[i][truth[i]]))));
        Check("confidence", scores.Average(static row => row.Max()));

        double Share(Func<int, bool> among, Func<int, bool> wanted)
        {
            int[] set = [.. Enumerable.Range(0, Count).Where(among)];
            return set.Length == 0 ? 0 : set.Count(wanted) / (double)set.Length;
        }

        void Check(string name, double expected) => Assert.Equal(expected, result.Metrics[name], 1e-5);
    }

    [Fact]
    public void YesNoDecisions_FollowTheDefinitions()
    {
        random.manual_seed(2);
        using var model = new SequenceNet();
        var source = new Random(3);
        float[] truth = [.. Enumerable.Range(0, 300).Select(_ => (float)source.Next(2))];
        TensorDataset data = TensorDataset.FromArrays([.. Enumerable.Range(0, 300 * 64).Select(_ => (float)source.NextDouble() - 0.5f)], [4, 16], truth, [1]);
        using Trainer<SequenceNet> trainer = model.CreateTrainer(Quiet with { Metrics = [Metric.MicroPrecision, Metric.MicroRecall, Metric.MicroF1, Metric.RocAuc, Metric.ConfusionMatrix] });
        EvaluationResult result = trainer.Evaluate(data);
        (Tensor[] inputs, _) = data.ToTensors(0, 300);
        float[] logits = model.Infer(inputs[0]).data<float>().ToArray();
        int both = Enumerable.Range(0, 300).Count(i => logits[i] > 0 && truth[i] == 1);
        double precision = both / (double)logits.Count(static value => value > 0);
        double recall = both / (double)truth.Count(static value => value == 1);
        Assert.Equal(precision, result.Metrics["micro precision"], 1e-9);
        Assert.Equal(recall, result.Metrics["micro recall"], 1e-9);
        Assert.Equal(2 * precision * recall / (precision + recall), result.Metrics["micro F1"], 1e-9);
        Assert.Equal(Area([.. logits.Select(static value => (double)value)], [.. truth.Select(static value => value == 1)]), result.Metrics["ROC AUC"], 1e-9);
        Assert.Equal(both, result.ConfusionMatrix![1][1]);
    }

    [Fact]
    public void Regression_FollowsTheDefinitions()
    {
        random.manual_seed(2);
        using var model = new Mlp();
        var source = new Random(3);

        // Far from zero, where sums of squares lose digits.
        float[] truth = [.. Enumerable.Range(0, 900).Select(_ => 1000 + (float)source.NextDouble())];
        TensorDataset data = TensorDataset.FromArrays([.. Enumerable.Range(0, 300 * 6).Select(_ => (float)source.NextDouble() - 0.5f)], [6], truth, [3]);
        using Trainer<Mlp> trainer = model.CreateTrainer(Quiet with { Metrics = [Metric.MeanAbsoluteError, Metric.RootMeanSquaredError, Metric.R2] });
        EvaluationResult result = trainer.Evaluate(data);
        (Tensor[] inputs, _) = data.ToTensors(0, 300);
        float[] predicted = model.Infer(inputs[0]).data<float>().ToArray();
        double[] errors = [.. predicted.Zip(truth, static (p, t) => (double)p - t)];
        Assert.Equal(errors.Average(Math.Abs), result.Metrics["MAE"], 1e-3);
        Assert.Equal(result.MeanAbsoluteError!.Value, result.Metrics["MAE"], 1e-3);
        Assert.Equal(Math.Sqrt(errors.Average(static e => e * e)), result.Metrics["RMSE"], 1e-3);
        double r2 = Enumerable.Range(0, 3).Average(output =>
        {
            int[] own = [.. Enumerable.Range(0, 300).Select(i => (i * 3) + output)];
            double mean = own.Average(i => (double)truth[i]);
            return 1 - (own.Sum(i => errors[i] * errors[i]) / own.Sum(i => Math.Pow(truth[i] - mean, 2)));
        });
        Assert.Equal(1, result.Metrics["R2"] / r2, 1e-5);
    }

    [Fact]
    public void MetricsWithoutMeaning_AreRefused()
    {
        using var regression = new Mlp();
        using var classes = new DropoutNet();
        Assert.Contains("'macro F1' has no meaning for Loss.MSE", Assert.Throws<ArgumentException>(() => regression.CreateTrainer(Quiet with { Metrics = [Metric.MacroF1] })).Message);
        Assert.Throws<ArgumentException>(() => classes.CreateTrainer(Quiet with { Metrics = [Metric.R2] }));
        Assert.Throws<ArgumentException>(() => regression.CreateTrainer(Quiet with { Metrics = [Metric.TopAccuracy(3)] }));
    }

    private static double[][] Scores(DropoutNet model, TensorDataset data, int classes)
    {
        (Tensor[] inputs, _) = data.ToTensors(0, data.Count);
        float[] flat = nn.functional.softmax(model.Infer(inputs[0]), 1).data<float>().ToArray();
        return [.. flat.Chunk(classes).Select(static row => row.Select(static value => (double)value).ToArray())];
    }

    /// <summary>All pairs of a positive and a negative sample.</summary>
    private static double Area(double[] scores, bool[] positive)
    {
        double won = 0;
        long pairs = 0;
        for (int i = 0; i < scores.Length; i++)
        {
            for (int j = 0; j < scores.Length; j++)
            {
                if (positive[i] && !positive[j])
                {
                    pairs++;
                    won += scores[i] > scores[j] ? 1 : scores[i] == scores[j] ? 0.5 : 0;
                }
            }
        }

        return won / pairs;
    }
}
