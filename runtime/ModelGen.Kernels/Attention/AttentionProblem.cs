using System.ComponentModel;

namespace ModelGen.Kernels;

/// <summary>
/// Scaled dot-product attention: <c>out = dropout(softmax(scale * q kᵀ + mask)) v</c>, for each sample and head. Queries are [batch, heads, queries, size], keys
/// [batch, key-value heads, keys, size], values [batch, key-value heads, keys, value size], in any memory order that <see cref="AttentionStrides"/> can say.
/// </summary>
[EditorBrowsable(EditorBrowsableState.Never)]
public struct AttentionProblem
{
    /// <summary>Samples.</summary>
    public nint Batch { get; set; }

    /// <summary>Heads of queries and of the result.</summary>
    public nint Heads { get; set; }

    /// <summary>Heads of keys and values, a divisor of <see cref="Heads"/>: neighbouring heads share them (grouped queries, PyTorch's <c>enable_gqa</c>).</summary>
    public nint KeyValueHeads { get; set; }

    /// <summary>Number of queries.</summary>
    public nint Queries { get; set; }

    /// <summary>Number of keys and values.</summary>
    public nint Keys { get; set; }

    /// <summary>Size of a query and a key, 1 or more.</summary>
    public nint HeadSize { get; set; }

    /// <summary>Size of a value and a result, 1 or more.</summary>
    public nint ValueSize { get; set; }

    /// <summary>Factor of the products; PyTorch takes 1 / sqrt(<see cref="HeadSize"/>) when nothing else is said.</summary>
    public float Scale { get; set; }

    /// <summary>Whether query i sees the keys 0 to i alone (aligned at the first key, as PyTorch's <c>is_causal</c>).</summary>
    public bool Causal { get; set; }

    /// <summary>Queries.</summary>
    public Floats Q { get; set; }

    /// <summary>Strides of <see cref="Q"/>.</summary>
    public AttentionStrides QStrides { get; set; }

    /// <summary>Keys.</summary>
    public Floats K { get; set; }

    /// <summary>Strides of <see cref="K"/>.</summary>
    public AttentionStrides KStrides { get; set; }

    /// <summary>Values.</summary>
    public Floats V { get; set; }

    /// <summary>Strides of <see cref="V"/>.</summary>
    public AttentionStrides VStrides { get; set; }

    /// <summary>Result [batch, heads, queries, value size]; written by forward, read by backward.</summary>
    public Floats Out { get; set; }

    /// <summary>Strides of <see cref="Out"/>.</summary>
    public AttentionStrides OutStrides { get; set; }

    /// <summary>
    /// Logarithms of the sums of the exponentials of each query's scores, [batch, heads, queries]: written by forward unless null, read by backward. Plus infinity where
    /// all keys are masked.
    /// </summary>
    public Floats LogSumExp { get; set; }

    /// <summary>Numbers added to the scores, minus infinity among them; null for none.</summary>
    public Floats Mask { get; set; }

    /// <summary>Distance of samples in the mask; 0 when all share it, and so on.</summary>
    public nint MaskBatch { get; set; }

    /// <summary>Distance of heads in the mask.</summary>
    public nint MaskHead { get; set; }

    /// <summary>Distance of queries in the mask.</summary>
    public nint MaskQuery { get; set; }

    /// <summary>Distance of keys in the mask.</summary>
    public nint MaskKey { get; set; }

    /// <summary>Probability at which dropout drops a probability, 0 (none) or more, below 1.</summary>
    public float Dropout { get; set; }

    /// <summary>
    /// Factors of the probabilities, 0 or 1 / (1 - p), [batch, heads, queries, keys]: dropout whose random numbers come from elsewhere; null for none. Then
    /// <see cref="Dropout"/> is 0.
    /// </summary>
    public Floats Kept { get; set; }

    /// <summary>Whether a query whose keys are all masked gives NaN, as a softmax over nothing but minus infinity does, instead of zeros.</summary>
    public bool EmptyIsNaN { get; set; }

    /// <summary>Key of the random numbers of dropout (<see cref="Philox"/>).</summary>
    public ulong Seed { get; set; }

    /// <summary>Number of the random sequence: different for each layer and step. Backward takes the one that forward had.</summary>
    public uint Stream { get; set; }

    /// <summary>Heads of queries that share a head of keys.</summary>
    internal readonly nint Group => Heads / KeyValueHeads;

    /// <summary>Keys that any query sees.</summary>
    internal readonly nint VisibleKeys => Causal ? Math.Min(Keys, Queries) : Keys;
}
