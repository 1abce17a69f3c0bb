namespace ModelGen;

/// <summary>The promise that a model's weights stay as they are.</summary>
public static class FrozenWeights
{
    /// <summary>
    /// Promises that the weights stay as they are: <c>Infer</c> no longer looks, at every call, whether their contents changed since it folded and ordered them. That look reads every
    /// weight of a convolution once, which is some ten percent of a call with one image.
    /// </summary>
    /// <param name="model">The model.</param>
    /// <remarks>
    /// A change of the contents (an optimizer, a checkpoint, <c>data&lt;float&gt;()</c>) is not seen until <see cref="UnfreezeWeights"/>: results would mix old and new weights. A weight that
    /// is replaced by another tensor, or moved, is seen. Models that run on libtorch's operators always use the weights as they are; nothing changes for them.
    /// </remarks>
    /// <exception cref="ArgumentNullException">The model is null.</exception>
    public static void FreezeWeights(this ICompiledModel model) => Set(model, true);

    /// <summary>Takes the promise of <see cref="FreezeWeights"/> back: the next call sees the weights as they are then.</summary>
    /// <param name="model">The model.</param>
    /// <exception cref="ArgumentNullException">The model is null.</exception>
    public static void UnfreezeWeights(this ICompiledModel model) => Set(model, false);

    private static void Set(ICompiledModel model, bool frozen)
    {
        ArgumentNullException.ThrowIfNull(model);
        if (model.Inference is KernelInference inference)
        {
            inference.IsFrozen = frozen;
        }
    }
}
