using ModelGen.Onnx.Quantization;

namespace ModelGen.Onnx.Tests.Quantization;

public sealed class ValueRangeTests
{
    [Theory]
    [InlineData(-1f, 1.55f, OnnxType.UInt8, 0.01f, 100)]
    [InlineData(-1f, 1.55f, OnnxType.Int8, 0.01f, -28)]
    [InlineData(0f, 2.55f, OnnxType.UInt8, 0.01f, 0)]
    [InlineData(0f, 2.55f, OnnxType.Int8, 0.01f, -128)]
    [InlineData(1f, 5.1f, OnnxType.UInt8, 0.02f, 0)]
    [InlineData(-5.1f, -1f, OnnxType.UInt8, 0.02f, 255)]
    [InlineData(-1f, 1f, OnnxType.UInt16, 2f / 65535, 32768)]
    [InlineData(0f, 0f, OnnxType.UInt8, 1f, 0)]
    public void Grid_HasTheScaleAndZeroPointOfTheDefinition(float min, float max, OnnxType type, float scale, int zero)
    {
        IntegerGrid grid = new ValueRange(min, max).Grid(type);
        Assert.Equal(scale, grid.Scale, 1e-6f * scale);
        Assert.Equal(zero, grid.ZeroPoint);
        Assert.Equal(0, grid.Round(0));
    }

    [Fact]
    public void Grid_NeverReachesBeyondBounds() => Gen.Select(Gen.Float[-8, 0], Gen.Float[0.01f, 8], Gen.Float[0, 1], Gen.Float[0.1f, 1]).Sample(static (low, high, a, b) =>
    {
        var bounds = new ValueRange(low, high);
        IntegerGrid grid = new ValueRange(low * a, high * b).Grid(OnnxType.UInt8, bounds);
        Assert.True((0 - grid.ZeroPoint) * grid.Scale >= low);
        Assert.True((255 - grid.ZeroPoint) * grid.Scale <= high);
        Assert.True(grid.Scale > 0);
    });

    [Fact]
    public void Round_IsTheNearestRepresentableNumber() => Gen.Select(Gen.Float[-4, 0], Gen.Float[0.1f, 4], Gen.Float[-6, 6]).Sample(static (low, high, value) =>
    {
        IntegerGrid grid = new ValueRange(low, high).Grid(OnnxType.UInt8);
        float nearest = Enumerable.Range(0, 256).Select(integer => (integer - grid.ZeroPoint) * grid.Scale).MinBy(number => Math.Abs((double)number - value));
        Assert.Equal(Math.Abs((double)nearest - value), Math.Abs((double)grid.Round(value) - value), 1e-5);
    });
}
