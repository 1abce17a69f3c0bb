using TorchSharp;
using static TorchSharp.torch;

namespace ModelGen.Compiler.Tests;

/// <summary>Compares a result with the library's.</summary>
internal static class Closeness
{
    /// <summary>The same element type, shape, infinities and NaNs; whole numbers equal, others within 1e-5 of the largest.</summary>
    public static void Check(Tensor expected, Tensor actual, string name)
    {
        Assert.True(expected.dtype == actual.dtype, $"{name}: {expected.dtype} expected, got {actual.dtype}");
        Assert.True(expected.shape.SequenceEqual(actual.shape), $"{name}: [{string.Join(", ", expected.shape)}] expected, got [{string.Join(", ", actual.shape)}]");
        if (expected.numel() == 0)
        {
            return;
        }

        Tensor a = expected.to_type(ScalarType.Float64);
        Tensor b = actual.to_type(ScalarType.Float64);
        Tensor finite = a.isfinite();
        string values = $"\nexpected {Show(a)}\nactual   {Show(b)}";
        Assert.True(finite.eq(b.isfinite()).all().ToBoolean() && a.isnan().eq(b.isnan()).all().ToBoolean() && a.isposinf().eq(b.isposinf()).all().ToBoolean(), $"{name}: infinities or NaNs differ{values}");
        Tensor zero = zeros_like(a);
        double error = where(finite, a - b, zero).abs().max().ToDouble();
        double scale = expected.is_floating_point() ? 1e-5 * Math.Max(1, where(finite, a, zero).abs().max().ToDouble()) : 0;
        Assert.True(error <= scale, $"{name}: error {error:G3}{values}");
    }

    private static string Show(Tensor tensor) => string.Join(" ", tensor.contiguous().view(-1).data<double>().ToArray().Take(24).Select(static x => x.ToString("G5")));
}
