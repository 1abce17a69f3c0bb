using System.Globalization;
using System.Text;
using ModelGen.Data;
using TorchSharp;
using static TorchSharp.torch;

namespace ModelGen.Monitoring;

/// <summary>
/// What a trained model gets wrong on a data set: confusion matrix, table of classes and calibration for classes and yes/no labels, residuals for regressions, and the samples with the
/// largest losses. <see cref="ToString"/> is a report in text.
/// </summary>
public sealed class ErrorAnalysis
{
    private const int MostClasses = 2000;
    private const int MostRows = 50;

    private ErrorAnalysis(string model, int samples, double loss)
    {
        Model = model;
        Samples = samples;
        Loss = loss;
    }

    /// <summary>Name of the model class.</summary>
    public string Model { get; }

    /// <summary>Samples that were looked at.</summary>
    public int Samples { get; }

    /// <summary>Mean over the samples of <see cref="WorstSample.Loss"/>.</summary>
    public double Loss { get; }

    /// <summary>Confusion matrix; null for regressions, for several yes/no labels, and for more than 2,000 classes.</summary>
    public ConfusionMatrix? Confusion { get; private init; }

    /// <summary>Precision, recall, F1 and support of the classes or labels; empty for regressions and for more than 2,000 classes.</summary>
    public IReadOnlyList<ClassQuality> Classes { get; private init; } = [];

    /// <summary>Share of right decisions, from 0 to 1; null for regressions.</summary>
    public double? Accuracy { get; private init; }

    /// <summary>Whether confidences are right; null for regressions.</summary>
    public CalibrationCurve? Calibration { get; private init; }

    /// <summary>Errors of a regression; null otherwise.</summary>
    public Residuals? Residuals { get; private init; }

    /// <summary>Samples with the largest losses, the largest first.</summary>
    public IReadOnlyList<WorstSample> Worst { get; private init; } = [];

