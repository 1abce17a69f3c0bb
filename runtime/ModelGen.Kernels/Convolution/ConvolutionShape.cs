using System.ComponentModel;

namespace ModelGen.Kernels;

/// <summary>
/// Sizes of a convolution: images [Batch][Height][Width][InputChannels], weights [KernelHeight][KernelWidth][InputChannels / Groups][OutputChannels], results
/// [Batch][OutputHeight][OutputWidth][OutputChannels]. A convolution in one dimension has height 1.
/// </summary>
/// <remarks>
/// A transposed convolution is the gradient of the input of the convolution that maps its output to its input: <see cref="Transposed"/>.
/// </remarks>
[EditorBrowsable(EditorBrowsableState.Never)]
public struct ConvolutionShape
{
    /// <summary>A convolution with strides, dilations and groups of 1 and without padding.</summary>
    /// <param name="batch">Number of images.</param>
    /// <param name="height">Height of the input.</param>
    /// <param name="width">Width of the input.</param>
    /// <param name="inputChannels">Channels of the input.</param>
    /// <param name="outputChannels">Channels of the output.</param>
    /// <param name="kernelHeight">Height of the kernel.</param>
    /// <param name="kernelWidth">Width of the kernel.</param>
    public ConvolutionShape(nint batch, nint height, nint width, nint inputChannels, nint outputChannels, nint kernelHeight, nint kernelWidth)
    {
        Batch = batch;
        Height = height;
        Width = width;
        InputChannels = inputChannels;
        OutputChannels = outputChannels;
        KernelHeight = kernelHeight;
        KernelWidth = kernelWidth;
        StrideY = 1;
        StrideX = 1;
        DilationY = 1;
        DilationX = 1;
        Groups = 1;
    }

    /// <summary>Number of images.</summary>
    public nint Batch { get; set; }

    /// <summary>Height of the input.</summary>
    public nint Height { get; set; }

    /// <summary>Width of the input.</summary>
    public nint Width { get; set; }

    /// <summary>Channels of the input.</summary>
    public nint InputChannels { get; set; }

    /// <summary>Channels of the output.</summary>
    public nint OutputChannels { get; set; }

    /// <summary>Height of the kernel.</summary>
    public nint KernelHeight { get; set; }

    /// <summary>Width of the kernel.</summary>
    public nint KernelWidth { get; set; }

    /// <summary>Vertical distance of neighbouring outputs.</summary>
    public nint StrideY { get; set; }

    /// <summary>Horizontal distance of neighbouring outputs.</summary>
    public nint StrideX { get; set; }

    /// <summary>Rows of zeros above the image; negative numbers crop.</summary>
    public nint PadTop { get; set; }

    /// <summary>Rows of zeros below.</summary>
    public nint PadBottom { get; set; }

    /// <summary>Columns of zeros on the left.</summary>
    public nint PadLeft { get; set; }

    /// <summary>Columns of zeros on the right.</summary>
    public nint PadRight { get; set; }

    /// <summary>Vertical distance of neighbouring taps.</summary>
    public nint DilationY { get; set; }

    /// <summary>Horizontal distance of neighbouring taps.</summary>
    public nint DilationX { get; set; }

    /// <summary>Number of groups; divides both numbers of channels. Outputs of a group see the inputs of that group alone.</summary>
    public nint Groups { get; set; }

    /// <summary>Height of the output.</summary>
    public readonly nint OutputHeight => Size(Height + PadTop + PadBottom, KernelHeight, DilationY, StrideY);

    /// <summary>Width of the output.</summary>
    public readonly nint OutputWidth => Size(Width + PadLeft + PadRight, KernelWidth, DilationX, StrideX);

    /// <summary>Number of input pixels of all images.</summary>
    public readonly nint InputPixels => Batch * Height * Width;

    /// <summary>Number of output pixels of all images.</summary>
    public readonly nint OutputPixels => Batch * OutputHeight * OutputWidth;

    /// <summary>Input channels that an output sees.</summary>
    public readonly nint GroupInputs => InputChannels / Groups;

    /// <summary>Output channels of a group.</summary>
    public readonly nint GroupOutputs => OutputChannels / Groups;

    /// <summary>Numbers that an output is a sum of.</summary>
    public readonly nint Depth => KernelHeight * KernelWidth * GroupInputs;

    /// <summary>
    /// The convolution of which a transposed convolution is the gradient of the input: run <c>GradientInput</c> for forward (the image is its <c>gradOutput</c>),
    /// <c>Forward</c> for the gradient of the image, and <c>GradientWeight</c> with image and gradient swapped for that of the weights.
    /// </summary>
    /// <param name="batch">Number of images.</param>
    /// <param name="height">Height of the transposed convolution's input.</param>
    /// <param name="width">Width of the transposed convolution's input.</param>
    /// <param name="inputChannels">Channels of the transposed convolution's input: the output channels of the result.</param>
    /// <param name="outputChannels">Channels of the transposed convolution's output: the input channels of the result.</param>
    /// <param name="kernelHeight">Height of the kernel.</param>
    /// <param name="kernelWidth">Width of the kernel.</param>
    /// <param name="strideY">Vertical stride.</param>
    /// <param name="strideX">Horizontal stride.</param>
    /// <param name="padY">Padding above and below.</param>
    /// <param name="padX">Padding on the left and on the right.</param>
    /// <param name="outputPadY">Rows added to the output below; smaller than stride or dilation.</param>
    /// <param name="outputPadX">Columns added to the output on the right.</param>
    /// <param name="dilationY">Vertical dilation.</param>
    /// <param name="dilationX">Horizontal dilation.</param>
    /// <param name="groups">Number of groups.</param>
    /// <returns>A shape whose <see cref="Height"/> and <see cref="Width"/> are those of the transposed convolution's output.</returns>
    /// <remarks>
    /// The padding below and on the right is reduced by the output padding, so the convolution has exactly the given output size even where output padding reaches the stride.
    /// </remarks>
    public static ConvolutionShape Transposed(
        nint batch,
        nint height,
        nint width,
        nint inputChannels,
        nint outputChannels,
        nint kernelHeight,
        nint kernelWidth,
        nint strideY = 1,
        nint strideX = 1,
        nint padY = 0,
        nint padX = 0,
        nint outputPadY = 0,
        nint outputPadX = 0,
        nint dilationY = 1,
        nint dilationX = 1,
        nint groups = 1) => new(
            batch,
            ((height - 1) * strideY) - (2 * padY) + (dilationY * (kernelHeight - 1)) + outputPadY + 1,
            ((width - 1) * strideX) - (2 * padX) + (dilationX * (kernelWidth - 1)) + outputPadX + 1,
            outputChannels,
            inputChannels,
            kernelHeight,
            kernelWidth)
        {
            StrideY = strideY,
            StrideX = strideX,
            PadTop = padY,
            PadLeft = padX,
            PadBottom = padY - outputPadY,
            PadRight = padX - outputPadX,
            DilationY = dilationY,
            DilationX = dilationX,
            Groups = groups,
        };

    private static nint Size(nint padded, nint kernel, nint dilation, nint stride)
    {
        nint free = padded - (dilation * (kernel - 1)) - 1;
        return free < 0 ? 0 : (free / stride) + 1;
    }
}
