using System.Runtime.InteropServices;
using ModelGen.Data;
using static TorchSharp.torch;

namespace ModelGen.Runtime.Tests.Data;

public sealed class DatasetTests
{
    [Fact]
    public void TensorDataset_ReadsSamplesByIndex_AndChecksLengths()
    {
        TensorDataset data = TensorDataset.FromArrays([1, 2, 3, 4, 5, 6], [2], [7, 8, 9]);
        byte[] input = new byte[2 * 2 * 4];
        byte[] target = new byte[2 * 8];
        data.Read([2, 0], [input], target);
        Assert.Equal([5f, 6f, 1f, 2f], MemoryMarshal.Cast<byte, float>(input).ToArray());
        Assert.Equal([9L, 7L], MemoryMarshal.Cast<byte, long>(target).ToArray());
        Assert.Contains("3 samples", Assert.Throws<ArgumentException>(() => TensorDataset.FromArrays([1, 2, 3], [1], [1L])).Message);
        Assert.Throws<ArgumentException>(() => TensorDataset.FromArrays([1, 2, 3], [2], [1L]));
    }

    [Fact]
    public void Split_IsDisjoint_Complete_AndDeterministic()
    {
        TensorDataset data = TensorDataset.FromArrays([.. Enumerable.Range(0, 100).Select(static value => (float)value)], [1], new long[100]);
        (Dataset first, Dataset second) = data.Split(0.8, seed: 4);
        (Dataset again, _) = data.Split(0.8, seed: 4);
        float[] Values(Dataset part)
        {
            byte[] input = new byte[part.Count * 4];
            part.Read([.. Enumerable.Range(0, part.Count)], [input], new byte[part.Count * 8]);
            return MemoryMarshal.Cast<byte, float>(input).ToArray();
        }

        Assert.Equal(80, first.Count);
        Assert.Equal(Enumerable.Range(0, 100).Select(static value => (float)value), Values(first).Concat(Values(second)).Order());
        Assert.Equal(Values(first), Values(again));
        Assert.Throws<ArgumentOutOfRangeException>(() => data.Split(1));
    }

    [Fact]
    public void Parts_CanBeChosenAndJoined()
    {
        TensorDataset data = TensorDataset.FromArrays([1, 2, 3, 4], [1], [0, 1, 2, 3]);
        Dataset joined = data.Select([3, 0]).Concat(data.Slice(1, 2), data);
        (Tensor[] inputs, Tensor target) = joined.ToTensors(0, 8);
        Assert.Equal([3L, 0, 1, 2, 0, 1, 2, 3], target.data<long>().ToArray());
        Assert.Equal([4f, 1, 2, 3, 1, 2, 3, 4], inputs[0].data<float>().ToArray());
        Assert.Equal("sample 2 of part 1", joined.Describe(3));
        Assert.Throws<ArgumentOutOfRangeException>(() => data.Select([4]));
        Assert.Contains("part 1", Assert.Throws<ArgumentException>(() => data.Concat(TensorDataset.FromArrays([1, 2], [2], [0L]))).Message);
    }

    [Fact]
    public void FromTensors_CopiesValues_AndWidensTypes()
    {
        using Tensor input = arange(6, ScalarType.Int32).reshape(3, 2).t().contiguous().t();
        using Tensor target = tensor(new[] { 1.5, 2.5, 3.5 });
        TensorDataset data = TensorDataset.FromTensors([input], target);
        Assert.Equal((ElementType.Int64, ElementType.Float32, 3), (data.Inputs[0].Type, data.Target.Type, data.Count));
        Assert.Equal([0L, 1, 2, 3, 4, 5], data.InputsAs<long>().ToArray());
        Assert.Equal([1.5f, 2.5f, 3.5f], data.TargetAs<float>().ToArray());
        using Tensor complex = zeros(3, ScalarType.ComplexFloat32);
        Assert.Throws<ArgumentException>(() => TensorDataset.FromTensors([complex], target));
    }

    [Fact]
    public void Permutation_IsFixedForever() => Assert.Equal([4, 0, 1, 2, 3], Shuffler.Permutation(5, seed: 1, epoch: 2));
}
