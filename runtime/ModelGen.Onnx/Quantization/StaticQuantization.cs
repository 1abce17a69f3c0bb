using ModelGen.Onnx.Proto;

namespace ModelGen.Onnx.Quantization;

/// <summary>Static quantization of one model with one set of samples: what is measured is kept, so that variants with other float nodes cost no new run over the samples.</summary>
internal sealed class StaticQuantization
{
    private readonly OnnxModel source;
    private readonly OnnxModel prepared;
    private readonly IEnumerable<IReadOnlyDictionary<string, OnnxTensor>> calibration;
    private readonly StaticQuantizationOptions options;
    private readonly List<string> steps = [];
    private readonly Dictionary<string, ValueRange> ranges = new(StringComparer.Ordinal);
    private readonly Dictionary<string, (IntegerGrid Input, ProductWeights Weights)> weights = new(StringComparer.Ordinal);

    public StaticQuantization(OnnxModel model, IEnumerable<IReadOnlyDictionary<string, OnnxTensor>> calibration, StaticQuantizationOptions options)
    {
        options.Check();
        (source, this.calibration, this.options) = (model, calibration, options);
        prepared = GraphPreparation.Prepare(model, options.Opset);
        if (options.EqualizeLayers)
        {
            steps.Add($"equalised {LayerEqualization.Apply(prepared)} pairs of layers");
        }

        if (options.SmoothQuant is double exponent)
        {
            steps.Add($"smoothed {ActivationSmoothing.Apply(prepared, calibration, exponent)} normalisations");
        }
    }

    /// <summary>Products that can be quantized.</summary>
    public IReadOnlyList<IntegerProduct> Products => new QuantizationPlan(prepared.Proto.Graph, options with { ExcludeNodes = [] }).Products;

    /// <summary>The model with some nodes left float.</summary>
    public QuantizationResult Quantize(IReadOnlyCollection<string> floatNodes)
    {
        var plan = new QuantizationPlan(prepared.Proto.Graph, options with { ExcludeNodes = floatNodes });
        string[] unknown = [.. plan.Measured.Where(value => !ranges.ContainsKey(value))];
        if (unknown.Length > 0 || ranges.Count == 0)
        {
            foreach ((string name, ValueRange range) in RangeCalibrator.Run(prepared, unknown, calibration, options))
            {
                ranges[name] = range;
            }
        }

        Dictionary<string, IntegerGrid> grids = plan.Quantized.Concat(plan.Products.Select(static product => product.Input)).Distinct()
            .ToDictionary(static value => value, value => plan.Grid(value, ranges), StringComparer.Ordinal);
        IntegerProduct[] missing = [.. plan.Products.Where(product => !weights.TryGetValue(product.Node.Name, out var known) || known.Input != grids[product.Input])];
        if (missing.Length > 0)
        {
            foreach ((string name, ProductWeights quantized) in ProductQuantizer.Run(prepared, plan.Index, missing, grids, calibration, options))
            {
                weights[name] = (grids[missing.First(product => product.Node.Name == name).Input], quantized);
            }
        }

        Dictionary<string, ProductWeights> chosen = plan.Products.ToDictionary(static product => product.Node.Name, product => weights[product.Node.Name].Weights, StringComparer.Ordinal);
        var writer = new QdqWriter(prepared, plan, grids, chosen, options);
        OnnxModel model = writer.Write();
        return Quantizer.Result(source, model, plan.Report, Steps(plan, writer.Folded));
    }

    /// <summary>Multiplications of each product for one sample.</summary>
    public IReadOnlyDictionary<string, double> Multiplications()
    {
        ILookup<string, IntegerProduct> products = Products.ToLookup(static product => product.Node.Output[0], StringComparer.Ordinal);
        var index = new GraphIndex(prepared.Proto.Graph);
        var counts = new System.Collections.Concurrent.ConcurrentDictionary<string, double>(StringComparer.Ordinal);
        using var reader = new ActivationReader(prepared, products.Select(static group => group.Key));
        reader.Read(calibration.First(), (name, values, _) =>
        {
            foreach (IntegerProduct product in products[name])
            {
                TensorProto weight = index.FloatInitializer(product.Weight)!;
                counts[product.Node.Name] = (double)values.Length * weight.Dims.Aggregate(1L, static (count, size) => count * size) / Math.Max(1, weight.Dims[product.ChannelAxis]);
            }
        });
        return counts;
    }

    private List<string> Steps(QuantizationPlan plan, IReadOnlyList<string> folded)
    {
        List<string> all = [$"ranges by {options.Calibration}", .. steps];
        if (options.Rounding == WeightRounding.Adaptive)
        {
            all.Add($"rounded the weights of {plan.Products.Count} products adaptively");
        }

        if (options.CorrectBias)
        {
            all.Add($"corrected {plan.Products.Count(static product => product.Bias is not null)} biases");
        }

        if (folded.Count > 0)
        {
            all.Add($"folded the image columns of {string.Join(", ", folded)}");
        }

        return all;
    }
}
