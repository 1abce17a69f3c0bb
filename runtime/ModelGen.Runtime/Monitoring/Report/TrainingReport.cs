using System.Globalization;

namespace ModelGen.Monitoring;

/// <summary>A page in HTML that holds everything in itself: no script, no file, no address outside.</summary>
internal sealed class TrainingReport(ModelSummary summary, TrainingHistory history, IReadOnlyDictionary<string, object> settings, MemoryReport memory, ReportOptions options)
{
    private const int MostBars = 24;
    private const int MostClassesDrawn = 30;
    private const int SmallPicture = 64;
    private const double Mebibyte = MemorySample.Mebibyte;

    public void Write(string path) => File.WriteAllText(path, Html());

    private static string Fixed(double value, string format) => double.IsNaN(value) ? "–" : value.ToString(format, CultureInfo.InvariantCulture);

    private static string Share(double? value) => value is double share && !double.IsNaN(share) ? Fixed(100 * share, "0.00") + "\u00a0%" : "–";

    private string Html()
    {
        string title = options.Title ?? summary.Model;
        (string Id, string Name, Func<string> Write)[] sections =
        [
            ("curves", "Curves", Curves),
            .. options.Errors is null ? Array.Empty<(string, string, Func<string>)>() : [("errors", "Errors", Errors)],
            .. options.Verification is null ? Array.Empty<(string, string, Func<string>)>() : [("paths", "Inference and quantization", Verification)],
            ("model", "Model", Model),
            .. options.Profile is null ? Array.Empty<(string, string, Func<string>)>() : [("profile", "Profile of a step", Profile)],
            ("memory", "Memory and resources", Memory),
            ("settings", "Settings", Settings),
        ];
        var page = new Markup();
        page.Raw("<!DOCTYPE html>\n").Open("html", "lang", "en").Open("head");
        page.Empty("meta", "charset", "utf-8").Empty("meta", "name", "viewport", "content", "width=device-width, initial-scale=1");
        page.Element("title", title).Open("style").Raw(Style.Sheet).Close().CloseLine();
        page.Open("body").Open("main").Element("h1", title);
        page.Element("p", string.Create(CultureInfo.InvariantCulture, $"Trained with ModelGen; written {DateTime.Now:yyyy-MM-dd HH:mm}, {Environment.ProcessorCount} processors."), "class", "quiet");
        page.Open("nav");
        foreach ((string id, string name, _) in sections)
        {
            page.Element("a", name, "href", "#" + id);
        }

        page.CloseLine().Raw(KeyFigures());
        foreach ((string id, string name, Func<string> write) in sections)
        {
            page.Open("section", "id", id).Element("h2", name).Raw(write()).CloseLine();
        }

        return page.Close().Close().CloseLine().ToString();
    }

    private string KeyFigures()
    {
        var markup = new Markup();
        markup.Open("div", "class", "figures");
        void Add(string name, string value) => markup.Open("div").Element("b", value).Element("span", name).Close();
        if (history.Epochs is [.., var last])
        {
            Add("training loss", Fixed(last.TrainLoss, "0.0000"));
            if (last.Validation is { } validation)
            {
                Add("validation loss", Fixed(validation.Loss, "0.0000"));
                if (validation.Accuracy is double accuracy)
                {
                    Add("accuracy", Share(accuracy));
                }
                else if (validation.MeanAbsoluteError is double error)
                {
                    Add("mean absolute error", Fixed(error, "0.0000"));
                }
            }

            Add("samples a second", TextTable.Number((long)last.SamplesPerSecond));
            Add("epochs", TextTable.Number(history.Epochs.Count));
        }

        Add("parameters", TextTable.Number(summary.Parameters));
        Add("forward, each sample", Operations(summary.FlopsPerSample));
        return markup.CloseLine().ToString();
    }

    private static string Operations(double flops) => flops >= 1e9 ? Fixed(flops / 1e9, "0.00") + "\u00a0GFLOP" : flops >= 1e6 ? Fixed(flops / 1e6, "0.0") + "\u00a0MFLOP" : Fixed(flops / 1e3, "0.0") + "\u00a0kFLOP";

