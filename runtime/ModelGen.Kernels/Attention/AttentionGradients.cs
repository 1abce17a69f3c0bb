using System.ComponentModel;

namespace ModelGen.Kernels;

/// <summary>What the backward pass of attention reads and writes besides the <see cref="AttentionProblem"/>.</summary>
[EditorBrowsable(EditorBrowsableState.Never)]
public struct AttentionGradients
{
    /// <summary>Gradient of the result [batch, heads, queries, value size].</summary>
    public Floats Out { get; set; }

    /// <summary>Strides of <see cref="Out"/>.</summary>
    public AttentionStrides OutStrides { get; set; }

    /// <summary>Gradient of the queries.</summary>
    public Floats Q { get; set; }

    /// <summary>Strides of <see cref="Q"/>.</summary>
    public AttentionStrides QStrides { get; set; }

    /// <summary>Gradient of the keys.</summary>
    public Floats K { get; set; }

    /// <summary>Strides of <see cref="K"/>.</summary>
    public AttentionStrides KStrides { get; set; }

    /// <summary>Gradient of the values.</summary>
    public Floats V { get; set; }

    /// <summary>Strides of <see cref="V"/>.</summary>
    public AttentionStrides VStrides { get; set; }

    /// <summary>Whether the gradients of queries, keys and values are added to what is there instead of replacing it.</summary>
    public bool Add { get; set; }
}
