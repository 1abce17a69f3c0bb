using ModelGen.Onnx.Proto;

namespace ModelGen.Onnx.Quantization;

/// <summary>Static quantization in two halves: scales from samples, and integers from scales. What is quantized is decided by the same plan in both.</summary>
internal sealed class TableQuantization
{
    private readonly OnnxModel source;
    private readonly OnnxModel prepared;
    private readonly StaticQuantizationOptions options;
    private readonly QuantizationPlan plan;

    public TableQuantization(OnnxModel model, StaticQuantizationOptions options)
    {
        options.Check();
        if (options.EqualizeLayers || options.SmoothQuant is not null || options.NeedsInputStatistics)
        {
            throw new ArgumentException("Equalisation, SmoothQuant, bias correction and adaptive rounding change the weights that the scales were found for; leave them off.", nameof(options));
        }

        (source, this.options) = (model, options);
        prepared = GraphPreparation.Prepare(model, options.Opset);
        plan = new QuantizationPlan(prepared.Proto.Graph, options);
    }

    private IReadOnlyList<string> Products => [.. plan.Products.Select(static product => product.Result), .. plan.Embeddings.Select(static node => node.Output[0])];

    public CalibrationTable Calibrate(IEnumerable<IReadOnlyDictionary<string, OnnxTensor>> samples)
    {
        string[] measured = [.. plan.Measured];
        IReadOnlyDictionary<string, ValueRange> ranges = RangeCalibrator.Run(prepared, measured, samples, options);
        return new CalibrationTable(
            [
                .. measured.Select(value =>
                {
                    IntegerGrid grid = plan.Grid(value, ranges);
                    return new ActivationScale(value, grid.Scale, grid.ZeroPoint) { Moved = plan.Moved(value), Owner = plan.Owner(value), LargestScale = plan.LargestScale(value, grid) };
                }),
            ],
            Products)
        {
            WeightGrids = Grids(),
        };
    }

    public IReadOnlyDictionary<string, float[]> WeightScales(CalibrationTable table)
    {
        IReadOnlyDictionary<string, ProductWeights> weights = Weights(table, Grids(table));
        return plan.Products.Select(product => (product.Result, weights[product.Node.Name].Scales))
            .Concat(plan.Embeddings.Select(node => (node.Output[0], TableScales(node))))
            .ToDictionary(static pair => pair.Item1, static pair => pair.Item2, StringComparer.Ordinal);
    }

    public QuantizationResult Quantize(CalibrationTable table)
    {
        Dictionary<string, IntegerGrid> grids = Grids(table);
        OnnxModel model = new QdqWriter(prepared, plan, grids, Weights(table, grids), options) { TableScales = node => Given(table, node.Output[0]) ?? TableScales(node) }.Write();
        return Quantizer.Result(source, model, plan.Report, ["scales from a table"]);
    }

    private Dictionary<string, WeightGrid> Grids()
    {
        var weights = new WeightGrid(WeightQuantizer.Largest(options), options.PerChannel);
        return plan.Products.Select(product => (product.Result, weights)).Concat(plan.Embeddings.Select(static node => (node.Output[0], new WeightGrid(WeightQuantizer.LargestInTable, true))))
            .ToDictionary(static pair => pair.Item1, static pair => pair.Item2, StringComparer.Ordinal);
    }

    private void RequireSameGrids(CalibrationTable table)
    {
        foreach ((string product, WeightGrid planned) in Grids())
        {
            if (table.WeightGrids.TryGetValue(product, out WeightGrid? given) && given != planned)
            {
                throw new ArgumentException($"The options round the weights of '{product}' to {Text(planned)}, and the calibration was for {Text(given)}: set WeightBits, PerChannel and ReduceRange as there.", nameof(table));
            }

            if (!planned.PerChannel && Given(table, product)?.Distinct().Count() > 1)
            {
                throw new ArgumentException($"The weights of '{product}' have one scale by the options, but the table has several.", nameof(table));
            }
        }

        static string Text(WeightGrid grid) => $"-{grid.Largest}..{grid.Largest} {(grid.PerChannel ? "per channel" : "with one scale")}";
    }

    private IReadOnlyDictionary<string, ProductWeights> Weights(CalibrationTable table, IReadOnlyDictionary<string, IntegerGrid> grids) =>
        ProductQuantizer.Run(prepared, plan.Index, plan.Products, grids, [], options, product => Given(table, product.Result));

    private float[] TableScales(NodeProto lookup) => WeightQuantizer.TableScales(WeightMatrix.Of(plan.Index.FloatInitializer(lookup.Input[0])!, 1));

    private static float[]? Given(CalibrationTable table, string product) => table.WeightScales.GetValueOrDefault(product);

    private Dictionary<string, IntegerGrid> Grids(CalibrationTable table)
    {
        RequireSame(Products, table.Products, "The results of the integer operators");
        RequireSameGrids(table);
        var known = new Dictionary<string, IntegerGrid>(StringComparer.Ordinal);
        var used = new HashSet<string>(StringComparer.Ordinal);
        foreach (string value in plan.Measured)
        {
            string[] names = [value, .. plan.Moved(value)];
            ActivationScale scale = table.Activations.FirstOrDefault(entry => names.Contains(entry.Name))
                ?? throw new ArgumentException($"The quantizer turns '{value}' ({plan.Index.Producer(value)?.Name ?? "an input"}) into integers, but the table has no scale for it: the model, or the options, are others than those of the calibration.", nameof(table));
            used.UnionWith(names);
            var grid = new IntegerGrid(scale.Scale, scale.ZeroPoint, options.ActivationType);
            string owner = plan.Owner(value);
            if (!known.TryAdd(owner, grid) && known[owner] != grid)
            {
                throw new ArgumentException($"'{value}' and '{owner}' share one scale in the integer model, but the table has two.", nameof(table));
            }
        }

        if (table.Activations.FirstOrDefault(entry => !used.Contains(entry.Name)) is { } unused)
        {
            throw new ArgumentException($"The table has a scale for '{unused.Name}', which the quantizer leaves in float: the model, or the options, are others than those of the calibration.", nameof(table));
        }

        return plan.Quantized.Concat(plan.Products.Select(static product => product.Input)).Distinct()
            .ToDictionary(static value => value, value => known[plan.Owner(value)], StringComparer.Ordinal);
    }

    private static void RequireSame(IEnumerable<string> planned, IEnumerable<string> given, string what)
    {
        string[] missing = [.. planned.Except(given)];
        string[] unplanned = [.. given.Except(planned)];
        if (missing.Length + unplanned.Length > 0)
        {
            throw new ArgumentException($"{what} are others than those of the calibration: {(missing.Length > 0 ? $"the table lacks '{string.Join("', '", missing)}'" : "")}{(missing.Length > 0 && unplanned.Length > 0 ? ", " : "")}{(unplanned.Length > 0 ? $"the quantizer leaves '{string.Join("', '", unplanned)}' in float" : "")}.", nameof(given));
        }
    }
}
