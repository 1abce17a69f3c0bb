using System.ComponentModel;
using System.Runtime.CompilerServices;

namespace ModelGen.Kernels;

/// <summary>Helpers of update rules.</summary>
/// <typeparam name="V">Register.</typeparam>
internal static class Lanes<V>
    where V : unmanaged, IVector<V>
{
    /// <summary>-1, 0 or 1; 0 for NaN.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Sign(V x) => (V.Less(V.Zero, x) & V.All(1)) | (V.Less(x, V.Zero) & V.All(-1));

    /// <summary>a b + (1 - b) c.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Mix(V a, float b, V c, float rest) => V.Fma(c, V.All(rest), a * V.All(b));
}

/// <summary>
/// Adam that divides by the largest second moment so far (AMSGrad; S. Reddi et al., arXiv:1904.09237), as PyTorch computes it. States: first moment, second moment, its maximum.
/// </summary>
/// <typeparam name="V">Register.</typeparam>
/// <param name="learningRate">Learning rate.</param>
/// <param name="beta1">Decay of the first moment.</param>
/// <param name="beta2">Decay of the second moment.</param>
/// <param name="epsilon">Denominator term.</param>
/// <param name="step">Number of the step, from 1.</param>
[EditorBrowsable(EditorBrowsableState.Never)]
public readonly struct AmsGradRule<V>(double learningRate, double beta1, double beta2, double epsilon, long step) : IUpdateRule<V>
    where V : unmanaged, IVector<V>
{
    private readonly float b1 = (float)beta1;
    private readonly float r1 = (float)(1 - beta1);
    private readonly float b2 = (float)beta2;
    private readonly float r2 = (float)(1 - beta2);
    private readonly float root = (float)(1 / Math.Sqrt(1 - Math.Pow(beta2, step)));
    private readonly float rate = (float)(learningRate / (1 - Math.Pow(beta1, step)));
    private readonly float term = (float)epsilon;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Update(V p, V g, ref V a, ref V b, ref V c)
    {
        a = Lanes<V>.Mix(a, b1, g, r1);
        b = V.Fma(g * V.All(r2), g, b * V.All(b2));
        c = V.Max(c, b);
        return p - (V.All(rate) * a / V.Fma(V.Sqrt(c), V.All(root), V.All(term)));
    }
}

/// <summary>Adagrad (J. Duchi et al., JMLR 12, 2011), as PyTorch computes it. State: sum of squares.</summary>
/// <typeparam name="V">Register.</typeparam>
/// <param name="learningRate">Learning rate of the step, its decay applied.</param>
/// <param name="epsilon">Denominator term.</param>
[EditorBrowsable(EditorBrowsableState.Never)]
public readonly struct AdagradRule<V>(double learningRate, double epsilon) : IUpdateRule<V>
    where V : unmanaged, IVector<V>
{
    private readonly float rate = (float)learningRate;
    private readonly float term = (float)epsilon;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Update(V p, V g, ref V a, ref V b, ref V c)
    {
        a = V.Fma(g, g, a);
        return p - (V.All(rate) * g / (V.Sqrt(a) + V.All(term)));
    }
}

/// <summary>Adadelta (M. Zeiler, arXiv:1212.5701), as PyTorch computes it. States: mean of squared gradients, mean of squared updates.</summary>
/// <typeparam name="V">Register.</typeparam>
/// <param name="learningRate">Learning rate.</param>
/// <param name="rho">Decay of both means.</param>
/// <param name="epsilon">Term below the roots.</param>
[EditorBrowsable(EditorBrowsableState.Never)]
public readonly struct AdadeltaRule<V>(double learningRate, double rho, double epsilon) : IUpdateRule<V>
    where V : unmanaged, IVector<V>
{
    private readonly float rate = (float)learningRate;
    private readonly float keep = (float)rho;
    private readonly float rest = (float)(1 - rho);
    private readonly float term = (float)epsilon;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Update(V p, V g, ref V a, ref V b, ref V c)
    {
        a = V.Fma(g * V.All(rest), g, a * V.All(keep));
        V delta = V.Sqrt(b + V.All(term)) / V.Sqrt(a + V.All(term)) * g;
        b = V.Fma(delta * V.All(rest), delta, b * V.All(keep));
        return p - (V.All(rate) * delta);
    }
}

