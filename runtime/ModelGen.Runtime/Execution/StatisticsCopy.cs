using TorchSharp;
using static TorchSharp.torch;

namespace ModelGen;

/// <summary>A copy of the tensors that a training step changes besides the parameters, such as running statistics.</summary>
internal sealed unsafe class StatisticsCopy : IDisposable
{
    private readonly ParameterTable weights;
    private readonly int first;
    private readonly Tensor[] copies;

    /// <summary>Makes room for the copy.</summary>
    /// <param name="weights">Parameters and then the tensors.</param>
    /// <param name="first">Number of the first of them.</param>
    public StatisticsCopy(ParameterTable weights, int first)
    {
        this.weights = weights;
        this.first = first;
        copies = [.. Enumerable.Range(first, weights.Count - first).Select(i => weights[i].detach().clone().DetachFromDisposeScope())];
    }

    /// <summary>Bytes of the copy.</summary>
    public long Bytes => copies.Sum(static copy => copy.numel() * copy.element_size());

    /// <summary>Copies the tensors as they are.</summary>
    public void Keep()
    {
        for (int i = 0; i < copies.Length; i++)
        {
            Copy(weights[first + i], copies[i]);
        }
    }

    /// <summary>Puts them back.</summary>
    public void Restore()
    {
        for (int i = 0; i < copies.Length; i++)
        {
            Copy(copies[i], weights[first + i]);
        }
    }

    /// <summary>Frees the copy.</summary>
    public void Dispose()
    {
        foreach (Tensor copy in copies)
        {
            copy.Dispose();
        }
    }

    // Without objects for the garbage collector where the memory can be reached.
    private static void Copy(Tensor from, Tensor to)
    {
        if (from.device_type == DeviceType.CPU && from.is_contiguous() && to.is_contiguous())
        {
            long bytes = to.numel() * to.element_size();
            Buffer.MemoryCopy((void*)AtenC.Address(from), (void*)AtenC.Address(to), bytes, bytes);
            return;
        }

        using IDisposable guard = no_grad();
        to.copy_(from).DisposeAliasOf(to);
    }
}
