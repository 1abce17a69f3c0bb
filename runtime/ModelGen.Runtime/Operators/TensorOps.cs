using System.ComponentModel;
using static TorchSharp.torch;
using Scalar = TorchSharp.Scalar;

namespace ModelGen;

/// <summary>
/// The functions that generated code calls beside TorchSharp's own: arithmetic with numbers that leaves no native scalar behind, gradients that
/// TorchSharp does not bind, and checks. Shapes and types follow the operator of the same name in <c>ModelGen.Compiler/Ops</c>.
/// </summary>
[EditorBrowsable(EditorBrowsableState.Never)]
public static unsafe partial class TensorOps
{
    /// <summary>x + value.</summary>
    public static Tensor Add(Tensor x, double value) => With(value, x, static (x, scalar) => x.add(scalar));

    /// <summary>value + x.</summary>
    public static Tensor Add(double value, Tensor x) => Add(x, value);

    /// <summary>x - value.</summary>
    public static Tensor Subtract(Tensor x, double value) => With(value, x, static (x, scalar) => x.sub(scalar));

    /// <summary>value - x.</summary>
    public static Tensor Subtract(double value, Tensor x)
    {
        using Tensor negative = x.neg();
        return Add(negative, value);
    }

    /// <summary>x * value.</summary>
    public static Tensor Multiply(Tensor x, double value) => With(value, x, static (x, scalar) => x.mul(scalar));

    /// <summary>value * x.</summary>
    public static Tensor Multiply(double value, Tensor x) => Multiply(x, value);

    /// <summary>x / value.</summary>
    public static Tensor Divide(Tensor x, double value) => With(value, x, static (x, scalar) => x.div(scalar));

    /// <summary>value / x.</summary>
    public static Tensor Divide(double value, Tensor x)
    {
        using Tensor inverse = x.reciprocal();
        return Multiply(inverse, value);
    }

    /// <summary>x to the power of value.</summary>
    public static Tensor Power(Tensor x, double value) => With(value, x, static (x, scalar) => x.pow(scalar));

    /// <summary>value to the power of x.</summary>
    public static Tensor Power(double value, Tensor x)
    {
        using Tensor number = Constant(value, x.dtype, x.device);
        return number.pow(x);
    }

    /// <summary>Larger of x and value; NaN stays.</summary>
    public static Tensor Maximum(Tensor x, double value) => Clamp(x, value, double.PositiveInfinity);

    /// <summary>Larger of value and x; NaN stays.</summary>
    public static Tensor Maximum(double value, Tensor x) => Maximum(x, value);

    /// <summary>Smaller of x and value; NaN stays.</summary>
    public static Tensor Minimum(Tensor x, double value) => Clamp(x, double.NegativeInfinity, value);

    /// <summary>Smaller of value and x; NaN stays.</summary>
    public static Tensor Minimum(double value, Tensor x) => Minimum(x, value);

    /// <summary>x limited to [min, max]; an infinite bound is none.</summary>
    public static Tensor Clamp(Tensor x, double min, double max)
    {
        using Scalar? low = double.IsInfinity(min) ? null : Number(min, x);
        using Scalar? high = double.IsInfinity(max) ? null : Number(max, x);
        return x.clamp(low, high);
    }

    /// <summary>x &gt; value.</summary>
    public static Tensor Greater(Tensor x, double value) => With(value, x, static (x, scalar) => x.gt(scalar));

    /// <summary>x &gt;= value.</summary>
    public static Tensor GreaterOrEqual(Tensor x, double value) => With(value, x, static (x, scalar) => x.ge(scalar));

    /// <summary>x &lt; value.</summary>
    public static Tensor Less(Tensor x, double value) => With(value, x, static (x, scalar) => x.lt(scalar));

    /// <summary>x &lt;= value.</summary>
    public static Tensor LessOrEqual(Tensor x, double value) => With(value, x, static (x, scalar) => x.le(scalar));

    /// <summary>x == value.</summary>
    public static Tensor Equal(Tensor x, double value) => With(value, x, static (x, scalar) => x.eq(scalar));

    /// <summary>x != value.</summary>
    public static Tensor NotEqual(Tensor x, double value) => With(value, x, static (x, scalar) => x.ne(scalar));

    /// <summary>Elements of a where the condition holds, of b elsewhere.</summary>
    public static Tensor Where(Tensor condition, Tensor a, Tensor b) => where(condition, a, b);

    /// <summary>Elements of a where the condition holds, value elsewhere.</summary>
    public static Tensor Where(Tensor condition, Tensor a, double value)
    {
        using Tensor number = Constant(value, a.dtype, a.device);
        return where(condition, a, number);
    }

    /// <summary>Value where the condition holds, elements of b elsewhere.</summary>
    public static Tensor Where(Tensor condition, double value, Tensor b)
    {
        using Tensor number = Constant(value, b.dtype, b.device);
        return where(condition, number, b);
    }

    /// <summary>x with value where the mask is set.</summary>
    public static Tensor MaskedFill(Tensor x, Tensor mask, double value)
    {
        using Scalar scalar = value;
        return x.masked_fill(mask, scalar);
    }

    /// <summary>A number as a tensor without dimensions.</summary>
    public static Tensor Constant(double value, ScalarType dtype, Device device)
    {
        using Scalar scalar = value;
        return full([], scalar, dtype, device);
    }