/// <summary>Adamax (D. Kingma, J. Ba, arXiv:1412.6980), as PyTorch computes it. States: first moment, infinity norm.</summary>
/// <typeparam name="V">Register.</typeparam>
/// <param name="learningRate">Learning rate.</param>
/// <param name="beta1">Decay of the first moment.</param>
/// <param name="beta2">Decay of the norm.</param>
/// <param name="epsilon">Added to the gradient's magnitude.</param>
/// <param name="step">Number of the step, from 1.</param>
[EditorBrowsable(EditorBrowsableState.Never)]
public readonly struct AdamaxRule<V>(double learningRate, double beta1, double beta2, double epsilon, long step) : IUpdateRule<V>
    where V : unmanaged, IVector<V>
{
    private readonly float b1 = (float)beta1;
    private readonly float r1 = (float)(1 - beta1);
    private readonly float b2 = (float)beta2;
    private readonly float term = (float)epsilon;
    private readonly float rate = (float)(learningRate / (1 - Math.Pow(beta1, step)));

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Update(V p, V g, ref V a, ref V b, ref V c)
    {
        a = Lanes<V>.Mix(a, b1, g, r1);
        b = V.Max(b * V.All(b2), V.Abs(g) + V.All(term));
        return p - (V.All(rate) * a / b);
    }
}

/// <summary>NAdam (T. Dozat, ICLR workshop 2016), as PyTorch computes it. States: first moment, second moment.</summary>
/// <typeparam name="V">Register.</typeparam>
/// <param name="gradientRate">Factor of the gradient.</param>
/// <param name="momentRate">Factor of the first moment.</param>
/// <param name="beta1">Decay of the first moment.</param>
/// <param name="beta2">Decay of the second moment.</param>
/// <param name="epsilon">Denominator term.</param>
/// <param name="step">Number of the step, from 1.</param>
[EditorBrowsable(EditorBrowsableState.Never)]
public readonly struct NAdamRule<V>(double gradientRate, double momentRate, double beta1, double beta2, double epsilon, long step) : IUpdateRule<V>
    where V : unmanaged, IVector<V>
{
    private readonly float b1 = (float)beta1;
    private readonly float r1 = (float)(1 - beta1);
    private readonly float b2 = (float)beta2;
    private readonly float r2 = (float)(1 - beta2);
    private readonly float root = (float)(1 / Math.Sqrt(1 - Math.Pow(beta2, step)));
    private readonly float term = (float)epsilon;
    private readonly float onGradient = (float)gradientRate;
    private readonly float onMoment = (float)momentRate;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Update(V p, V g, ref V a, ref V b, ref V c)
    {
        a = Lanes<V>.Mix(a, b1, g, r1);
        b = V.Fma(g * V.All(r2), g, b * V.All(b2));
        V denominator = V.Fma(V.Sqrt(b), V.All(root), V.All(term));
        return p - (V.Fma(V.All(onGradient), g, V.All(onMoment) * a) / denominator);
    }
}

/// <summary>RAdam (L. Liu et al., arXiv:1908.03265), as PyTorch computes it. States: first moment, second moment.</summary>
/// <typeparam name="V">Register.</typeparam>
/// <param name="learningRate">Learning rate.</param>
/// <param name="beta1">Decay of the first moment.</param>
/// <param name="beta2">Decay of the second moment.</param>
/// <param name="epsilon">Denominator term.</param>
/// <param name="step">Number of the step, from 1.</param>
[EditorBrowsable(EditorBrowsableState.Never)]
public readonly struct RAdamRule<V>(double learningRate, double beta1, double beta2, double epsilon, long step) : IUpdateRule<V>
    where V : unmanaged, IVector<V>
{
    private readonly float b1 = (float)beta1;
    private readonly float r1 = (float)(1 - beta1);
    private readonly float b2 = (float)beta2;
    private readonly float r2 = (float)(1 - beta2);
    private readonly float term = (float)epsilon;
    private readonly float rate = (float)(learningRate / (1 - Math.Pow(beta1, step)));
    private readonly float adaptive = (float)(learningRate / (1 - Math.Pow(beta1, step)) * Rectification(beta2, step));

    /// <summary>Factor of 1 / (sqrt(second moment) + epsilon) in the update; 0 in the first steps, which the variance is unknown for.</summary>
    /// <param name="beta2">Decay of the second moment.</param>
    /// <param name="step">Number of the step, from 1.</param>
    public static double Rectification(double beta2, long step)
    {
        double power = Math.Pow(beta2, step);
        double limit = (2 / (1 - beta2)) - 1;
        double length = limit - (2 * step * power / (1 - power));
        return length > 5 ? Math.Sqrt((1 - power) * (length - 4) * (length - 2) * limit / ((limit - 4) * (limit - 2) * length)) : 0;
    }

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Update(V p, V g, ref V a, ref V b, ref V c)
    {
        a = Lanes<V>.Mix(a, b1, g, r1);
        b = V.Fma(g * V.All(r2), g, b * V.All(b2));
        return adaptive == 0 ? p - (V.All(rate) * a) : p - (V.All(adaptive) * a / (V.Sqrt(b) + V.All(term)));
    }
}

