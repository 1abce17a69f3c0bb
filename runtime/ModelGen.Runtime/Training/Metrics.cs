using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace ModelGen;

/// <summary>Sums the loss and the metrics of batches without reading them back one by one.</summary>
internal sealed class Metrics : IDisposable
{
    private readonly TrainAttribute train;
    private readonly IReadOnlyList<Metric> wanted;
    private readonly Dictionary<string, Tensor> sums = new(StringComparer.Ordinal);
    private readonly List<(Tensor Scores, Tensor Targets)> ranked = [];
    private long samples;
    private long decisions;

    public Metrics(TrainAttribute train, IReadOnlyList<Metric> wanted)
    {
        this.train = train;
        this.wanted = wanted;
        foreach (Metric metric in wanted)
        {
            metric.Check(train.Loss);
        }
    }

    private bool HasClasses => train.Loss == ModelGen.Loss.CrossEntropy;

    private bool Decides => HasClasses || train.Loss == ModelGen.Loss.BCEWithLogits;

    public void Add(Tensor prediction, Tensor target, int count)
    {
        using DisposeScope scope = NewDisposeScope();
        Accumulate("loss", Loss(prediction, target), count);
        Accumulate("score", Score(prediction, target), 1);
        samples += count;
        decisions += target.numel();
        foreach (Metric metric in wanted.Where(static metric => metric.Sum is not null))
        {
            Accumulate(metric.Name, metric.Sum!(prediction, target), 1);
        }

        foreach (Metric metric in wanted.Where(static metric => metric.K > 0))
        {
            Tensor best = prediction.topk((int)Math.Min(metric.K, prediction.shape[1]), 1).indexes;
            Accumulate(metric.Name, best.eq(target.unsqueeze(1)).sum(), 1);
        }

        if (wanted.Any(static metric => metric.NeedsConfusion))
        {
            (Tensor truth, Tensor assigned) = Decisions(prediction, target);
            long classes = HasClasses ? prediction.shape[1] : 2;
            Accumulate("confusion", bincount((truth * classes) + assigned, null, classes * classes), 1);
        }

        if (wanted.Contains(Metric.Perplexity))
        {
            Accumulate("likelihood", functional.cross_entropy(prediction, target, reduction: Reduction.Sum), 1);
        }

        if (wanted.Contains(Metric.RocAuc))
        {
            Tensor scores = HasClasses ? ByClass(functional.softmax(prediction, 1)) : prediction.flatten();
            ranked.Add((scores.clone().DetachFromDisposeScope(), target.flatten().clone().DetachFromDisposeScope()));
        }

        if (wanted.Any(static metric => metric.NeedsErrors))
        {
            // Around the first target, as sums of squares far from their mean lose digits.
            Tensor truth = target.reshape([count, -1]).to_type(ScalarType.Float64);
            Tensor error = prediction.reshape([count, -1]).to_type(ScalarType.Float64) - truth;
            if (!sums.ContainsKey("origin"))
            {
                Accumulate("origin", truth[0], 1);
            }

            Tensor moved = truth - sums["origin"];
            Accumulate("absolute", error.abs().sum([0L]), 1);
            Accumulate("squared", error.pow(2).sum([0L]), 1);
            Accumulate("target", moved.sum([0L]), 1);
            Accumulate("target squared", moved.pow(2).sum([0L]), 1);
        }
    }

    public EvaluationResult Result()
    {
        double mean = sums.TryGetValue("loss", out Tensor? loss) ? loss.ToDouble() / samples : double.NaN;
        double ratio = sums.TryGetValue("score", out Tensor? score) ? score.ToDouble() / decisions : double.NaN;
        var result = new EvaluationResult(mean, Decides ? ratio : null, Decides ? null : ratio, samples);
        if (wanted.Count == 0)
        {
            return result;
        }

        long[][]? confusion = Confusion();
        var values = new Dictionary<string, double>(StringComparer.Ordinal);
        foreach (Metric metric in wanted.Where(static metric => metric != Metric.ConfusionMatrix))
        {
            values[metric.Name] = Value(metric, confusion);
        }

        return result with { Metrics = values, ConfusionMatrix = wanted.Contains(Metric.ConfusionMatrix) ? confusion : null };
    }

    public void Dispose()
    {
        foreach (Tensor sum in sums.Values)
        {
            sum.Dispose();
        }

        foreach ((Tensor scores, Tensor targets) in ranked)
        {
            scores.Dispose();
            targets.Dispose();
        }
    }

    private void Accumulate(string name, Tensor value, double weight)
    {
        Tensor weighted = TensorOps.Multiply(value.to_type(ScalarType.Float64), weight);
        if (sums.TryGetValue(name, out Tensor? sum))
        {
            sum.add_(weighted).DisposeAliasOf(sum);
        }
        else
        {
            sums[name] = weighted.DetachFromDisposeScope();
        }
    }

    private Tensor Loss(Tensor prediction, Tensor target) => train.Loss switch
    {
        ModelGen.Loss.CrossEntropy => functional.cross_entropy(prediction, target, label_smoothing: train.LabelSmoothing),
        ModelGen.Loss.MSE => functional.mse_loss(prediction, target),
        ModelGen.Loss.BCEWithLogits => functional.binary_cross_entropy_with_logits(prediction, target),
        ModelGen.Loss.L1 => functional.l1_loss(prediction, target),
        _ => functional.smooth_l1_loss(prediction, target, beta: train.SmoothL1Beta),
    };

    /// <summary>Number of correct decisions, or the sum of absolute errors.</summary>
    private Tensor Score(Tensor prediction, Tensor target)
    {
        if (Decides)
        {
            (Tensor truth, Tensor assigned) = Decisions(prediction, target);
            return truth.eq(assigned).sum();
        }

        return (prediction - target).abs().sum();
    }

