using System.ComponentModel;
using ModelGen.Onnx;
using static TorchSharp.torch;

namespace ModelGen;

/// <summary>
/// Scales and zero points of a model's activations in quantization-aware training (<see cref="TrainAttribute.QuantizationAware"/>). They are buffers of the model, so they are saved and loaded
/// with its weights and are part of checkpoints; a model has them from the first calibration on, or from <see cref="Prepare"/>.
/// </summary>
public sealed class FakeQuantization
{
    private const string ScalesKey = "quantization_scales";
    private const string ZeroPointsKey = "quantization_zero_points";
    private const string ProductsKey = "quantization_products";
    private const string SharedKey = "quantization_shared";

    private const string LimitsKey = "quantization_limits";
    private const string OwnersKey = "quantization_owners";
    private const string WeightScalesKey = "quantization_weight_scales";
    private const string WeightOwnersKey = "quantization_weight_owners";
    private const string WeightRatesKey = "quantization_weight_rates";
    private const string FactorsKey = "quantization_factors";
    private const string WeightFactorsKey = "quantization_weight_factors";

    private readonly nn.Module model;
    private readonly string[] sites;
    private readonly string[] products;
    private readonly int[]? channels;
    private readonly int[]? weightsPerChannel;
    private StaticQuantizationOptions? calibrated;

    /// <summary>Used by generated code only.</summary>
    /// <param name="model">The model.</param>
    /// <param name="sites">ONNX names of the values that training can round.</param>
    /// <param name="products">ONNX names of the results of the operators whose weights it can round.</param>
    /// <param name="channels">Numbers of scales of those weights, where scales are learned; null where they are not.</param>
    /// <param name="weightsPerChannel">Numbers of weights that have one of these scales, where scales are learned.</param>
    [EditorBrowsable(EditorBrowsableState.Never)]
    public FakeQuantization(nn.Module model, string[] sites, string[] products, int[]? channels = null, int[]? weightsPerChannel = null) =>
        (this.model, this.sites, this.products, this.channels, this.weightsPerChannel) = (model, sites, products, channels, weightsPerChannel);

    /// <summary>Whether training steps round as the integer model does.</summary>
    public bool IsCalibrated => Buffer(ScalesKey) is { } scales && Values(scales).Any(static scale => scale > 0);

    /// <summary>Scales and zero points of the values that are rounded, with the values' ONNX names.</summary>
    /// <exception cref="InvalidOperationException">The model is not calibrated.</exception>
    public IReadOnlyList<ActivationScale> Activations => Table().Activations;

    /// <summary>Scales of the weights, one for each output channel, by the ONNX names of the operators' results: those that training has learned. Empty where they follow from the weights.</summary>
    /// <exception cref="InvalidOperationException">The model is not calibrated.</exception>
    public IReadOnlyDictionary<string, float[]> Weights => Table().WeightScales;

    /// <summary>Adds the buffers and the parameters of learned scales to the model, all zero, unless it has them: before a state that was saved with them is loaded.</summary>
    public void Prepare()
    {
        if (Buffer(ScalesKey) is not null)
        {
            return;
        }

        Device device = model.parameters().FirstOrDefault()?.device ?? CPU;
        Tensor Zeros(int count, ScalarType type = ScalarType.Float32) => zeros(count, dtype: type, device: device).DetachFromDisposeScope();
        model.register_buffer(ScalesKey, Zeros(sites.Length));
        model.register_buffer(ZeroPointsKey, Zeros(sites.Length));
        model.register_buffer(ProductsKey, Zeros(products.Length));
        model.register_buffer(SharedKey, Zeros(products.Length));
        if (channels is not null)
        {
            model.register_buffer(LimitsKey, Zeros(sites.Length));
            model.register_buffer(OwnersKey, Zeros(sites.Length, ScalarType.Int64));
            model.register_buffer(WeightScalesKey, Zeros(channels.Sum()));
            model.register_buffer(WeightOwnersKey, Zeros(channels.Sum(), ScalarType.Int64));
            model.register_buffer(WeightRatesKey, Zeros(channels.Sum()));
            AddParameter(FactorsKey, sites.Length);
            AddParameter(WeightFactorsKey, channels.Sum());
        }

        void AddParameter(string key, int count)
        {
            var parameter = new TorchSharp.Modules.Parameter(Zeros(count));
            parameter.DetachFromDisposeScope();
            model.register_parameter(key, parameter);
        }
    }

    /// <summary>Forgets the scales: training steps are those of the float model again.</summary>
    public void Reset()
    {
        if (Buffer(ScalesKey) is not null)
        {
            Store([], new CalibrationTable([], []));
        }

        calibrated = null;
    }