    /// <summary>True above the main diagonal of a rows x columns matrix.</summary>
    public static Tensor CausalMask(long rows, long columns, Device device)
    {
        using Tensor all = ones([rows, columns], ScalarType.Bool, device);
        return all.triu(1);
    }

    /// <summary>Sums the dimensions that broadcasting added or grew, so that the result has the given shape.</summary>
    public static Tensor SumTo(Tensor x, long[] shape)
    {
        long[] sizes = x.shape;
        int lead = sizes.Length - shape.Length;
        long[] axes = [.. Enumerable.Range(0, sizes.Length).Where(axis => axis < lead || (shape[axis - lead] == 1 && sizes[axis] != 1)).Select(static axis => (long)axis)];
        if (axes.Length == 0)
        {
            return x.reshape(shape);
        }

        using Tensor sum = x.sum(axes);
        return sum.reshape(shape);
    }

    /// <summary>Zeros with the gradient in the range it was sliced from.</summary>
    public static Tensor SliceBackward(Tensor gradient, long[] shape, long axis, long start)
    {
        Tensor result = zeros(shape, gradient.dtype, gradient.device);
        using Tensor range = result.narrow(axis, start, gradient.shape[axis]);
        range.copy_(gradient).DisposeAliasOf(range);
        return result;
    }

    /// <summary>Rows of a table by index.</summary>
    public static Tensor Embedding(Tensor weight, Tensor indices)
    {
        using Tensor flat = indices.reshape(-1);
        using Tensor rows = weight.index_select(0, flat);
        return rows.reshape([.. indices.shape, weight.shape[1]]);
    }

    /// <summary>Gradient of a table: output gradients summed by index.</summary>
    public static Tensor EmbeddingBackward(Tensor gradient, Tensor indices, long[] shape, long paddingIndex = -1)
    {
        Tensor result = zeros(shape, gradient.dtype, gradient.device);
        using Tensor flat = indices.reshape(-1);
        using Tensor rows = gradient.reshape(-1, shape[1]);
        using Scalar one = 1;
        result.index_add_(0, flat, rows, one).DisposeAliasOf(result);
        if (paddingIndex >= 0)
        {
            using Tensor padding = result.select(0, paddingIndex);
            padding.zero_().DisposeAliasOf(padding);
        }

        return result;
    }

    /// <summary>Normally distributed numbers from torch's generator, as <c>randn</c> and <c>normal_</c> draw them.</summary>
    public static Tensor RandomNormal(long[] shape, double mean, double std, ScalarType type, Device device)
    {
        Tensor result = empty(shape, type, device);
        result.normal_(mean, std).DisposeAliasOf(result);
        return result;
    }

    /// <summary>Numbers between two bounds from torch's generator, as <c>rand</c> and <c>uniform_</c> draw them.</summary>
    public static Tensor RandomUniform(long[] shape, double low, double high, ScalarType type, Device device)
    {
        Tensor result = empty(shape, type, device);
        result.uniform_(low, high).DisposeAliasOf(result);
        return result;
    }

    /// <summary>1 with probability p, 0 otherwise, from torch's generator, as <c>bernoulli_</c> draws them.</summary>
    public static Tensor RandomBernoulli(long[] shape, double p, ScalarType type, Device device)
    {
        Tensor result = empty(shape, type, device);
        result.bernoulli_(p).DisposeAliasOf(result);
        return result;
    }

    /// <summary>0 with probability p, 1/(1-p) otherwise, from torch's generator: the same stream as <c>dropout</c> in PyTorch on CPU.</summary>
    public static Tensor DropoutMask(long[] shape, double p, ScalarType type, Device device)
    {
        Tensor mask = empty(shape, type, device);
        mask.bernoulli_(1 - p).DisposeAliasOf(mask);
        using Scalar keep = 1 - p;
        mask.div_(keep).DisposeAliasOf(mask);
        return mask;
    }

    /// <summary>Class probabilities minus the smoothed one-hot target.</summary>
    public static Tensor SubtractTarget(Tensor probabilities, Tensor target, double smoothing)
    {
        long classes = probabilities.shape[1];
        Tensor result = Subtract(probabilities, smoothing / classes);
        using Tensor index = target.unsqueeze(1);
        using Tensor share = ones(index.shape, probabilities.dtype, probabilities.device);
        using Scalar weight = smoothing - 1;
        using Tensor scaled = share.mul(weight);
        result.scatter_add_(1, index, scaled).DisposeAliasOf(result);
        return result;
    }

    /// <summary>Mean cross-entropy of scores [N, C] and its gradient.</summary>
    public static (Tensor Loss, Tensor Slope) CrossEntropyWithSlope(Tensor scores, Tensor target, double smoothing)
    {
        using Tensor probabilities = scores.softmax(1);
        using Tensor difference = SubtractTarget(probabilities, target, smoothing);
        return (nn.functional.cross_entropy(scores, target, label_smoothing: smoothing), Divide(difference, target.numel()));
    }

    /// <summary>Copies a gradient to its place.</summary>
    public static void Store(Tensor gradient, Tensor place) => place.copy_(gradient).DisposeAliasOf(place);

    private static Tensor With(double value, Tensor x, Func<Tensor, Scalar, Tensor> function)
    {
        using Scalar scalar = Number(value, x);
        return function(x, scalar);
    }

    /// <summary>A whole number beside an integer tensor must not turn it into a float one.</summary>
    private static Scalar Number(double value, Tensor beside) => beside.is_integral() && value == Math.Floor(value) ? (Scalar)(long)value : (Scalar)value;
}