    /// <summary>True and assigned classes, flat.</summary>
    private (Tensor Truth, Tensor Assigned) Decisions(Tensor prediction, Tensor target) => HasClasses
        ? (target.flatten(), prediction.argmax(1).flatten())
        : (TensorOps.Greater(target, 0.5).flatten().to_type(ScalarType.Int64), TensorOps.Greater(prediction, 0).flatten().to_type(ScalarType.Int64));

    /// <summary>[N, C, d...] as [N * d, C].</summary>
    private static Tensor ByClass(Tensor scores) => scores.moveaxis([1L], [-1L]).reshape([-1, scores.shape[1]]);

    private long[][]? Confusion()
    {
        if (!sums.TryGetValue("confusion", out Tensor? counts))
        {
            return null;
        }

        using Tensor local = counts.cpu();
        double[] flat = local.data<double>().ToArray();
        int classes = (int)Math.Sqrt(flat.Length);
        return [.. flat.Chunk(classes).Select(static row => row.Select(static count => (long)count).ToArray())];
    }

    private double Value(Metric metric, long[][]? confusion)
    {
        if (metric.Sum is not null)
        {
            return sums[metric.Name].ToDouble() / samples;
        }

        if (metric.K > 0)
        {
            return sums[metric.Name].ToDouble() / decisions;
        }

        if (metric == Metric.Perplexity)
        {
            return Math.Exp(sums["likelihood"].ToDouble() / decisions);
        }

        return metric == Metric.RocAuc ? Ranking() : metric.NeedsErrors ? Errors(metric) : FromConfusion(metric, confusion!);
    }

    private double Errors(Metric metric)
    {
        using DisposeScope scope = NewDisposeScope();
        if (metric == Metric.MeanAbsoluteError)
        {
            return sums["absolute"].sum().ToDouble() / decisions;
        }

        if (metric == Metric.RootMeanSquaredError)
        {
            return Math.Sqrt(sums["squared"].sum().ToDouble() / decisions);
        }

        Tensor spread = sums["target squared"] - (sums["target"].pow(2) / samples);
        Tensor unexplained = sums["squared"] / spread;
        return spread.gt(0).all().ToBoolean() ? 1 - unexplained.mean().ToDouble() : double.NaN;
    }

    private double FromConfusion(Metric metric, long[][] confusion)
    {
        int classes = confusion.Length;
        long Right(int c) => confusion[c][c];
        long True(int c) => confusion[c].Sum();
        long Assigned(int c) => confusion.Sum(row => row[c]);
        static double Ratio(double part, double whole) => whole == 0 ? 0 : part / whole;
        double Precision(int c) => Ratio(Right(c), Assigned(c));
        double Recall(int c) => Ratio(Right(c), True(c));
        double F1(int c) => Ratio(2 * Right(c), True(c) + Assigned(c));
        Func<int, double> one = metric == Metric.MacroPrecision || metric == Metric.MicroPrecision ? Precision : metric == Metric.MacroRecall || metric == Metric.MicroRecall ? Recall : F1;
        if (metric == Metric.MacroPrecision || metric == Metric.MacroRecall || metric == Metric.MacroF1)
        {
            int[] seen = [.. Enumerable.Range(0, classes).Where(c => True(c) + Assigned(c) > 0)];
            return seen.Average(one);
        }

        return HasClasses ? Ratio(Enumerable.Range(0, classes).Sum(Right), confusion.Sum(static row => row.Sum())) : one(1);
    }

    private double Ranking()
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor scores = cat([.. ranked.Select(static pair => pair.Scores)]).to_type(ScalarType.Float32).cpu();
        Tensor targets = cat([.. ranked.Select(static pair => pair.Targets)]).to_type(ScalarType.Float32).cpu();
        float[] truth = targets.data<float>().ToArray();
        if (!HasClasses)
        {
            return RocCurve.Area(scores.data<float>().ToArray(), [.. truth.Select(static value => value > 0.5f)]);
        }

        int classes = (int)scores.shape[1];
        if (classes == 2)
        {
            return Against(1);
        }

        double[] areas = [.. Enumerable.Range(0, classes).Select(Against).Where(static area => !double.IsNaN(area))];
        return areas.Length == 0 ? double.NaN : areas.Average();

        double Against(int c) => RocCurve.Area(scores.select(1, c).contiguous().data<float>().ToArray(), [.. truth.Select(value => value == c)]);
    }
}

/// <summary>The receiver operating characteristic.</summary>
internal static class RocCurve
{
    /// <summary>Area below the curve: the share of pairs of a positive and a negative sample that the scores put in the right order, ties counted half (Mann and Whitney). NaN without both.</summary>
    public static double Area(float[] scores, bool[] positive)
    {
        int[] order = [.. Enumerable.Range(0, scores.Length)];
        float[] keys = (float[])scores.Clone();
        Array.Sort(keys, order);
        double ranks = 0;
        long positives = 0;
        for (int i = 0; i < keys.Length;)
        {
            int end = i;
            int inside = 0;
            for (; end < keys.Length && keys[end] == keys[i]; end++)
            {
                inside += positive[order[end]] ? 1 : 0;
            }

            // A score that is NaN equals nothing; it takes a place of its own.
            if (end == i)
            {
                inside = positive[order[end]] ? 1 : 0;
                end++;
            }

            ranks += inside * ((i + 1 + end) / 2.0);
            positives += inside;
            i = end;
        }

        long negatives = keys.Length - positives;
        return positives == 0 || negatives == 0 ? double.NaN : (ranks - (positives * (positives + 1) / 2.0)) / ((double)positives * negatives);
    }
}
