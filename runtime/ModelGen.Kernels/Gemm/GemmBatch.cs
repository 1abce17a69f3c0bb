using System.ComponentModel;

namespace ModelGen.Kernels;

/// <summary>Many products of one size, over two batch dimensions: item (i, j) has its operands at <c>i * Outer + j * Inner</c>.</summary>
/// <param name="outer">Size of the first batch dimension.</param>
/// <param name="inner">Size of the second.</param>
[EditorBrowsable(EditorBrowsableState.Never)]
public struct GemmBatch(nint outer, nint inner)
{
    /// <summary>Size of the first batch dimension.</summary>
    public readonly nint OuterCount => outer;

    /// <summary>Size of the second batch dimension.</summary>
    public readonly nint InnerCount => inner;

    /// <summary>Distance of left operands in the first batch dimension; 0 repeats them.</summary>
    public nint AOuter { get; set; }

    /// <summary>Distance of left operands in the second batch dimension.</summary>
    public nint AInner { get; set; }

    /// <summary>Distance of right operands in the first batch dimension.</summary>
    public nint BOuter { get; set; }

    /// <summary>Distance of right operands in the second batch dimension.</summary>
    public nint BInner { get; set; }

    /// <summary>Distance of results in the first batch dimension.</summary>
    public nint COuter { get; set; }

    /// <summary>Distance of results in the second batch dimension.</summary>
    public nint CInner { get; set; }
}
