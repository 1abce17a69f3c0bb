using System.Globalization;

namespace ModelGen.Onnx.Quantization;

/// <summary>Looks for the fastest model that keeps an accuracy.</summary>
internal sealed class AccuracySearch(OnnxModel model, IEnumerable<IReadOnlyDictionary<string, OnnxTensor>> calibration, Func<OnnxModel, double> evaluate, AccuracyOptions options)
{
    private readonly List<string> log = [];

    public QuantizationResult Run()
    {
        if (options.Recipes.Count == 0 || !(options.MaxAccuracyDrop >= 0))
        {
            throw new ArgumentException("There must be at least one recipe, and the largest loss must not be negative.");
        }

        double reference = evaluate(model);
        double needed = reference - (Math.Abs(reference) * options.MaxAccuracyDrop);
        (StaticQuantization Work, StaticQuantizationOptions Recipe, QuantizationResult Result, double Score)? best = null;
        foreach (StaticQuantizationOptions recipe in options.Recipes)
        {
            var work = new StaticQuantization(model, calibration, recipe);
            QuantizationResult result = work.Quantize(recipe.ExcludeNodes);
            double score = evaluate(result.Model);
            log.Add($"{string.Join(", ", result.Report.Steps)}: {Show(score)}");
            if (best is null || score > best.Value.Score)
            {
                best = (work, recipe, result, score);
            }

            if (score >= needed)
            {
                return Finished(result, reference, score);
            }
        }

        (QuantizationResult mixed, double reached) = Mix(best!.Value.Work, best.Value.Recipe, needed);
        return Finished(mixed, reference, reached);
    }

    // The fewest nodes, in the order of harm for work saved, that must stay float; then those go back that are not needed after all.
    private (QuantizationResult Result, double Score) Mix(StaticQuantization work, StaticQuantizationOptions recipe, double needed)
    {
        string[] ranked = [.. Ranked(work, recipe)];
        (QuantizationResult Result, double Score) Try(IEnumerable<string> floats)
        {
            QuantizationResult result = work.Quantize([.. recipe.ExcludeNodes, .. floats]);
            return (result, evaluate(result.Model));
        }

        int low = 0;
        int high = ranked.Length;
        var found = Try(ranked);
        while (high - low > 1)
        {
            int middle = (low + high) / 2;
            var trial = Try(ranked.Take(middle));
            (low, high, found) = trial.Score >= needed ? (low, middle, trial) : (middle, high, found);
        }

        List<string> floats = [.. ranked.Take(high)];
        foreach (string candidate in ranked.Take(high).Reverse().Skip(1).ToArray())
        {
            var trial = Try(floats.Where(name => name != candidate));
            if (trial.Score >= needed)
            {
                floats.Remove(candidate);
                found = trial;
            }
        }

        log.Add($"float: {string.Join(", ", floats)}: {Show(found.Score)}");
        return found;
    }

    private IEnumerable<string> Ranked(StaticQuantization work, StaticQuantizationOptions recipe)
    {
        string[] products = [.. work.Products.Select(static product => product.Node.Name).Where(name => !recipe.ExcludeNodes.Contains(name))];
        IReadOnlyDictionary<string, OnnxTensor>[] samples = [.. calibration.Take(options.SensitivitySamples)];
        IReadOnlyDictionary<string, double> cost = work.Multiplications();
        var harm = new Dictionary<string, double>(StringComparer.Ordinal);
        foreach (string product in products)
        {
            QuantizationResult only = work.Quantize([.. recipe.ExcludeNodes, .. products.Where(name => name != product)]);
            harm[product] = OutputNoise.Measure(model, only.Model, samples) / Math.Max(cost.GetValueOrDefault(product), 1);
        }

        return products.OrderByDescending(product => harm[product]);
    }

    private QuantizationResult Finished(QuantizationResult result, double reference, double score) =>
        result with { Report = result.Report with { Steps = log, FloatScore = reference, QuantizedScore = score } };

    private static string Show(double score) => score.ToString("0.####", CultureInfo.InvariantCulture);
}
