using System.ComponentModel;
using System.Runtime.CompilerServices;

namespace ModelGen.Kernels;

/// <summary>
/// Batch normalisation with the statistics of a batch, and the activation after it, as a function of one element: <c>clamp((x - mean) * factor + bias)</c>. Kernels apply it to what
/// they read, so that normalised tensors need not be in memory; gradients compute the same numbers again for the slope of the activation.
/// </summary>
[EditorBrowsable(EditorBrowsableState.Never)]
public readonly unsafe struct BatchNormal
{
    private readonly float* mean;
    private readonly float* factor;
    private readonly float* bias;
    private readonly float least;
    private readonly float greatest;
    private readonly float above;

    private BatchNormal(float* numbers, nint channels, float least, float greatest, float above, bool bounded)
    {
        nint padded = Padded(channels);
        mean = numbers;
        factor = numbers + padded;
        bias = numbers + (2 * padded);
        this.least = least;
        this.greatest = greatest;
        this.above = above;
        IsBounded = bounded;
    }

    /// <summary>Whether it changes anything; the default does not.</summary>
    public bool IsIdentity => mean is null;

    /// <summary>Whether there is an activation, so that some gradients are zero.</summary>
    public bool IsBounded { get; }

    internal float* Mean => mean;

    internal float* Factor => factor;

    internal float* Bias => bias;

    /// <summary>Without an activation.</summary>
    /// <param name="numbers">Memory of three times the channels, these rounded up to 16: mean, factor and bias.</param>
    /// <param name="channels">Channels.</param>
    public static BatchNormal Plain(Floats numbers, nint channels) => new(numbers, channels, float.NegativeInfinity, float.PositiveInfinity, float.NegativeInfinity, bounded: false);

    /// <summary>What is negative becomes zero; the gradient passes where the result is positive.</summary>
    /// <param name="numbers">Memory of three times the channels, these rounded up to 16: mean, factor and bias.</param>
    /// <param name="channels">Channels.</param>
    public static BatchNormal Relu(Floats numbers, nint channels) => new(numbers, channels, 0, float.PositiveInfinity, 0, bounded: true);

    /// <summary>Bounded on both sides; the gradient passes inside and on the bounds.</summary>
    /// <param name="numbers">Memory of three times the channels, these rounded up to 16: mean, factor and bias.</param>
    /// <param name="channels">Channels.</param>
    /// <param name="least">Lower bound.</param>
    /// <param name="greatest">Upper bound.</param>
    public static BatchNormal Clamp(Floats numbers, nint channels, float least, float greatest) => new(numbers, channels, least, greatest, MathF.BitDecrement(least), bounded: true);

    internal static nint Padded(nint channels) => (channels + 15) / 16 * 16;

    /// <summary>Results of neighbouring channels.</summary>
    /// <param name="x">Operands.</param>
    /// <param name="channel">First channel.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal V Of<V>(V x, nint channel)
        where V : unmanaged, IVector<V> => V.Min(V.All(greatest), V.Max(V.All(least), Linear(x, channel)));

    /// <summary>Gradients before the activation.</summary>
    /// <param name="gradient">Gradients after it.</param>
    /// <param name="x">Operands.</param>
    /// <param name="channel">First channel.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal V Slope<V>(V gradient, V x, nint channel)
        where V : unmanaged, IVector<V>
    {
        V y = Linear(x, channel);
        return gradient & V.Less(V.All(above), y) & V.LessOrEqual(y, V.All(greatest));
    }

    /// <summary>Applies it to a piece of some rows; whole vectors are read and written.</summary>
    /// <param name="source">First operand.</param>
    /// <param name="sourceStep">Distance of rows of operands.</param>
    /// <param name="target">First result.</param>
    /// <param name="targetStep">Distance of rows of results.</param>
    /// <param name="rows">Number of rows.</param>
    /// <param name="channel">Channel of the first operand.</param>
    /// <param name="count">Number of operands of a row.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal void Rows<V>(float* source, nint sourceStep, float* target, nint targetStep, nint rows, nint channel, nint count)
        where V : unmanaged, IVector<V>
    {
        float* means = mean + channel;
        float* factors = factor + channel;
        float* biases = bias + channel;
        V lower = V.All(least);
        V upper = V.All(greatest);
        for (nint row = 0; row < rows; row++, source += sourceStep, target += targetStep)
        {
            for (nint i = 0; i < count; i += V.Count)
            {
                V y = V.Fma(V.Load(source + i) - V.Load(means + i), V.Load(factors + i), V.Load(biases + i));
                V.Min(upper, V.Max(lower, y)).Store(target + i);
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private V Linear<V>(V x, nint channel)
        where V : unmanaged, IVector<V> => V.Fma(x - V.Load(mean + channel), V.Load(factor + channel), V.Load(bias + channel));
}