    /// <summary>Runs fused inference over a data set and looks at the errors.</summary>
    /// <typeparam name="TModel">A class with <c>[Model]</c> and <c>[Train]</c>.</typeparam>
    /// <param name="model">The model.</param>
    /// <param name="data">Samples that it was not trained on.</param>
    /// <param name="options">Settings; null for the defaults.</param>
    /// <returns>The analysis.</returns>
    /// <exception cref="ArgumentException">The data set is empty, does not fit the loss, or there are not as many names as classes.</exception>
    /// <exception cref="InvalidOperationException">The class has no <c>[Train]</c>, which says how outputs are to be read.</exception>
    public static ErrorAnalysis Of<TModel>(TModel model, Dataset data, ErrorAnalysisOptions? options = null)
        where TModel : nn.Module, ICompiledModel
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(data);
        options ??= new ErrorAnalysisOptions();
        TrainAttribute train = model.TrainSettings
            ?? throw new InvalidOperationException($"{typeof(TModel).Name} has no [Train] attribute, whose loss says how outputs are to be read; add one, such as [Train(Loss.CrossEntropy, Optimizer.AdamW)].");
        DatasetCheck.Check(data, train.Loss, "analysed");
        bool wasTraining = model.training;
        model.eval();
        try
        {
            Tally tally = train.Loss switch
            {
                ModelGen.Loss.CrossEntropy => new ClassTally(options),
                ModelGen.Loss.BCEWithLogits => new LabelTally(options),
                _ => new ValueTally(options),
            };
            for (int start = 0; start < data.Count; start += options.BatchSize)
            {
                int count = Math.Min(options.BatchSize, data.Count - start);
                using IDisposable guard = no_grad();
                using DisposeScope scope = NewDisposeScope();
                Device device = model.parameters().FirstOrDefault()?.device ?? CPU;
                (Tensor[] inputs, Tensor target) = data.ToTensors(start, count);
                Tensor prediction = model.InferBatch([.. inputs.Select(input => input.to(device))]).to(ScalarType.Float64, CPU);
                tally.Add(prediction, target, start, count);
            }

            return tally.Result(typeof(TModel).Name, data);
        }
        finally
        {
            model.train(wasTraining);
        }
    }

    /// <summary>Writes the worst samples as a picture with captions: true class, what the model took it for, and how sure it was.</summary>
    /// <param name="path">PNG file; replaced when it exists.</param>
    /// <exception cref="InvalidOperationException">The inputs are no pictures.</exception>
    public void WriteContactSheet(string path)
    {
        if (Worst.Any(static sample => sample.Picture is null))
        {
            throw new InvalidOperationException("The inputs are no pictures: floats of [1, H, W], [3, H, W] or [H, W].");
        }

        string title = Accuracy is double accuracy
            ? string.Create(CultureInfo.InvariantCulture, $"{Model}: the {Worst.Count} largest losses of {Samples:N0} samples, accuracy {100 * accuracy:0.00} %")
            : string.Create(CultureInfo.InvariantCulture, $"{Model}: the {Worst.Count} largest losses of {Samples:N0} samples");
        ContactSheet.Save(path, title, [.. Worst.Select(static sample => new ContactTile(sample.Picture!, Caption(sample)))]);
    }

    /// <summary>The report in text. Lines end in a line feed; numbers do not depend on the culture.</summary>
    /// <returns>Several lines of text.</returns>
    public override string ToString()
    {
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $"{Model}: {TextTable.Number(Samples)} samples, loss {Loss:0.0000}");
        text.Append(Accuracy is double accuracy ? string.Create(CultureInfo.InvariantCulture, $", accuracy {100 * accuracy:0.00} %\n") : "\n");
        if (Classes.Count > 0)
        {
            var table = new TextTable("class", ">precision", ">recall", ">F1", ">support");
            foreach (ClassQuality quality in Classes.OrderBy(static quality => quality.F1).Take(MostRows).OrderBy(quality => Classes.Count <= MostRows ? Classes.ToList().IndexOf(quality) : 0))
            {
                table.Add(quality.Name, Share(quality.Precision), Share(quality.Recall), Share(quality.F1), TextTable.Number(quality.Support));
            }

            text.Append('\n').Append(table);
            if (Classes.Count > MostRows)
            {
                text.Append(CultureInfo.InvariantCulture, $"the {MostRows} classes with the lowest F1 of {Classes.Count}\n");
            }
        }

        if (Confusion is not null)
        {
            text.Append('\n').Append(Confusion);
        }

        if (Calibration is not null)
        {
            text.Append(CultureInfo.InvariantCulture, $"\ncalibration: expected error {Share(Calibration.ExpectedError)}, largest {Share(Calibration.LargestError)}\n");
        }

        if (Residuals is not null)
        {
            text.Append(CultureInfo.InvariantCulture, $"\nresiduals: mean {Residuals.Mean:G4}, mean absolute {Residuals.MeanAbsolute:G4}, root mean square {Residuals.RootMeanSquare:G4}, R² {Residuals.Determination:0.0000}\n");
            text.Append(CultureInfo.InvariantCulture, $"quantiles: {string.Join(", ", Residuals.Quantiles.Select(static pair => string.Create(CultureInfo.InvariantCulture, $"{100 * pair.Share:0} %: {pair.Error:G4}")))}\n");
        }

        var worst = new TextTable(">sample", ">loss", "true", "predicted", ">confidence");
        foreach (WorstSample sample in Worst.Take(10))
        {
            worst.Add(TextTable.Number(sample.Index), sample.Loss.ToString("0.000", CultureInfo.InvariantCulture), sample.Actual, sample.Predicted, sample.Confidence is double confidence ? Share(confidence) : "-");
        }

        return text.Append('\n').Append(worst).ToString();
    }

    internal static string Share(double share) => double.IsNaN(share) ? "-" : (100 * share).ToString("0.00", CultureInfo.InvariantCulture) + " %";

    internal static string Caption(WorstSample sample) => sample.Confidence is double confidence
        ? string.Create(CultureInfo.InvariantCulture, $"{sample.Actual} > {sample.Predicted}  {100 * confidence:0}%")
        : string.Create(CultureInfo.InvariantCulture, $"{sample.Actual} > {sample.Predicted}");

    private static string Number(double value) => value.ToString("G4", CultureInfo.InvariantCulture);

    private static double[] Numbers(Tensor tensor)
    {
        using Tensor rows = tensor.to(ScalarType.Float64).contiguous();
        return rows.data<double>().ToArray();
    }

    /// <summary>Gathers what batches show.</summary>
    private abstract class Tally(ErrorAnalysisOptions options)
    {
        private readonly PriorityQueue<WorstSample, double> worst = new();
        private double loss;
        private int samples;

        protected ErrorAnalysisOptions Options => options;

        protected List<double> Confidences { get; } = [];

        protected List<bool> Right { get; } = [];

        public abstract void Add(Tensor prediction, Tensor target, int start, int count);

        public abstract ErrorAnalysis Result(string model, Dataset data);

        protected void AddSample(WorstSample sample)
        {
            loss += sample.Loss;
            samples++;

            // NaN sorts below everything, but nothing is worse.
            worst.Enqueue(sample, double.IsNaN(sample.Loss) ? double.PositiveInfinity : sample.Loss);
            if (worst.Count > options.Worst)
            {
                worst.Dequeue();
            }
        }

        protected IReadOnlyList<string> Names(int count) =>
            options.Classes is null ? [.. Enumerable.Range(0, count).Select(static index => index.ToString(CultureInfo.InvariantCulture))]
            : options.Classes.Count == count ? options.Classes
            : throw new ArgumentException($"There are {options.Classes.Count} names for {count} classes or labels.");

        protected ErrorAnalysis Decisions(string model, Dataset data, ConfusionMatrix? confusion, IReadOnlyList<ClassQuality> classes) => new(model, samples, loss / samples)
        {
            Confusion = confusion,
            Classes = classes,
            Accuracy = Right.Count(static right => right) / (double)Right.Count,
            Calibration = new CalibrationCurve(Confidences, Right, options.Bins),
            Worst = Pictured(data),
        };

        protected ErrorAnalysis Values(string model, Dataset data, Residuals residuals) => new(model, samples, loss / samples) { Residuals = residuals, Worst = Pictured(data) };

        private IReadOnlyList<WorstSample> Pictured(Dataset data)
        {
            WorstSample[] sorted = [.. worst.UnorderedItems.OrderByDescending(static item => item.Priority).ThenBy(static item => item.Element.Index).Select(static item => item.Element)];
            return SamplePicture.Fits(data.Inputs[0]) ? [.. sorted.Select(sample => sample with { Picture = SamplePicture.Read(data, sample.Index) })] : sorted;
        }
    }

    /// <summary>One of several classes: scores <c>[N, C]</c>, or <c>[N, C, ...]</c> with a class at every place.</summary>
    private sealed class ClassTally(ErrorAnalysisOptions options) : Tally(options)
    {
        private ConfusionMatrix? confusion;
        private IReadOnlyList<string> names = [];

        public override void Add(Tensor prediction, Tensor target, int start, int count)
        {
            int classes = (int)prediction.shape[1];
            if (names.Count == 0)
            {
                names = Names(classes);
                confusion = classes <= MostClasses ? new ConfusionMatrix(names) : null;
            }

            // Classes innermost, so that each decision's scores lie together.
            long[] order = [0, .. Enumerable.Range(2, (int)prediction.dim() - 2).Select(static axis => (long)axis), 1];
            double[] scores = Numbers(nn.functional.log_softmax(prediction, 1).permute(order));
            using Tensor flat = target.to(ScalarType.Int64).contiguous();
            long[] labels = flat.data<long>().ToArray();
            int places = labels.Length / count;
            for (int i = 0; i < count; i++)
            {
                double sum = 0;
                int best = 0;
                for (int place = i * places; place < (i + 1) * places; place++)
                {
                    ReadOnlySpan<double> row = scores.AsSpan(place * classes, classes);
                    best = IndexOfMax(row);
                    if (labels[place] < 0 || labels[place] >= classes)
                    {
                        throw new ArgumentException($"Sample {start + i} has class {labels[place]}, but the model's output has {classes} classes.");
                    }

                    confusion?.Add(labels[place], best);
                    Confidences.Add(Math.Exp(row[best]));
                    Right.Add(best == labels[place]);
                    sum -= row[(int)labels[place]];
                }

                bool single = places == 1;
                AddSample(new WorstSample(start + i, sum / places, single ? names[(int)labels[i]] : "", single ? names[best] : "", single ? Confidences[^1] : null, null));
            }
        }

        public override ErrorAnalysis Result(string model, Dataset data) => Decisions(model, data, confusion, confusion?.PerClass() ?? []);

        private static int IndexOfMax(ReadOnlySpan<double> row)
        {
            int best = 0;
            for (int i = 1; i < row.Length; i++)
            {
                best = row[i] > row[best] ? i : best;
            }

            return best;
        }
    }

    /// <summary>Yes/no labels: one logit for each.</summary>
    private sealed class LabelTally(ErrorAnalysisOptions options) : Tally(options)
    {
        private static readonly string[] Answers = ["no", "yes"];

        private readonly ConfusionMatrix single = new(Answers);
        private ConfusionMatrix[] labels = [];

        public override void Add(Tensor prediction, Tensor target, int start, int count)
        {
            double[] logits = Numbers(prediction);
            double[] wanted = Numbers(target);
            int places = wanted.Length / count;
            if (labels.Length == 0)
            {
                labels = [.. Enumerable.Range(0, places).Select(static _ => new ConfusionMatrix(Answers))];
            }

            for (int i = 0; i < count; i++)
            {
                double sum = 0;
                for (int place = 0; place < places; place++)
                {
                    double logit = logits[(i * places) + place];
                    double truth = wanted[(i * places) + place];
                    bool yes = logit > 0;
                    labels[place].Add(truth > 0.5 ? 1 : 0, yes ? 1 : 0);
                    single.Add(truth > 0.5 ? 1 : 0, yes ? 1 : 0);
                    Confidences.Add(1 / (1 + Math.Exp(-Math.Abs(logit))));
                    Right.Add(yes == truth > 0.5);

                    // Stable for large logits: max(x, 0) - x y + log(1 + e^-|x|).
                    sum += Math.Max(logit, 0) - (logit * truth) + Math.Log(1 + Math.Exp(-Math.Abs(logit)));
                }

                bool one = places == 1;
                AddSample(new WorstSample(start + i, sum / places, one ? Answers[wanted[i] > 0.5 ? 1 : 0] : "", one ? Answers[logits[i] > 0 ? 1 : 0] : "", one ? Confidences[^1] : null, null));
            }
        }

        public override ErrorAnalysis Result(string model, Dataset data)
        {
            if (labels.Length == 1)
            {
                return Decisions(model, data, single, single.PerClass());
            }

            IReadOnlyList<string> names = Names(labels.Length);
            return Decisions(model, data, null, [.. labels.Select((matrix, index) => matrix.PerClass()[1] with { Name = names[index] })]);
        }
    }

    /// <summary>Numbers.</summary>
    private sealed class ValueTally(ErrorAnalysisOptions options) : Tally(options)
    {
        private readonly List<double> predictions = [];
        private readonly List<double> targets = [];

        public override void Add(Tensor prediction, Tensor target, int start, int count)
        {
            double[] given = Numbers(prediction);
            double[] wanted = Numbers(target);
            int places = wanted.Length / count;
            for (int i = 0; i < count; i++)
            {
                double sum = 0;
                for (int place = i * places; place < (i + 1) * places; place++)
                {
                    predictions.Add(given[place]);
                    targets.Add(wanted[place]);
                    sum += (given[place] - wanted[place]) * (given[place] - wanted[place]);
                }

                bool one = places == 1;
                AddSample(new WorstSample(start + i, sum / places, one ? Number(wanted[i]) : "", one ? Number(given[i]) : "", null, null));
            }
        }

        public override ErrorAnalysis Result(string model, Dataset data) => Values(model, data, new Residuals(predictions, targets));
    }
}
