using ModelGen.Onnx.Proto;

namespace ModelGen.Onnx.Quantization;

/// <summary>Integer weights of one product, in the order of its tensor.</summary>
/// <param name="Integers">Integers.</param>
/// <param name="Scales">A scale per output channel.</param>
/// <param name="Bias">The float bias, corrected where that is wanted; null for none.</param>
internal sealed record ProductWeights(sbyte[] Integers, float[] Scales, float[]? Bias);

/// <summary>Quantizes the weights of all products of a plan.</summary>
internal static class ProductQuantizer
{
    // Places of a sample whose inputs are looked at: many samples matter more than many places of one.
    private const int RowsPerSample = 32;

    public static IReadOnlyDictionary<string, ProductWeights> Run(
        OnnxModel model, GraphIndex index, IReadOnlyList<IntegerProduct> products, IReadOnlyDictionary<string, IntegerGrid> grids, IEnumerable<IReadOnlyDictionary<string, OnnxTensor>> samples, StaticQuantizationOptions options,
        Func<IntegerProduct, float[]?>? given = null)
    {
        Dictionary<string, InputStatistics> statistics = options.NeedsInputStatistics
            ? Measure(model, index, products, name => grids[name], samples, options.Rounding == WeightRounding.Adaptive) : [];
        return products.ToDictionary(static product => product.Node.Name, product => Quantize(index, product, grids[product.Input], statistics.GetValueOrDefault(product.Node.Name), options, given?.Invoke(product)), StringComparer.Ordinal);
    }

    /// <summary>Means and, where wanted, second moments of the inputs of products.</summary>
    public static Dictionary<string, InputStatistics> Measure(
        OnnxModel model, GraphIndex index, IReadOnlyList<IntegerProduct> products, Func<string, IntegerGrid?> grids, IEnumerable<IReadOnlyDictionary<string, OnnxTensor>> samples, bool moments)
    {
        Dictionary<string, InputStatistics> all = products.ToDictionary(
            static product => product.Node.Name,
            product =>
            {
                TensorProto tensor = index.FloatInitializer(product.Weight)!;
                long outputs = tensor.Dims[product.ChannelAxis];
                return new InputStatistics(product, tensor, (int)(tensor.Dims.Aggregate(1L, static (count, size) => count * size) / Math.Max(outputs, 1)), moments);
            },
            StringComparer.Ordinal);
        ILookup<string, IntegerProduct> readers = products.ToLookup(static product => product.Input, StringComparer.Ordinal);
        using var reader = new ActivationReader(model, readers.Select(static group => group.Key));
        foreach (IReadOnlyDictionary<string, OnnxTensor> sample in samples)
        {
            reader.Read(sample, (name, values, shape) =>
            {
                foreach (IntegerProduct product in readers[name])
                {
                    all[product.Node.Name].Add(values, shape, grids(name), RowsPerSample);
                }
            });
        }

        return all;
    }

    private static ProductWeights Quantize(GraphIndex index, IntegerProduct product, IntegerGrid input, InputStatistics? statistics, StaticQuantizationOptions options, float[]? given)
    {
        TensorProto tensor = index.FloatInitializer(product.Weight)!;
        WeightMatrix weights = WeightMatrix.Of(tensor, product.ChannelAxis);
        float[]? bias = product.Bias is null ? null : TensorBytes.Floats(index.FloatInitializer(product.Bias)!);
        float[] scales = given ?? WeightQuantizer.Scales(weights, input.Scale, bias, options);
        if (scales.Length != weights.Outputs)
        {
            throw new ArgumentException($"The weights of '{product.Result}' have {weights.Outputs} output channels, but the table has {scales.Length} scales for them.", nameof(given));
        }

        int largest = WeightQuantizer.Largest(options);
        bool usable = statistics is { Count: > 0 } && weights.Inputs > 0;
        sbyte[] integers = usable && options.Rounding == WeightRounding.Adaptive ? Adaptive(weights, scales, statistics!, largest) : WeightQuantizer.Nearest(weights, scales, largest);
        if (usable && options.CorrectBias && bias is not null)
        {
            bias = Corrected(weights, scales, integers, statistics!, bias);
        }

        return new ProductWeights(weights.ToTensor(integers, product.ChannelAxis), scales, bias);
    }

    private static sbyte[] Adaptive(WeightMatrix weights, float[] scales, InputStatistics statistics, int largest)
    {
        sbyte[] integers = new sbyte[weights.Rows.Length];
        int perGroup = weights.Outputs / statistics.Moments.Length;
        for (int group = 0; group < statistics.Moments.Length; group++)
        {
            var rounding = new AdaptiveRounding(statistics.Moments[group], weights.Inputs, statistics.Count);
            Parallel.For(group * perGroup, (group + 1) * perGroup, output =>
                rounding.Round(weights.Row(output), _ => scales[output], integers.AsSpan(output * weights.Inputs, weights.Inputs), _ => (-largest, largest)));
        }

        return integers;
    }

    // The mean of W x over the samples, less the mean of what the integers make of it.
    private static float[] Corrected(WeightMatrix weights, float[] scales, sbyte[] integers, InputStatistics statistics, float[] bias)
    {
        int perGroup = weights.Outputs / statistics.FloatMeans.Length;
        return
        [
            .. bias.Select((value, output) =>
            {
                double error = 0;
                for (int i = 0; i < weights.Inputs; i++)
                {
                    int at = (output * weights.Inputs) + i;
                    error += (weights.Rows[at] * statistics.FloatMeans[output / perGroup][i]) - (integers[at] * (double)scales[output] * statistics.IntegerMeans[output / perGroup][i]);
                }

                return (float)(value + (error / statistics.Count));
            }),
        ];
    }
}