    /// <summary>Finds the scales. Used by generated code only.</summary>
    /// <param name="graph">The exported float model.</param>
    /// <param name="samples">Typical inputs.</param>
    /// <param name="options">Settings; null for the defaults.</param>
    /// <param name="method">The calibration that <c>[Quantize]</c> names.</param>
    /// <exception cref="ArgumentException">There are no samples, one does not fit the model, or an option has no meaning for training.</exception>
    /// <exception cref="NotSupportedException">The quantizer would turn a value into integers that training cannot round.</exception>
    [EditorBrowsable(EditorBrowsableState.Never)]
    public void Calibrate(OnnxModel graph, CalibrationData samples, QuantizationOptions? options, Calibration method)
    {
        StaticQuantizationOptions chosen = QuantizedExport.StaticOptions(options, method);
        Check(options, chosen);
        CalibrationTable table = Quantizer.Calibrate(graph, samples.Batches(graph), chosen);
        var scales = new Dictionary<string, ActivationScale>(StringComparer.Ordinal);
        foreach (ActivationScale entry in table.Activations)
        {
            string[] here = [.. entry.Moved.Prepend(entry.Name).Where(sites.Contains)];
            foreach (string site in here.Length > 0 ? here : throw Unknown($"value '{entry.Name}'"))
            {
                scales.TryAdd(site, entry with { Name = site, Moved = [] });
            }
        }

        if (table.Products.FirstOrDefault(product => !products.Contains(product)) is { } unknown)
        {
            throw Unknown($"weights of the operator that makes '{unknown}'");
        }

        Prepare();
        Store(scales, channels is null ? table : table with { WeightScales = Quantizer.WeightScales(graph, table, chosen) });
        calibrated = chosen;
    }

    /// <summary>Quantizes with the scales of training. Used by generated code only.</summary>
    /// <param name="graph">The exported float model.</param>
    /// <param name="options">Settings; null for the defaults and those of the calibration.</param>
    /// <returns>The quantized model.</returns>
    /// <exception cref="InvalidOperationException">The model is not calibrated.</exception>
    /// <exception cref="ArgumentException">The options, or the graph, are others than those of the calibration.</exception>
    [EditorBrowsable(EditorBrowsableState.Never)]
    public OnnxModel Export(OnnxModel graph, QuantizationOptions? options)
    {
        CalibrationTable table = Table();
        StaticQuantizationOptions chosen = options?.Static ?? calibrated ?? Stored(table);
        Check(options, chosen);
        return Quantizer.QuantizeStatic(graph, table, chosen).Model;
    }

    /// <summary>What a loaded state says of the weights; other options are not stored.</summary>
    private static StaticQuantizationOptions Stored(CalibrationTable table)
    {
        int largest = table.WeightGrids.Values.Min(static grid => grid.Largest);
        return new StaticQuantizationOptions { WeightBits = largest == 7 ? 4 : 8, ReduceRange = largest == 63, PerChannel = table.WeightGrids.Values.All(static grid => grid.PerChannel) };
    }

    /// <summary>Throws when there are no scales. Used by generated code only.</summary>
    /// <exception cref="InvalidOperationException">The model is not calibrated.</exception>
    [EditorBrowsable(EditorBrowsableState.Never)]
    public void RequireScales()
    {
        if (!IsCalibrated)
        {
            throw new InvalidOperationException($"{model.GetType().Name} has no scales yet: call Calibrate with typical inputs, or Quantization.Prepare() and load a state that was saved after a calibration.");
        }
    }

    private CalibrationTable Table()
    {
        RequireScales();
        (float[] scales, float[] zeros, float[] integers, float[] shared) = (Values(Buffer(ScalesKey)!), Values(Buffer(ZeroPointsKey)!), Values(Buffer(ProductsKey)!), Values(Buffer(SharedKey)!));
        if (channels is not null)
        {
            scales = Learned(FactorsKey, scales, Values(Buffer(LimitsKey)!), OwnersKey);
        }

        return new CalibrationTable(
            [.. sites.Select((site, index) => new ActivationScale(site, scales[index], (int)zeros[index])).Where(static entry => entry.Scale > 0)],
            [.. products.Where((_, index) => integers[index] > 0)])
        {
            WeightGrids = products.Select((product, index) => (product, index)).Where(pair => integers[pair.index] > 0)
                .ToDictionary(static pair => pair.product, pair => new WeightGrid((int)integers[pair.index], shared[pair.index] == 0), StringComparer.Ordinal),
            WeightScales = channels is null ? new Dictionary<string, float[]>() : LearnedWeights(integers),
        };
    }

    private Dictionary<string, float[]> LearnedWeights(float[] integers)
    {
        float[] all = Learned(WeightFactorsKey, Values(Buffer(WeightScalesKey)!), null, WeightOwnersKey);
        var scales = new Dictionary<string, float[]>(StringComparer.Ordinal);
        int offset = 0;
        for (int i = 0; i < products.Length; offset += channels![i++])
        {
            if (integers[i] > 0)
            {
                scales.Add(products[i], all[offset..(offset + channels![i])]);
            }
        }

        return scales;
    }

