using System.ComponentModel;
using ModelGen.Kernels;
using static TorchSharp.torch;

namespace ModelGen;

/// <summary>What generated code over kernels does besides calling them: checks of values, and the way from tensors to memory and back. Used by generated code only.</summary>
[EditorBrowsable(EditorBrowsableState.Never)]
public static unsafe class KernelOps
{
    /// <summary>Copies a tensor into memory of kernels; booleans become 0 and 1.</summary>
    /// <param name="input">Tensor on the CPU.</param>
    /// <param name="target">Receives its elements by rows.</param>
    public static void Load(Tensor input, Floats target)
    {
        if (!input.is_contiguous())
        {
            using Tensor contiguous = input.contiguous();
            Load(contiguous, target);
            return;
        }

        long count = input.numel();
        var address = (void*)AtenC.Address(input);
        if (input.dtype == ScalarType.Bool)
        {
            var flags = (byte*)address;
            for (nint i = 0; i < count; i++)
            {
                target[i] = flags[i];
            }
        }
        else
        {
            long bytes = count * input.element_size();
            Buffer.MemoryCopy(address, target, bytes, bytes);
        }

        GC.KeepAlive(input);
    }

    /// <summary>As for floats.</summary>
    /// <param name="input">Tensor on the CPU.</param>
    /// <param name="target">Receives its elements by rows.</param>
    public static void Load(Tensor input, Longs target) => Load(input, target.AsFloats());

    /// <summary>A new tensor with a copy of memory of kernels.</summary>
    /// <param name="address">Elements by rows; booleans are 0 and 1.</param>
    /// <param name="type">Element type.</param>
    /// <param name="sizes">Sizes.</param>
    /// <returns>The tensor; the caller disposes it.</returns>
    public static Tensor Result(Floats address, ScalarType type, ReadOnlySpan<long> sizes)
    {
        Tensor result = empty(sizes, type);
        long count = result.numel();
        var target = (void*)AtenC.Address(result);
        if (type == ScalarType.Bool)
        {
            for (nint i = 0; i < count; i++)
            {
                ((byte*)target)[i] = address[i] != 0 ? (byte)1 : (byte)0;
            }
        }
        else
        {
            long bytes = count * result.element_size();
            Buffer.MemoryCopy(address, target, bytes, bytes);
        }

        return result;
    }

    /// <summary>As for floats.</summary>
    /// <param name="address">Elements by rows.</param>
    /// <param name="type">Element type.</param>
    /// <param name="sizes">Sizes.</param>
    /// <returns>The tensor; the caller disposes it.</returns>
    public static Tensor Result(Longs address, ScalarType type, ReadOnlySpan<long> sizes) => Result(address.AsFloats(), type, sizes);

    /// <summary>Checks a slice whose bounds depend on sizes that are known only at run time.</summary>
    /// <param name="start">First element.</param>
    /// <param name="length">Number of elements.</param>
    /// <param name="size">Size of the dimension.</param>
    /// <param name="source">The user's expression.</param>
    /// <exception cref="ArgumentOutOfRangeException">The slice leaves the tensor.</exception>
    public static void CheckSlice(nint start, nint length, nint size, string source)
    {
        if (start < 0 || length < 0 || start + length > size)
        {
            throw new ArgumentOutOfRangeException(nameof(length), $"'{source}' takes the elements {start} to {start + length} of a dimension of {size} elements. The compiled model takes slices as they were written for larger inputs; give it an input that is large enough.");
        }
    }

    /// <summary>Throws when a target is no class.</summary>
    /// <param name="row">-1, or the place of the target.</param>
    /// <param name="targets">Targets.</param>
    /// <param name="classes">Number of classes.</param>
    /// <exception cref="ArgumentOutOfRangeException">A target is no class. Where the targets are an input, nothing was computed.</exception>
    public static void CheckTarget(nint row, Longs targets, nint classes)
    {
        if (row >= 0)
        {
            throw new ArgumentOutOfRangeException(
                nameof(targets), $"Target {targets[row]} at position {row} of the batch is not a class: the model has {classes} classes, 0 to {classes - 1}. Targets of -100 are ignored. Check the labels, or the size of the last layer.");
        }
    }

