using TorchSharp;
using static TorchSharp.torch;

namespace ModelGen;

/// <content>Fake quantization: the same numbers as <see cref="Kernels.FakeQuantize"/>.</content>
public static unsafe partial class TensorOps
{
    /// <summary>Rounds numbers to those that an integer stands for; a scale of 0 leaves them as they are.</summary>
    /// <param name="x">Numbers.</param>
    /// <param name="scale">Scale, broadcast.</param>
    /// <param name="low">Smallest integer, counted from the one that stands for 0; broadcast.</param>
    /// <param name="high">Largest integer, counted so; broadcast.</param>
    public static Tensor FakeQuantize(Tensor x, Tensor scale, Tensor low, Tensor high)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor integer = minimum(high, maximum(low, round(x / scale)));
        return where(scale > 0, integer * scale, x).MoveToOuterDisposeScope();
    }

    /// <summary>The gradient of the numbers: passed where the integer is in range.</summary>
    /// <param name="gradient">Gradient of the result.</param>
    /// <param name="x">Numbers.</param>
    /// <param name="scale">Scale, broadcast.</param>
    /// <param name="low">Smallest integer, counted from the one that stands for 0; broadcast.</param>
    /// <param name="high">Largest integer, counted so; broadcast.</param>
    public static Tensor FakeQuantizeGradient(Tensor gradient, Tensor x, Tensor scale, Tensor low, Tensor high)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor integer = round(x / scale);
        Tensor inside = (integer >= low).logical_and(integer <= high).logical_or(scale <= 0);
        return where(inside, gradient, zeros_like(gradient)).MoveToOuterDisposeScope();
    }

    /// <summary>What each number adds to the gradient of the scale.</summary>
    /// <param name="gradient">Gradient of the result.</param>
    /// <param name="x">Numbers.</param>
    /// <param name="scale">Scale, broadcast.</param>
    /// <param name="low">Smallest integer, counted from the one that stands for 0; broadcast.</param>
    /// <param name="high">Largest integer, counted so; broadcast.</param>
    public static Tensor FakeQuantizeScaleGradient(Tensor gradient, Tensor x, Tensor scale, Tensor low, Tensor high)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor quotient = x / scale;
        Tensor integer = round(quotient);
        Tensor inside = (integer >= low).logical_and(integer <= high);
        Tensor slope = minimum(high, maximum(low, integer)) - where(inside, quotient, zeros_like(quotient));
        return where(scale > 0, gradient * slope, zeros_like(gradient)).MoveToOuterDisposeScope();
    }

    /// <summary>A learned scale, which stays positive and at most at its limit; a reference of 0 gives 0.</summary>
    /// <param name="factor">The learned number, 1 after the calibration.</param>
    /// <param name="reference">Scale of the calibration.</param>
    /// <param name="limit">Largest scale.</param>
    public static Tensor FakeQuantizeLearnedScale(Tensor factor, Tensor reference, Tensor limit)
    {
        using DisposeScope scope = NewDisposeScope();
        return minimum(limit, factor.clamp_min(Kernels.FakeQuantize.SmallestFactor) * reference).MoveToOuterDisposeScope();
    }

    /// <summary>The gradient of the learned number.</summary>
    /// <param name="gradient">Gradient of the scale.</param>
    /// <param name="factor">The learned number.</param>
    /// <param name="reference">Scale of the calibration, 0 for none.</param>
    /// <param name="limit">Largest scale.</param>
    /// <param name="rate">By what the gradient is multiplied.</param>
    public static Tensor FakeQuantizeLearnedScaleGradient(Tensor gradient, Tensor factor, Tensor reference, Tensor limit, Tensor rate)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor stays = (factor * reference >= limit).logical_and(gradient < 0).logical_or((factor <= Kernels.FakeQuantize.SmallestFactor).logical_and(gradient > 0)).logical_or(reference <= 0);
        return where(stays, zeros_like(gradient), gradient * rate / reference).MoveToOuterDisposeScope();
    }
}
