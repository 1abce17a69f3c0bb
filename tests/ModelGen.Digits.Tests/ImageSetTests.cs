using Digits;
using TorchSharp;

namespace ModelGen.Digits.Tests;

public sealed class ImageSetTests
{
    private static readonly ImageSet Set = new([0, 0.5f, 1, 0.25f, 1, 1, 1, 1, 0, 0, 0, 2], [7, 8, 9], Size: 2);

    [Fact]
    public void Range_TakesConsecutiveImages()
    {
        ImageSet part = Set.Range(1, 1);
        Assert.Equal([1, 1, 1, 1], part.Images);
        Assert.Equal([8L], part.Labels);
    }

    [Theory]
    [InlineData(null, 2)]
    [InlineData(5, 2)]
    [InlineData(int.MaxValue, 2)]
    [InlineData(1, 1)]
    public void Range_EndsWithTheSet(int? count, int expected) => Assert.Equal(expected, Set.Range(1, count).Count);

    [Fact]
    public void Bytes_AreRoundedAndClamped()
    {
        Assert.Equal([0, 128, 255, 64], Set.Bytes(0));
        Assert.Equal([0, 0, 0, 255], Set.Bytes(2));
    }

    [Fact]
    public void Dataset_HasOneChannel()
    {
        Data.TensorDataset dataset = Set.ToDataset();
        Assert.Equal(3, dataset.Count);
        Assert.Equal([1, 2, 2], dataset.Inputs[0].Shape);
        Assert.Equal([7, 8, 9], dataset.TargetAs<long>().ToArray());
    }

    [Fact]
    public void Tensor_HasBatchAndChannel()
    {
        using torch.Tensor tensor = Set.ToTensor();
        Assert.Equal([3, 1, 2, 2], tensor.shape);
        Assert.Equal(0.25f, tensor[0, 0, 1, 1].item<float>());
    }
}