    /// <summary>The numbers of <see cref="Kernels.FakeQuantize.LearnedScale"/>, one by one, each where its owner's is wanted.</summary>
    private float[] Learned(string key, float[] references, float[]? limits, string ownersKey)
    {
        using Tensor host = model.get_parameter(key)!.detach().cpu();
        float[] factors = host.data<float>().ToArray();
        float[] own = [.. factors.Select((factor, index) => MathF.Min(limits?[index] ?? float.MaxValue, MathF.Max(factor, Kernels.FakeQuantize.SmallestFactor) * references[index]))];
        using Tensor owners = Buffer(ownersKey)!.cpu();
        return [.. owners.data<long>().ToArray().Select(owner => own[owner])];
    }

    /// <summary>Whether a state-dict key is that of learned scales.</summary>
    internal static bool IsFactor(string key) => key is FactorsKey or WeightFactorsKey;

    private void Check(QuantizationOptions? options, StaticQuantizationOptions chosen)
    {
        if (options?.Mode is not (null or QuantizationMode.Static))
        {
            throw new ArgumentException($"Quantization-aware training is for static quantization; QuantizationOptions.Mode is {options.Mode}.", nameof(options));
        }

        if (chosen.ActivationType != OnnxType.UInt8)
        {
            throw new ArgumentException($"Quantization-aware training rounds activations to UInt8, not to {chosen.ActivationType}; leave ActivationType at its default.", nameof(options));
        }

        if (chosen.ClipWeights && channels is null)
        {
            throw new ArgumentException("QuantizationAware.StraightThrough takes the scales of weights from the largest of them at each step; ClipWeights is where QuantizationAware.LearnedStepSize can start.", nameof(options));
        }
    }

    private NotSupportedException Unknown(string what) => new(
        $"The integer model of {model.GetType().Name} would round the {what}, and training cannot. Name its node in StaticQuantizationOptions.ExcludeNodes, so that it stays float in both.");

    private void Store(Dictionary<string, ActivationScale> scales, CalibrationTable table)
    {
        T[] OfSites<T>(Func<ActivationScale, T> value, T otherwise) => [.. sites.Select(site => scales.TryGetValue(site, out ActivationScale? entry) ? value(entry) : otherwise)];
        Put(Buffer(ScalesKey)!, OfSites(static entry => entry.Scale, 0));
        Put(Buffer(ZeroPointsKey)!, OfSites(static entry => entry.ZeroPoint, 0f));
        WeightGrid?[] grids = [.. products.Select(product => table.WeightGrids.GetValueOrDefault(product))];
        Put(Buffer(ProductsKey)!, [.. grids.Select(static grid => (float)(grid?.Largest ?? 0))]);
        Put(Buffer(SharedKey)!, [.. grids.Select(static grid => grid is { PerChannel: false } ? 1f : 0)]);
        if (channels is null)
        {
            return;
        }

        // Sites of one owner learn one scale, that of the first.
        string?[] names = OfSites<string?>(static entry => entry.Owner, null);
        Put(Buffer(OwnersKey)!, [.. names.Select((name, index) => name is null ? index : (long)Array.IndexOf(names, name))]);
        Put(Buffer(LimitsKey)!, OfSites(static entry => entry.LargestScale, float.PositiveInfinity));
        Put(Buffer(WeightScalesKey)!, [.. products.SelectMany((product, index) => table.WeightScales.TryGetValue(product, out float[]? known) ? known : new float[channels[index]])]);
        PutOwnersAndRates(grids);
        Put(model.get_parameter(FactorsKey)!, [.. sites.Select(static _ => 1f)]);
        Put(model.get_parameter(WeightFactorsKey)!, [.. Enumerable.Repeat(1f, channels.Sum())]);
    }

    /// <summary>
    /// The first channel owns a scale that all share. The gradient of a scale is multiplied by one over the square root of the weights that share it times the largest integer (section 2.2 of
    /// arXiv:1902.08153).
    /// </summary>
    private void PutOwnersAndRates(WeightGrid?[] grids)
    {
        var owners = new List<long>();
        var rates = new List<float>();
        for (int i = 0; i < grids.Length; i++)
        {
            WeightGrid grid = grids[i] ?? new WeightGrid(1, true);
            int first = owners.Count;
            double sharing = (double)weightsPerChannel![i] * (grid.PerChannel ? 1 : channels![i]);
            owners.AddRange(Enumerable.Range(0, channels![i]).Select(channel => (long)(grid.PerChannel ? first + channel : first)));
            rates.AddRange(Enumerable.Repeat((float)(1 / Math.Sqrt(Math.Max(sharing, 1) * grid.Largest)), channels[i]));
        }

        Put(Buffer(WeightOwnersKey)!, owners.ToArray());
        Put(Buffer(WeightRatesKey)!, rates.ToArray());
    }

    private static void Put<T>(Tensor target, T[] values)
        where T : unmanaged
    {
        using IDisposable guard = no_grad();
        using Tensor source = values is long[] whole ? tensor(whole) : tensor((float[])(object)values);
        target.copy_(source).DisposeAliasOf(target);
    }

    private static float[] Values(Tensor buffer)
    {
        using Tensor host = buffer.cpu();
        return host.data<float>().ToArray();
    }

    private Tensor? Buffer(string key) => model.named_buffers().FirstOrDefault(pair => pair.name == key).buffer;
}