    private string Curves()
    {
        var markup = new Markup();
        if (history.Steps.Count == 0)
        {
            return markup.Element("p", "No fit ran with this trainer.").ToString();
        }

        markup.Open("div", "class", "cards");
        IReadOnlyList<HistoryStep> steps = history.Steps;
        markup.Raw(Charts.Lines("Loss by step", "step", "loss", [new Series("step", [.. steps.Select(static step => ((double)step.Step, step.Loss))]), new Series("running mean", RunningMean(steps))]));
        if (history.Epochs.Count > 0)
        {
            List<Series> losses = [new("training", [.. history.Epochs.Select(static epoch => ((double)epoch.Epoch, epoch.TrainLoss))])];
            if (history.Epochs.Any(static epoch => epoch.Validation is not null))
            {
                losses.Add(new Series("validation", [.. history.Epochs.Where(static epoch => epoch.Validation is not null).Select(static epoch => ((double)epoch.Epoch, epoch.Validation!.Loss))]));
            }

            markup.Raw(Charts.Lines("Loss by epoch", "epoch", "loss", losses, marked: true));
            if (history.Epochs.Any(static epoch => epoch.Accuracy is not null))
            {
                markup.Raw(Charts.Lines("Validation accuracy", "epoch", "accuracy, %", [new Series("accuracy", [.. history.Epochs.Where(static epoch => epoch.Accuracy is not null).Select(static epoch => ((double)epoch.Epoch, 100 * epoch.Accuracy!.Value))])], marked: true));
            }
        }

        markup.Raw(Charts.Lines("Learning rate", "step", "learning rate", [new Series("learning rate", [.. steps.Select(static step => ((double)step.Step, step.LearningRate))])], fromZero: true));
        markup.Raw(Charts.Lines("Speed", "step", "samples/s", [new Series("samples/s", [.. steps.Select(static step => ((double)step.Step, step.SamplesPerSecond))])], fromZero: true));
        return markup.CloseLine().ToString();
    }

    /// <summary>Exponential mean over about a fiftieth of the points.</summary>
    private static IReadOnlyList<(double X, double Y)> RunningMean(IReadOnlyList<HistoryStep> steps)
    {
        double keep = 1 - (1 / Math.Max(2, steps.Count / 50.0));
        double mean = steps[0].Loss;
        var points = new List<(double, double)>();
        foreach (HistoryStep step in steps)
        {
            mean = double.IsFinite(step.Loss) ? (keep * mean) + ((1 - keep) * step.Loss) : mean;
            points.Add((step.Step, mean));
        }

        return points;
    }

    private string Errors()
    {
        ErrorAnalysis errors = options.Errors!;
        var markup = new Markup();
        markup.Element("p", string.Create(CultureInfo.InvariantCulture, $"{errors.Samples:N0} samples, loss {errors.Loss:0.0000}{(errors.Accuracy is double accuracy ? $", accuracy {Share(accuracy)}" : "")}."));
        markup.Open("div", "class", "cards");
        if (errors.Confusion is { } matrix)
        {
            if (matrix.Classes.Count <= MostClassesDrawn)
            {
                markup.Raw(Charts.Confusion("Confusion matrix (rows: true classes)", matrix));
            }
            else
            {
                markup.Raw(Table("Most frequent confusions", ["true class", "taken for", ">times"], matrix.MostConfused(MostBars).Select(pair => new[] { matrix.Classes[pair.Actual], matrix.Classes[pair.Predicted], TextTable.Number(pair.Count) })));
            }
        }

        if (errors.Calibration is { } calibration)
        {
            markup.Raw(Charts.Reliability(string.Create(CultureInfo.InvariantCulture, $"Calibration: expected error {Share(calibration.ExpectedError)}, largest {Share(calibration.LargestError)}"), calibration));
        }

        if (errors.Classes.Count > 0)
        {
            markup.Raw(Table("Classes", ["class", ">precision", ">recall", ">F1", ">support"], errors.Classes.Select(static quality => new[] { quality.Name, Share(quality.Precision), Share(quality.Recall), Share(quality.F1), TextTable.Number(quality.Support) }), tall: true));
        }

        if (errors.Residuals is { } residuals)
        {
            markup.Raw(Charts.Scatter(string.Create(CultureInfo.InvariantCulture, $"Predictions, R² {residuals.Determination:0.0000}"), "true value", "prediction", residuals.Points));
            markup.Raw(Charts.Histogram("Residuals", "prediction minus true value", "count", [.. residuals.Histogram.Select(static bar => (bar.From, bar.To, (double)bar.Count))]));
            markup.Raw(Table("Residuals", ["statistic", ">value"], [
                ["mean (bias)", Fixed(residuals.Mean, "G4")],
                ["mean absolute", Fixed(residuals.MeanAbsolute, "G4")],
                ["root mean square", Fixed(residuals.RootMeanSquare, "G4")],
                .. residuals.Quantiles.Select(static pair => new[] { string.Create(CultureInfo.InvariantCulture, $"{100 * pair.Share:0} % are below"), Fixed(pair.Error, "G4") })]));
        }

        markup.CloseLine();
        if (errors.Worst.Count > 0)
        {
            markup.Raw(errors.Worst.All(static sample => sample.Picture is not null)
                ? Pictures(errors.Worst)
                : Table("Largest losses", [">sample", ">loss", "true", "predicted", ">confidence"], errors.Worst.Select(static sample => new[] { TextTable.Number(sample.Index), Fixed(sample.Loss, "0.000"), sample.Actual, sample.Predicted, Share(sample.Confidence) }), tall: true));
        }

        return markup.ToString();
    }

