using TorchSharp;
using static TorchSharp.torch;

namespace ModelGen;

/// <content>Fake quantization: the same numbers as <see cref="Kernels.FakeQuantize"/>.</content>
public static unsafe partial class TensorOps
{
    /// <summary>Rounds numbers to those that an integer stands for; a scale of 0 leaves them as they are.</summary>
    /// <param name="x">Numbers.</param>
    /// <param name="scale">Scale, broadcast.</param>
    /// <param name="zero">Integer that stands for 0, broadcast.</param>
    /// <param name="low">Smallest integer.</param>
    /// <param name="high">Largest integer.</param>
    public static Tensor FakeQuantize(Tensor x, Tensor scale, Tensor zero, double low, double high)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor integer = clamp(round(x / scale), low - zero, high - zero);
        return where(scale > 0, integer * scale, x).MoveToOuterDisposeScope();
    }

    /// <summary>The gradient of the numbers: passed where the integer is in range.</summary>
    /// <param name="gradient">Gradient of the result.</param>
    /// <param name="x">Numbers.</param>
    /// <param name="scale">Scale, broadcast.</param>
    /// <param name="zero">Integer that stands for 0, broadcast.</param>
    /// <param name="low">Smallest integer.</param>
    /// <param name="high">Largest integer.</param>
    public static Tensor FakeQuantizeGradient(Tensor gradient, Tensor x, Tensor scale, Tensor zero, double low, double high)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor integer = round(x / scale);
        Tensor inside = (integer >= low - zero).logical_and(integer <= high - zero).logical_or(scale <= 0);
        return where(inside, gradient, zeros_like(gradient)).MoveToOuterDisposeScope();
    }
}