/// <summary>
/// RMSprop (T. Hinton, lecture 6e of "Neural networks for machine learning"), centred (A. Graves, arXiv:1308.0850) and with momentum when set, as PyTorch computes it. States:
/// mean of squares, mean, velocity.
/// </summary>
/// <typeparam name="V">Register.</typeparam>
/// <param name="learningRate">Learning rate.</param>
/// <param name="alpha">Decay of the means.</param>
/// <param name="epsilon">Denominator term.</param>
/// <param name="momentum">Momentum.</param>
/// <param name="centered">Whether the mean's square is subtracted from the mean of squares.</param>
[EditorBrowsable(EditorBrowsableState.Never)]
public readonly struct RmsPropRule<V>(double learningRate, double alpha, double epsilon, double momentum, bool centered) : IUpdateRule<V>
    where V : unmanaged, IVector<V>
{
    private readonly float rate = (float)learningRate;
    private readonly float keep = (float)alpha;
    private readonly float rest = (float)(1 - alpha);
    private readonly float term = (float)epsilon;
    private readonly float inertia = (float)momentum;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Update(V p, V g, ref V a, ref V b, ref V c)
    {
        a = V.Fma(g * V.All(rest), g, a * V.All(keep));
        V square = a;
        if (centered)
        {
            b = Lanes<V>.Mix(b, keep, g, rest);

            // Rounding can leave a variance of zero slightly below it.
            square = V.Max(V.Zero, a - (b * b));
        }

        // Without momentum the velocity is the step itself: 0 * 0 + step.
        V step = g / (V.Sqrt(square) + V.All(term));
        c = V.Fma(c, V.All(inertia), step);
        return p - (V.All(rate) * c);
    }
}

/// <summary>Averaged gradient descent (B. Polyak, A. Juditsky, SIAM J. Control Optim. 30, 1992), as PyTorch computes it. State: average of the parameters.</summary>
/// <typeparam name="V">Register.</typeparam>
/// <param name="eta">Learning rate of the step.</param>
/// <param name="decay">PyTorch's lambda.</param>
/// <param name="mean">Weight of the new parameters in the average; 1 while it is the parameters themselves.</param>
[EditorBrowsable(EditorBrowsableState.Never)]
public readonly struct AveragedSgdRule<V>(double eta, double decay, double mean) : IUpdateRule<V>
    where V : unmanaged, IVector<V>
{
    private readonly float rate = (float)eta;
    private readonly float shrink = (float)(1 - (decay * eta));
    private readonly float weight = (float)mean;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Update(V p, V g, ref V a, ref V b, ref V c)
    {
        p = (p * V.All(shrink)) - (V.All(rate) * g);
        a = weight == 1 ? p : V.Fma(p - a, V.All(weight), a);
        return p;
    }
}

/// <summary>Rprop (M. Riedmiller, H. Braun, ICNN 1993), as PyTorch computes it. States: gradient of the step before, step size of each parameter.</summary>
/// <typeparam name="V">Register.</typeparam>
/// <param name="etaMinus">Factor of a step size when the gradient changed its sign.</param>
/// <param name="etaPlus">Factor when it did not.</param>
/// <param name="smallest">Smallest step size.</param>
/// <param name="largest">Largest step size.</param>
[EditorBrowsable(EditorBrowsableState.Never)]
public readonly struct RpropRule<V>(double etaMinus, double etaPlus, double smallest, double largest) : IUpdateRule<V>
    where V : unmanaged, IVector<V>
{
    private readonly float minus = (float)etaMinus;
    private readonly float plus = (float)etaPlus;
    private readonly float low = (float)smallest;
    private readonly float high = (float)largest;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Update(V p, V g, ref V a, ref V b, ref V c)
    {
        V trend = Lanes<V>.Sign(g) * Lanes<V>.Sign(a);
        V turned = V.Less(trend, V.Zero);
        V factor = V.Select(turned, V.All(minus), V.Select(V.Less(V.Zero, trend), V.All(plus), V.All(1)));
        b = V.Min(V.Max(b * factor, V.All(low)), V.All(high));
        a = V.Select(turned, V.Zero, g);
        return p - (Lanes<V>.Sign(a) * b);
    }
}

/// <summary>Lion (X. Chen et al., arXiv:2302.06675). State: momentum.</summary>
/// <typeparam name="V">Register.</typeparam>
/// <param name="learningRate">Learning rate.</param>
/// <param name="beta1">Weight of the momentum in the update.</param>
/// <param name="beta2">Decay of the momentum.</param>
[EditorBrowsable(EditorBrowsableState.Never)]
public readonly struct LionRule<V>(double learningRate, double beta1, double beta2) : IUpdateRule<V>
    where V : unmanaged, IVector<V>
{
    private readonly float rate = (float)learningRate;
    private readonly float b1 = (float)beta1;
    private readonly float r1 = (float)(1 - beta1);
    private readonly float b2 = (float)beta2;
    private readonly float r2 = (float)(1 - beta2);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Update(V p, V g, ref V a, ref V b, ref V c)
    {
        V direction = Lanes<V>.Sign(Lanes<V>.Mix(a, b1, g, r1));
        a = Lanes<V>.Mix(a, b2, g, r2);
        return p - (V.All(rate) * direction);
    }
}