    private static string Pictures(IReadOnlyList<WorstSample> samples)
    {
        var markup = new Markup();
        markup.Open("div", "class", "card", "style", "margin-top:14px").Element("h3", "Largest losses: true class, what it was taken for, how surely").Open("div", "class", "samples");
        foreach (WorstSample sample in samples)
        {
            SamplePicture picture = sample.Picture!;
            markup.Open("figure").Empty(
                "img",
                "src",
                "data:image/png;base64," + Convert.ToBase64String(picture.ToPng()),
                "alt",
                string.Create(CultureInfo.InvariantCulture, $"sample {sample.Index}"),
                "class",
                Math.Max(picture.Width, picture.Height) <= SmallPicture ? "small" : "large",
                "width",
                picture.Width,
                "height",
                picture.Height);
            markup.Open("figcaption").Element("b", $"{sample.Actual} → {sample.Predicted}").Empty("br");
            markup.Text(string.Create(CultureInfo.InvariantCulture, $"{(sample.Confidence is double confidence ? $"{100 * confidence:0} %, " : "")}#{sample.Index}")).Close().Close();
        }

        return markup.Close().CloseLine().ToString();
    }

    private string Verification()
    {
        VerifyReport report = options.Verification!;
        var markup = new Markup();
        markup.Element("p", string.Create(CultureInfo.InvariantCulture, $"{report.Samples:N0} samples through each path; errors against eager code."));
        markup.Raw(Table("Paths", ["path", ">largest error", ">relative", ">agreement", ">accuracy", ">size", ">latency"], report.Rows.Select(static row => new[]
        {
            row.Path,
            Error(row.MaxAbsoluteError),
            Error(row.MaxRelativeError),
            Share(row.Agreement),
            Share(row.Accuracy),
            row.Bytes is long bytes ? TextTable.Bytes(bytes) : "–",
            row.LatencyMs is double latency ? Fixed(latency, "0.000") + " ms" : "–",
        })));
        foreach (VerifyRow row in report.Rows.Where(static row => !row.Passed))
        {
            markup.Element("p", $"{row.Path} is not verified: {row.Failure}", "class", "bad");
        }

        return markup.ToString();
    }

    private static string Error(double? error) => error is not double known ? "–" : known == 0 ? "0" : Fixed(known, "0.0e+0");

    private string Model()
    {
        var markup = new Markup();
        markup.Open("div", "class", "cards");
        markup.Open("div", "class", "tall").Raw(Charts.Layers("Graph", summary)).Close();
        markup.Raw(Table(
            "Layers",
            ["layer", "type", "output", ">parameters", ">FLOPs a sample"],
            summary.Layers.Select(static layer => new[] { layer.Name.Length > 0 ? layer.Name : "", layer.Type, layer.OutputShape, layer.Parameters > 0 ? TextTable.Number(layer.Parameters) : "–", layer.FlopsPerSample > 0 ? TextTable.Number(layer.FlopsPerSample) : "–" })
                .Append(["all", "", "", TextTable.Number(summary.Parameters), TextTable.Number(summary.FlopsPerSample)]),
            tall: true,
            sum: true));
        return markup.CloseLine().ToString();
    }

    private string Profile()
    {
        StepProfile profile = options.Profile!;
        var markup = new Markup();
        markup.Element("p", string.Create(CultureInfo.InvariantCulture, $"A step of {profile.Batch} samples takes {profile.StepSeconds * 1e3:0.00} ms: {profile.Batch / profile.StepSeconds:N0} samples/s. Limits of this machine: {profile.Limits}."));
        markup.Open("div", "class", "cards");
        ProfiledLayer[] layers = [.. profile.Layers.OrderByDescending(static layer => layer.Seconds).Take(MostBars)];
        markup.Raw(Charts.Bars("Time by layer", ["forward", "backward", "update"], [.. layers.Select(layer => (layer.Name, new[] { layer.ForwardSeconds, layer.BackwardSeconds, layer.UpdateSeconds }, string.Create(CultureInfo.InvariantCulture, $"{layer.Seconds * 1e3:0.00} ms, {100 * layer.Seconds / profile.StepSeconds:0.0} %")))]));
        markup.Raw(Table("Operations that take longest", ["layer", ">ms", ">share", ">of limit", "kernel", "phase", ">GFLOP/s", ">GB/s"], profile.Operations.OrderByDescending(static operation => operation.Seconds).Take(MostBars).Select(operation => new[]
        {
            Charts.Shortened(StepProfile.NameOf(operation.Operation), 30),
            Fixed(operation.Seconds * 1e3, "0.000"),
            Fixed(100 * operation.Seconds / profile.StepSeconds, "0.0") + " %",
            Fixed(100 * operation.ShareOfLimit, "0") + " %",
            Charts.Shortened(operation.Operation.Kernel, 28),
            operation.Operation.Phase.ToString().ToLowerInvariant(),
            operation.Operation.Flops > 0 ? Fixed(operation.GigaflopsPerSecond, "0.0") : "–",
            operation.Operation.Bytes > 0 ? Fixed(operation.GigabytesPerSecond, "0.0") : "–",
        }), tall: true, wide: true));
        return markup.CloseLine().ToString();
    }

