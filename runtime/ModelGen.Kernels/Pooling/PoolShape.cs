using System.ComponentModel;

namespace ModelGen.Kernels;

/// <summary>Sizes of a pooling over images [batch, height, width, channels].</summary>
[EditorBrowsable(EditorBrowsableState.Never)]
public readonly record struct PoolShape(nint Batch, nint Height, nint Width, nint Channels, nint OutputHeight, nint OutputWidth)
{
    /// <summary>Height of a window.</summary>
    public nint KernelHeight { get; init; } = 1;

    /// <summary>Width of a window.</summary>
    public nint KernelWidth { get; init; } = 1;

    /// <summary>Distance of windows downwards.</summary>
    public nint StrideY { get; init; } = 1;

    /// <summary>Distance of windows to the right.</summary>
    public nint StrideX { get; init; } = 1;

    /// <summary>Rows of padding above; as many or more below, as the size of the output asks for.</summary>
    public nint PadTop { get; init; }

    /// <summary>Columns of padding to the left.</summary>
    public nint PadLeft { get; init; }

    /// <summary>Distance of rows of a window; maxima only.</summary>
    public nint DilationY { get; init; } = 1;

    /// <summary>Distance of columns of a window; maxima only.</summary>
    public nint DilationX { get; init; } = 1;

    /// <summary>Whether averages count padding (PyTorch's count_include_pad).</summary>
    public bool CountPadding { get; init; }

    /// <summary>Whether windows are those of adaptive pooling: from <c>floor(i * size / outputs)</c> to <c>ceil((i + 1) * size / outputs)</c>; kernel, stride and padding do not matter then.</summary>
    public bool Adaptive { get; init; }

    /// <summary>Rows of the image that a window covers, and how many an average counts.</summary>
    internal void Rows(nint output, out nint from, out nint to, out nint counted) => Range(output, Height, OutputHeight, KernelHeight, StrideY, PadTop, out from, out to, out counted);

    /// <summary>Columns of the image that a window covers, and how many an average counts.</summary>
    internal void Columns(nint output, out nint from, out nint to, out nint counted) => Range(output, Width, OutputWidth, KernelWidth, StrideX, PadLeft, out from, out to, out counted);

    private void Range(nint output, nint size, nint outputs, nint kernel, nint stride, nint padding, out nint from, out nint to, out nint counted)
    {
        if (Adaptive)
        {
            from = output * size / outputs;
            to = (((output + 1) * size) + outputs - 1) / outputs;
            counted = to - from;
            return;
        }

        // PyTorch's divisor: padding counts as far as it was asked for, not what ceil mode adds.
        nint start = (output * stride) - padding;
        nint end = Math.Min(start + kernel, size + padding);
        from = Math.Max(start, 0);
        to = Math.Min(end, size);
        counted = CountPadding ? end - start : to - from;
    }
}