    /// <summary>Throws when an index of an embedding is outside its table.</summary>
    /// <param name="place">-1, or the place of the index.</param>
    /// <param name="indices">Indices.</param>
    /// <param name="vocabulary">Rows of the table.</param>
    /// <param name="source">The user's expression.</param>
    /// <exception cref="ArgumentOutOfRangeException">An index is no row.</exception>
    public static void CheckIndex(nint place, Longs indices, nint vocabulary, string source)
    {
        if (place >= 0)
        {
            throw new ArgumentOutOfRangeException(nameof(indices), $"'{source}': index {indices[place]} at position {place} is outside the table, which has {vocabulary} rows, 0 to {vocabulary - 1}. Check the tokens, or the size of the embedding.");
        }
    }

    /// <summary>Throws when an index of a gather or scatter is outside of the dimension.</summary>
    /// <param name="place">-1, or the place of the index.</param>
    /// <param name="indices">Indices.</param>
    /// <param name="size">Size of the dimension.</param>
    /// <param name="source">The user's expression.</param>
    /// <exception cref="ArgumentOutOfRangeException">An index is outside.</exception>
    public static void CheckElement(nint place, Longs indices, nint size, string source)
    {
        if (place >= 0)
        {
            throw new ArgumentOutOfRangeException(nameof(indices), $"'{source}': index {indices[place]} at position {place} is outside of the dimension, which has {size} elements, 0 to {size - 1}.");
        }
    }

    /// <summary>Throws when a batch normalisation has a single value for each channel.</summary>
    /// <param name="rows">Values of a channel.</param>
    /// <param name="source">The user's expression.</param>
    /// <exception cref="ArgumentException">There is one value.</exception>
    public static void CheckBatch(nint rows, string source)
    {
        if (rows < 2)
        {
            throw new ArgumentException($"'{source}': batch normalisation in training needs more than one value per channel. Use a larger batch, or drop the last batch of an epoch when it has one sample.");
        }
    }

    /// <summary>Writes whole numbers of equal distance.</summary>
    /// <param name="target">Receives them.</param>
    /// <param name="start">First number.</param>
    /// <param name="step">Distance.</param>
    /// <param name="count">How many.</param>
    public static void Range(Longs target, long start, long step, nint count)
    {
        for (nint i = 0; i < count; i++)
        {
            target[i] = start + (i * step);
        }
    }

    /// <summary>A tensor of libtorch over memory of the step, for operators without a kernel. Booleans, which kernels keep as 0 and 1, are converted.</summary>
    /// <param name="address">First element.</param>
    /// <param name="type">Element type.</param>
    /// <param name="sizes">Sizes.</param>
    /// <param name="strides">Strides in elements.</param>
    /// <returns>The tensor; for booleans a copy.</returns>
    public static Tensor View(Floats address, ScalarType type, ReadOnlySpan<long> sizes, ReadOnlySpan<long> strides)
    {
        if (type != ScalarType.Bool)
        {
            return AtenC.View((IntPtr)address.Address, sizes, strides, type);
        }

        using Tensor numbers = AtenC.View((IntPtr)address.Address, sizes, strides, ScalarType.Float32);
        return numbers.to_type(ScalarType.Bool);
    }

    /// <summary>Copies a result of a libtorch operator to memory of the step.</summary>
    /// <param name="result">The result.</param>
    /// <param name="address">Where its elements go, by rows.</param>
    public static void Put(Tensor result, Floats address)
    {
        using Tensor converted = result.to_type(result.dtype == ScalarType.Int64 ? ScalarType.Int64 : ScalarType.Float32);
        using Tensor rows = converted.contiguous();
        long bytes = rows.numel() * rows.element_size();
        Buffer.MemoryCopy((void*)AtenC.Address(rows), address, bytes, bytes);
    }

    /// <summary>As for floats.</summary>
    /// <param name="result">The result.</param>
    /// <param name="address">Where its elements go, by rows.</param>
    public static void Put(Tensor result, Longs address) => Put(result, address.AsFloats());
}
