using static TorchSharp.torch;

namespace ModelGen;

/// <summary>A tensor's place in a <see cref="FlatBuffer"/>.</summary>
/// <param name="Name">State-dict key.</param>
/// <param name="Offset">First element.</param>
/// <param name="Shape">Sizes of the tensor.</param>
public sealed record FlatSlice(string Name, long Offset, IReadOnlyList<long> Shape)
{
    /// <summary>Number of elements.</summary>
    public long Count { get; } = Shape.Aggregate(1L, (product, size) => product * size);
}

/// <summary>
/// One contiguous tensor that holds many: all parameters, all gradients or one kind of optimizer state of a model. One kernel updates it,
/// one norm measures it, one write saves it.
/// </summary>
/// <remarks>
/// Slices start at multiples of 16 elements, and 16 more follow the last one, as kernels load whole vectors; the gaps are zero and stay zero under every optimizer.
/// </remarks>
public sealed unsafe class FlatBuffer : IDisposable
{
    private const long Alignment = 16;

    private readonly Tensor[] views;

    /// <summary>Allocates a zeroed buffer for tensors of the given names and shapes.</summary>
    /// <param name="tensors">Names and shapes in order.</param>
    /// <param name="dtype">Element type.</param>
    /// <param name="device">Device of the buffer.</param>
    public FlatBuffer(IEnumerable<(string Name, long[] Shape)> tensors, ScalarType dtype, Device device)
    {
        var slices = new List<FlatSlice>();
        long offset = 0;
        foreach ((string name, long[] shape) in tensors)
        {
            var slice = new FlatSlice(name, offset, shape);
            slices.Add(slice);
            offset += (slice.Count + Alignment - 1) / Alignment * Alignment;
        }

        Slices = slices;
        using IDisposable guard = no_grad();
        Data = zeros(offset + Alignment, dtype, device).DetachFromDisposeScope();
        Count = offset;
        Address = dtype == ScalarType.Float32 && device.type == TorchSharp.DeviceType.CPU ? (float*)AtenC.Address(Data) : null;
        views = new Tensor[slices.Count];
        for (int i = 0; i < views.Length; i++)
        {
            using Tensor range = Data.narrow(0, slices[i].Offset, slices[i].Count);
            views[i] = range.view([.. slices[i].Shape]).DetachFromDisposeScope();
        }
    }

    /// <summary>The whole buffer, one dimension.</summary>
    public Tensor Data { get; }

    /// <summary>First number of a buffer of float32 on the CPU, null for others; valid as long as the buffer.</summary>
    internal float* Address { get; }

    /// <summary>Elements of all slices and of the gaps between them.</summary>
    internal long Count { get; }

    /// <summary>Size of the buffer.</summary>
    internal long Bytes => Data.numel() * Data.element_size();

    /// <summary>What lies where.</summary>
    public IReadOnlyList<FlatSlice> Slices { get; }

    /// <summary>The tensor of a slice; it shares the buffer's memory and is owned by the buffer.</summary>
    /// <param name="index">Index into <see cref="Slices"/>.</param>
    /// <returns>A view of the slice's shape.</returns>
    public Tensor this[int index] => views[index];

    /// <summary>Moves tensors into a new buffer: their values are copied and their storage becomes the buffer's, so that both always show the same values.</summary>
    /// <param name="tensors">Names and tensors in order, all of one dtype and device.</param>
    /// <returns>The buffer; it must outlive the tensors' use or be detached by moving them again.</returns>
    /// <exception cref="ArgumentException">The tensors differ in dtype or device.</exception>
    public static FlatBuffer Adopt(IReadOnlyList<(string Name, Tensor Tensor)> tensors)
    {
        if (tensors.Count == 0)
        {
            return new FlatBuffer([], ScalarType.Float32, CPU);
        }

        Tensor first = tensors[0].Tensor;
        foreach ((string name, Tensor tensor) in tensors)
        {
            if (tensor.dtype != first.dtype || tensor.device_type != first.device_type || tensor.device_index != first.device_index)
            {
                throw new ArgumentException(
                    $"Parameter '{name}' is {tensor.dtype} on {tensor.device}, but '{tensors[0].Name}' is {first.dtype} on {first.device}. "
                    + "Move the whole model to one dtype and device (model.to(...)) before training.",
                    nameof(tensors));
            }
        }

        var buffer = new FlatBuffer(tensors.Select(static pair => (pair.Name, pair.Tensor.shape)), first.dtype, first.device);
        using IDisposable guard = no_grad();
        for (int i = 0; i < tensors.Count; i++)
        {
            buffer[i].copy_(tensors[i].Tensor).DisposeAliasOf(buffer[i]);
            tensors[i].Tensor.set_(buffer[i]).DisposeAliasOf(tensors[i].Tensor);
        }

        return buffer;
    }

    /// <summary>A zeroed buffer of the same layout, dtype and device.</summary>
    /// <returns>The new buffer.</returns>
    public FlatBuffer Like() => new(Slices.Select(static slice => (slice.Name, slice.Shape.ToArray())), Data.dtype, Data.device);

    /// <summary>Frees the views and the memory, unless tensors adopted by it still use it.</summary>
    public void Dispose()
    {
        foreach (Tensor view in views)
        {
            view.Dispose();
        }

        Data.Dispose();
    }
}

/// <summary>Helpers for in-place operators.</summary>
internal static class InPlace
{
    /// <summary>Some in-place operators return their receiver and some a second wrapper of it: disposes the latter, never the former.</summary>
    public static void DisposeAliasOf(this Tensor result, Tensor receiver)
    {
        if (!ReferenceEquals(result, receiver))
        {
            result.Dispose();
        }
    }
}
