using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace ModelGen;

/// <content>Transposed convolution, padding, resampling.</content>
public static unsafe partial class Kernels
{
    /// <summary>Transposed convolution over one to three spatial dimensions.</summary>
    public static Tensor ConvTranspose(Tensor x, Tensor weight, Tensor? bias, long[] stride, long[] padding, long[] outputPadding, long[] dilation, long groups) => stride.Length switch
    {
        1 => functional.conv_transpose1d(x, weight, bias, stride[0], padding[0], outputPadding[0], dilation[0], groups),
        2 => functional.conv_transpose2d(x, weight, bias, stride, padding, outputPadding, dilation, groups),
        _ => functional.conv_transpose3d(x, weight, bias, stride, padding, outputPadding, dilation, groups),
    };

    /// <summary>Padding; pairs from the last dimension on, modes constant, reflect, replicate and circular.</summary>
    public static Tensor Pad(Tensor x, long[] pads, string mode, double value) => functional.pad(
        x,
        pads,
        mode switch { "reflect" => PaddingModes.Reflect, "replicate" => PaddingModes.Replicate, "circular" => PaddingModes.Circular, _ => PaddingModes.Constant },
        value);

    /// <summary>Resampling to a size, in PyTorch's modes.</summary>
    public static Tensor Resize(Tensor x, long[] size, string mode, bool alignCorners) => functional.interpolate(
        x,
        size,
        mode: mode switch
        {
            "linear" => InterpolationMode.Linear,
            "bilinear" => InterpolationMode.Bilinear,
            "bicubic" => InterpolationMode.Bicubic,
            "trilinear" => InterpolationMode.Trilinear,
            "area" => InterpolationMode.Area,
            _ => InterpolationMode.Nearest,
        },
        align_corners: mode is "nearest" or "area" ? null : alignCorners);
}
