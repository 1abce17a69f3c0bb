using static TorchSharp.torch;

namespace ModelGen.Data;

/// <summary>Memory of one batch, field after field, that grows when a longer batch comes and is otherwise written again and again.</summary>
/// <param name="fields">The fields.</param>
/// <param name="device">Where the memory is; for pinned memory, which is on the host, the device that it is copied to.</param>
/// <param name="pinned">Whether it is pinned.</param>
internal sealed class BatchBuffers(FieldSpec[] fields, Device device, bool pinned) : IDisposable
{
    private readonly Tensor?[] storage = new Tensor?[fields.Length];
    private readonly long[] capacity = new long[fields.Length];

    /// <summary>Whether a copy to the device may still read this memory.</summary>
    public bool CopyPending { get; set; }

    /// <summary>The address of a field's memory, large enough for a number of elements.</summary>
    public nint Reserve(int field, long elements)
    {
        if (capacity[field] < elements || storage[field] is null)
        {
            storage[field]?.Dispose();
            storage[field] = null;
            storage[field] = Allocate(fields[field], Math.Max(elements, 1));
            capacity[field] = elements;
        }

        return AtenC.Address(storage[field]!);
    }

    /// <summary>The field as a tensor of the samples of a batch; the caller disposes it.</summary>
    public Tensor View(int field, int samples, int length)
    {
        long[] shape = fields[field].BatchShape(samples, length);
        using Tensor part = storage[field]!.narrow(0, 0, shape.Aggregate(1L, static (product, size) => product * size));
        return part.view(shape).DetachFromDisposeScope();
    }

    /// <summary>Waits until no copy reads this memory any more. libtorch offers no events here, so it waits for all work that the device has been given.</summary>
    public void AwaitCopies()
    {
        if (CopyPending)
        {
            cuda.synchronize(device);
            CopyPending = false;
        }
    }

    public void Dispose()
    {
        AwaitCopies();
        for (int field = 0; field < storage.Length; field++)
        {
            storage[field]?.Dispose();
            storage[field] = null;
            capacity[field] = 0;
        }
    }

    private Tensor Allocate(FieldSpec field, long elements)
    {
        if (!pinned)
        {
            return zeros([elements], field.ScalarType, device).DetachFromDisposeScope();
        }

        using Tensor pageable = zeros([elements], field.ScalarType);
        return pageable.pin_memory().DetachFromDisposeScope();
    }
}
