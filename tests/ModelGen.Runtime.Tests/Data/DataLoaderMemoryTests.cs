using ModelGen.Data;
using static TorchSharp.torch;

namespace ModelGen.Runtime.Tests.Data;

/// <summary>Counts all tensors of the process, so it runs alone.</summary>
[CollectionDefinition(nameof(DataLoaderMemoryTests), DisableParallelization = true)]
[Collection(nameof(DataLoaderMemoryTests))]
public sealed class DataLoaderMemoryTests
{
    [Fact]
    public void ManyPasses_WithDisposalAnywhere_LeaveNoTensors()
    {
        Pass(0);
        long before = LiveTensors();
        for (int i = 0; i < 30; i++)
        {
            Pass(i % 14);
        }

        Assert.Equal(before, Tensor.TotalCount);
    }

    [Fact]
    public void ALoaderInADisposeScope_KeepsItsMemory()
    {
        using var loader = new DataLoader(new SequenceDataset([1, 4, 2, 2]), new DataLoaderOptions { BatchSize = 2 });
        for (int i = 0; i < 2; i++)
        {
            using IDisposable scope = NewDisposeScope();
            Assert.Equal([16L, 8], loader.Batches().Select(static batch => batch.Target.numel()));
        }
    }

    private static void Pass(int batches)
    {
        using var loader = new DataLoader(new SequenceDataset([.. Enumerable.Range(0, 40).Select(static index => index % 7)]), new DataLoaderOptions { BatchSize = 3, Workers = 2 });
        Assert.Equal(batches, loader.Batches().Take(batches).Count());
    }

    private static long LiveTensors()
    {
        GC.Collect();
        GC.WaitForPendingFinalizers();
        return Tensor.TotalCount;
    }
}
