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

    private readonly nn.Module model;
    private readonly string[] sites;
    private readonly string[] products;
    private StaticQuantizationOptions? calibrated;

    /// <summary>Used by generated code only.</summary>
    /// <param name="model">The model.</param>
    /// <param name="sites">ONNX names of the values that training can round.</param>
    /// <param name="products">ONNX names of the results of the operators whose weights it can round.</param>
    [EditorBrowsable(EditorBrowsableState.Never)]
    public FakeQuantization(nn.Module model, string[] sites, string[] products) => (this.model, this.sites, this.products) = (model, sites, products);

    /// <summary>Whether training steps round as the integer model does.</summary>
    public bool IsCalibrated => Buffer(ScalesKey) is { } scales && Values(scales).Any(static scale => scale > 0);

    /// <summary>Scales and zero points of the values that are rounded, with the values' ONNX names.</summary>
    /// <exception cref="InvalidOperationException">The model is not calibrated.</exception>
    public IReadOnlyList<ActivationScale> Activations => Table().Activations;

    /// <summary>Adds the buffers to the model, all zero, unless it has them: before a state that was saved with them is loaded.</summary>
    public void Prepare()
    {
        if (Buffer(ScalesKey) is not null)
        {
            return;
        }

        Device device = model.parameters().FirstOrDefault()?.device ?? CPU;
        foreach ((string key, int count) in new[] { (ScalesKey, sites.Length), (ZeroPointsKey, sites.Length), (ProductsKey, products.Length) })
        {
            model.register_buffer(key, zeros(count, dtype: ScalarType.Float32, device: device).DetachFromDisposeScope());
        }
    }

    /// <summary>Forgets the scales: training steps are those of the float model again.</summary>
    public void Reset()
    {
        if (Buffer(ScalesKey) is not null)
        {
            Store([], []);
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
        Store(scales, table.Products.ToHashSet(StringComparer.Ordinal));
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
        StaticQuantizationOptions chosen = options?.Static ?? calibrated ?? new StaticQuantizationOptions();
        Check(options, chosen);
        return Quantizer.QuantizeStatic(graph, Table(), chosen).Model;
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
        (float[] scales, float[] zeros, float[] integers) = (Values(Buffer(ScalesKey)!), Values(Buffer(ZeroPointsKey)!), Values(Buffer(ProductsKey)!));
        return new CalibrationTable(
            [.. sites.Select((site, index) => new ActivationScale(site, scales[index], (int)zeros[index])).Where(static entry => entry.Scale > 0)],
            [.. products.Where((_, index) => integers[index] > 0)]);
    }

    private static void Check(QuantizationOptions? options, StaticQuantizationOptions chosen)
    {
        if (options?.Mode is not (null or QuantizationMode.Static))
        {
            throw new ArgumentException($"Quantization-aware training is for static quantization; QuantizationOptions.Mode is {options.Mode}.", nameof(options));
        }

        if (chosen.ActivationType != OnnxType.UInt8 || !chosen.PerChannel || chosen.ReduceRange)
        {
            throw new ArgumentException("Quantization-aware training rounds activations to UInt8 and weights to 8 bits per channel; leave ActivationType, PerChannel and ReduceRange at their defaults.", nameof(options));
        }
    }

    private NotSupportedException Unknown(string what) => new(
        $"The integer model of {model.GetType().Name} would round the {what}, and training cannot. Name its node in StaticQuantizationOptions.ExcludeNodes, so that it stays float in both.");

    private void Store(Dictionary<string, ActivationScale> scales, HashSet<string> integers)
    {
        Put(ScalesKey, [.. sites.Select(site => scales.TryGetValue(site, out ActivationScale? entry) ? entry.Scale : 0)]);
        Put(ZeroPointsKey, [.. sites.Select(site => scales.TryGetValue(site, out ActivationScale? entry) ? entry.ZeroPoint : 0)]);
        Put(ProductsKey, [.. products.Select(product => integers.Contains(product) ? 1 : 0)]);
    }

    private void Put(string key, float[] values)
    {
        using IDisposable guard = no_grad();
        using Tensor source = tensor(values);
        Tensor buffer = Buffer(key)!;
        buffer.copy_(source).DisposeAliasOf(buffer);
    }

    private static float[] Values(Tensor buffer)
    {
        using Tensor host = buffer.cpu();
        return host.data<float>().ToArray();
    }

    private Tensor? Buffer(string key) => model.named_buffers().FirstOrDefault(pair => pair.name == key).buffer;
}