    private string Memory()
    {
        var markup = new Markup();
        markup.Open("div", "class", "cards");
        markup.Raw(Table(
            string.Create(CultureInfo.InvariantCulture, $"A training step of {memory.Batch} samples"),
            ["part", ">planned", ">measured"],
            memory.Parts.Select(static part => new[] { part.Name, part.PlannedBytes is long planned ? TextTable.Bytes(planned) : "–", TextTable.Bytes(part.MeasuredBytes) }),
            sum: true));
        if (history.Memory.Count > 1)
        {
            Series Line(string name, Func<MemorySample, long> bytes) => new(name, [.. history.Memory.Select(point => (point.Elapsed.TotalSeconds, bytes(point.Memory) / Mebibyte))]);
            markup.Raw(Charts.Lines("Memory over the fit", "seconds", "MiB", [Line("process, resident", static sample => sample.ResidentBytes), Line("kernels, native", static sample => sample.KernelBytes), Line("managed heap", static sample => sample.ManagedBytes)], fromZero: true));
        }

        if (options.Resources is { Count: > 1 } resources)
        {
            List<Series> lines = [new("processor", [.. resources.Select(static sample => (sample.Elapsed.TotalSeconds, 100 * sample.CpuShare))])];
            lines.AddRange(Enumerable.Range(0, resources[0].Gpus.Count).Select(gpu => new Series(resources[0].Gpus[gpu].Name, [.. resources.Select(sample => (sample.Elapsed.TotalSeconds, 100 * sample.Gpus[gpu].UtilizationShare))])));
            markup.Raw(Charts.Lines("Processor in use", "seconds", "% of all processors", lines, fromZero: true));
        }

        List<string[]> process =
        [
            ["resident now", TextTable.Bytes(memory.Process.ResidentBytes)],
            ["most resident", TextTable.Bytes(memory.PeakResidentBytes)],
            ["managed heap", TextTable.Bytes(memory.Process.ManagedBytes)],
            ["kernels' native memory", TextTable.Bytes(memory.Process.KernelBytes)],
            ["GPU", memory.Gpus.Count == 0 ? Nvml.Status : string.Join(", ", memory.Gpus.Select(static gpu => $"{gpu.Name}, {TextTable.Bytes(gpu.UsedBytes)} in use"))],
        ];
        markup.Raw(Table("Process", ["", ">"], process));
        return markup.CloseLine().ToString();
    }

    private string Settings() => Table("Settings", ["setting", "value"], settings.Select(static pair => new[] { pair.Key, Convert.ToString(pair.Value, CultureInfo.InvariantCulture)! }));

    /// <summary>A table in a card; a title that begins with '&gt;' is that of a column of numbers.</summary>
    private static string Table(string title, string[] columns, IEnumerable<string[]> rows, bool tall = false, bool sum = false, bool wide = false)
    {
        var markup = new Markup();
        markup.Open("div", "class", wide ? "card wide" : "card").Element("h3", title).Open("div", "class", tall ? "scroll tall" : "scroll").Open("table").Open("thead").Open("tr");
        object[] Class(string column) => column.StartsWith('>') ? ["class", "n"] : [];
        foreach (string column in columns)
        {
            markup.Element("th", column.TrimStart('>'), Class(column));
        }

        markup.Close().Close().Open("tbody");
        string[][] all = [.. rows];
        for (int i = 0; i < all.Length; i++)
        {
            markup.Open("tr", sum && i == all.Length - 1 ? ["class", "sum"] : []);
            for (int column = 0; column < columns.Length; column++)
            {
                markup.Element("td", all[i][column], Class(columns[column]));
            }

            markup.CloseLine();
        }

        return markup.Close().Close().Close().CloseLine().ToString();
    }
}
