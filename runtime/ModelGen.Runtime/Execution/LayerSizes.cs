using System.Collections;
using System.ComponentModel;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace ModelGen;

/// <summary>A model or block whose layers are made once their sizes are known. Implemented by generated code only.</summary>
[EditorBrowsable(EditorBrowsableState.Never)]
public interface IBuildable
{
    /// <summary>Makes and registers the layers.</summary>
    /// <param name="sizes">Inferred sizes by state-dict path.</param>
    /// <param name="path">State-dict prefix of this model, ending in a dot unless empty.</param>
    void Build(LayerSizes sizes, string path);
}

/// <summary>The sizes that the build inferred for the layers of a model, by state-dict path. Used by generated code only.</summary>
[EditorBrowsable(EditorBrowsableState.Never)]
public sealed class LayerSizes : IEnumerable<KeyValuePair<string, long[]>>
{
    private readonly Dictionary<string, long[]> sizes = new(StringComparer.Ordinal);

    /// <summary>Adds a layer.</summary>
    /// <param name="path">State-dict path.</param>
    /// <param name="inferred">Sizes that its input fixed.</param>
    public void Add(string path, long[] inferred) => sizes.Add(path, inferred);

    /// <summary>The sizes of a layer; false when the model never calls it, so that it is not made.</summary>
    /// <param name="path">State-dict path.</param>
    /// <param name="inferred">The sizes.</param>
    /// <returns>Whether the layer is called.</returns>
    public bool TryGet(string path, out long[] inferred) => sizes.TryGetValue(path, out inferred!);

    /// <summary>The layer, or an exception that says why there is none.</summary>
    /// <typeparam name="T">Type of the layer.</typeparam>
    /// <param name="layer">The layer's field.</param>
    /// <param name="model">The model that holds it.</param>
    /// <param name="member">The layer's member.</param>
    /// <returns>The layer.</returns>
    /// <exception cref="InvalidOperationException">The layer was not made.</exception>
    public static T Built<T>(T? layer, object model, string member)
        where T : class => layer ?? throw new InvalidOperationException(
            $"The layer '{member}' of {model.GetType().Name} does not exist: a block's layers are made by the model that holds it in a field, and only those that its Forward calls. "
            + "Hold the block in a [Model] class with [Shape] on its inputs.");

    /// <summary>Builds a block.</summary>
    /// <typeparam name="T">Type of the block.</typeparam>
    /// <param name="block">The block.</param>
    /// <param name="sizes">Inferred sizes.</param>
    /// <param name="path">State-dict prefix of the block.</param>
    /// <returns>The block.</returns>
    public static T Build<T>(T block, LayerSizes sizes, string path)
        where T : nn.Module
    {
        ((IBuildable)block).Build(sizes, path);
        return block;
    }

    /// <summary>Builds a list of blocks.</summary>
    /// <typeparam name="T">Type of the blocks.</typeparam>
    /// <param name="blocks">The blocks.</param>
    /// <param name="sizes">Inferred sizes.</param>
    /// <param name="path">State-dict prefix of the list.</param>
    /// <returns>The blocks as one module, whose keys are their positions.</returns>
    public static ModuleList<T> BuildAll<T>(IReadOnlyList<T> blocks, LayerSizes sizes, string path)
        where T : nn.Module
    {
        for (int i = 0; i < blocks.Count; i++)
        {
            Build(blocks[i], sizes, $"{path}{i}.");
        }

        return new ModuleList<T>([.. blocks]);
    }

    /// <inheritdoc/>
    public IEnumerator<KeyValuePair<string, long[]>> GetEnumerator() => sizes.GetEnumerator();

    /// <inheritdoc/>
    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();
}

/// <summary>Conversions of layer settings for TorchSharp's constructors. Used by generated code only.</summary>
[EditorBrowsable(EditorBrowsableState.Never)]
public static class Sizes
{
    /// <summary>One number.</summary>
    public static long One(long size) => size;

    /// <summary>The only number of an array.</summary>
    public static long One(long[] sizes) => sizes[0];

    /// <summary>The same number twice.</summary>
    public static (long, long) Two(long size) => (size, size);

    /// <summary>Two numbers.</summary>
    public static (long, long) Two(long[] sizes) => (sizes[0], sizes[1]);

    /// <summary>Padding of a 1-D convolution.</summary>
    public static long Padding1(object padding, object kernel, object dilation) => Padding2(padding, kernel, dilation).Item1;

    /// <summary>Padding of a 2-D convolution: numbers, or "same".</summary>
    public static (long, long) Padding2(object padding, object kernel, object dilation)
    {
        if (padding is not string)
        {
            return Pair(padding);
        }

        ((long h, long w), (long dh, long dw)) = (Pair(kernel), Pair(dilation));
        return (dh * (h - 1) / 2, dw * (w - 1) / 2);
    }

    /// <summary>A learned tensor with its initial values.</summary>
    public static Parameter Parameter(long[] shape, ParameterInit init, double deviation)
    {
        using Tensor values = init switch
        {
            ParameterInit.Ones => ones(shape),
            ParameterInit.Normal => nn.init.normal_(zeros(shape), 0, deviation),
            _ => zeros(shape),
        };
        return new Parameter(values.clone());
    }

    /// <summary>Batch-first attention with TorchSharp's sequence-first module.</summary>
    public static Tensor Attend(MultiheadAttention attention, Tensor query, Tensor key, Tensor value, bool causal)
    {
        // TorchSharp 0.107 does not treat a boolean mask as PyTorch does (measured: the masked positions still count); a mask of minus infinities works.
        using Tensor? mask = causal ? InfiniteMask(query, key) : null;
        using Tensor q = query.transpose(0, 1);
        using Tensor k = key.transpose(0, 1);
        using Tensor v = value.transpose(0, 1);
        (Tensor result, Tensor? weights) = attention.forward(q, k, v, null, need_weights: false, mask);
        weights?.Dispose();
        using (result)
        {
            return result.transpose(0, 1);
        }
    }

    private static Tensor InfiniteMask(Tensor query, Tensor key)
    {
        using Tensor blocked = TensorOps.CausalMask(query.shape[1], key.shape[1], query.device);
        using Tensor open = zeros([query.shape[1], key.shape[1]], query.dtype, query.device);
        return TensorOps.MaskedFill(open, blocked, double.NegativeInfinity);
    }

    private static (long, long) Pair(object value) => value is long[] { Length: > 1 } sizes ? (sizes[0], sizes[1])
        : value is long[] one ? (one[0], one[0])
        : (Convert.ToInt64(value, System.Globalization.CultureInfo.InvariantCulture), Convert.ToInt64(value, System.Globalization.CultureInfo.InvariantCulture));
}
