using System.Runtime.InteropServices;
using ModelGen.Data;

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
    public void Permutation_IsFixedForever() => Assert.Equal([4, 0, 1, 2, 3], Shuffler.Permutation(5, seed: 1, epoch: 2));
}
