using ModelGen.Data;
using TorchSharp;
using static TorchSharp.torch;

namespace ModelGen;

/// <summary>Turns samples into tensors: the memory of one batch is allocated once and written again for every batch.</summary>
internal sealed class BatchAssembler : IDisposable
{
    private readonly Dataset data;
    private readonly Device device;
    private readonly Tensor[] inputs;
    private readonly Tensor target;
    private readonly byte[][] staging;
    private readonly int capacity;

    public BatchAssembler(Dataset data, int capacity, Device device)
    {
        this.data = data;
        this.device = device;
        this.capacity = capacity;
        inputs = [.. data.Inputs.Select(field => Allocate(field, capacity))];
        target = Allocate(data.Target, capacity);
        staging = [.. data.Inputs.Append(data.Target).Select(field => new byte[field.Bytes * capacity])];
    }

    /// <summary>The tensors of these samples; valid until the next call, to be disposed by the caller.</summary>
    public Batch Assemble(ReadOnlySpan<int> samples)
    {
        int count = samples.Length;
        int fields = inputs.Length;
        FieldSpec[] specs = [.. data.Inputs, data.Target];
        Memory<byte>[] buffers = [.. staging.Select((buffer, index) => buffer.AsMemory(0, specs[index].Bytes * count))];
        data.Read(samples, buffers[..fields], buffers[fields]);
        return new Batch([.. inputs.Select((tensor, index) => Filled(tensor, buffers[index], count))], Filled(target, buffers[fields], count), count);
    }

    public void Dispose()
    {
        foreach (Tensor tensor in inputs)
        {
            tensor.Dispose();
        }

        target.Dispose();
    }

    private static Tensor Allocate(FieldSpec field, int capacity) => zeros([capacity, .. field.Shape], field.ScalarType).DetachFromDisposeScope();

    private Tensor Filled(Tensor memory, Memory<byte> values, int count)
    {
        values.Span.CopyTo(memory.bytes);
        Tensor part = count == capacity ? memory.alias() : memory.narrow(0, 0, count);
        if (device.type == DeviceType.CPU)
        {
            return part;
        }

        using (part)
        {
            return part.to(device);
        }
    }
}

/// <summary>The tensors of a batch.</summary>
internal sealed record Batch(Tensor[] Inputs, Tensor Target, int Count) : IDisposable
{
    public void Dispose()
    {
        foreach (Tensor input in Inputs)
        {
            input.Dispose();
        }

        Target.Dispose();
    }
}
