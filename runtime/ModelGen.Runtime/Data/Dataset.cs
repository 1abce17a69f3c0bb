using System.Runtime.InteropServices;
using static TorchSharp.torch;

namespace ModelGen.Data;

/// <summary>What one field of a sample is.</summary>
/// <param name="Name">Name for messages.</param>
/// <param name="Type">Element type.</param>
/// <param name="Shape">Sizes of one sample, without the batch dimension.</param>
public sealed record FieldSpec(string Name, ElementType Type, long[] Shape)
{
    /// <summary>Elements of one sample.</summary>
    public int Count { get; } = checked((int)Shape.Aggregate(1L, static (product, size) => product * size));

    /// <summary>Bytes of one sample.</summary>
    public int Bytes => Count * ElementBytes;

    /// <summary>Bytes of one element.</summary>
    public int ElementBytes => Type switch { ElementType.Float32 => 4, ElementType.Int64 => 8, _ => 1 };

    /// <summary>The TorchSharp element type.</summary>
    public ScalarType ScalarType => Type switch { ElementType.Float32 => ScalarType.Float32, ElementType.Int64 => ScalarType.Int64, _ => ScalarType.Bool };
}

/// <summary>A map-style data set: samples by index, each with inputs and a target.</summary>
public abstract class Dataset
{
    /// <summary>Number of samples.</summary>
    public abstract int Count { get; }

    /// <summary>The model inputs of a sample, in the order of <c>Forward</c>'s parameters.</summary>
    public abstract IReadOnlyList<FieldSpec> Inputs { get; }

    /// <summary>The target of a sample.</summary>
    public abstract FieldSpec Target { get; }

    /// <summary>Copies samples into batch memory: row-major, little-endian, <c>indices.Length</c> samples a buffer.</summary>
    /// <param name="indices">Samples to copy, in order; each in [0, <see cref="Count"/>).</param>
    /// <param name="inputs">One buffer per input, exactly large enough.</param>
    /// <param name="target">Buffer of the target, exactly large enough.</param>
    public abstract void Read(ReadOnlySpan<int> indices, IReadOnlyList<Memory<byte>> inputs, Memory<byte> target);

    /// <summary>Splits the data set at random.</summary>
    /// <param name="fraction">Share of the first part, in (0, 1).</param>
    /// <param name="seed">Seed of the choice.</param>
    /// <returns>Two disjoint parts that together hold every sample.</returns>
    public (Dataset First, Dataset Second) Split(double fraction, int seed = 0)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(fraction);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(fraction, 1.0);
        int[] order = Shuffler.Permutation(Count, seed, epoch: 0);
        int first = (int)Math.Round(Count * fraction);
        return (new Subset(this, order[..first]), new Subset(this, order[first..]));
    }

    /// <summary>Consecutive samples as tensors, for inference and verification.</summary>
    /// <param name="start">First sample.</param>
    /// <param name="count">Number of samples.</param>
    /// <returns>One tensor per input and the target, batch first; the caller disposes them.</returns>
    public (Tensor[] Inputs, Tensor Target) ToTensors(int start, int count)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(start);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(start + count, Count);
        byte[][] inputs = [.. Inputs.Select(field => new byte[field.Bytes * count])];
        byte[] target = new byte[Target.Bytes * count];
        int[] indices = [.. Enumerable.Range(start, count)];
        Read(indices, [.. inputs.Select(static buffer => buffer.AsMemory())], target);
        return ([.. inputs.Select((buffer, index) => ToTensor(Inputs[index], buffer, count))], ToTensor(Target, target, count));
    }

    private static Tensor ToTensor(FieldSpec field, byte[] bytes, int count)
    {
        long[] shape = [count, .. field.Shape];
        return field.Type switch
        {
            ElementType.Float32 => tensor(MemoryMarshal.Cast<byte, float>(bytes).ToArray(), shape),
            ElementType.Int64 => tensor(MemoryMarshal.Cast<byte, long>(bytes).ToArray(), shape),
            _ => tensor(MemoryMarshal.Cast<byte, bool>(bytes).ToArray(), shape),
        };
    }
}

/// <summary>Some samples of another data set.</summary>
/// <param name="source">The other data set.</param>
/// <param name="indices">Its samples, in the order of this one.</param>
public sealed class Subset(Dataset source, int[] indices) : Dataset
{
    /// <inheritdoc/>
    public override int Count => indices.Length;

    /// <inheritdoc/>
    public override IReadOnlyList<FieldSpec> Inputs => source.Inputs;

    /// <inheritdoc/>
    public override FieldSpec Target => source.Target;

    /// <inheritdoc/>
    public override void Read(ReadOnlySpan<int> samples, IReadOnlyList<Memory<byte>> inputs, Memory<byte> target)
    {
        int[] mapped = new int[samples.Length];
        for (int i = 0; i < mapped.Length; i++)
        {
            mapped[i] = indices[samples[i]];
        }

        source.Read(mapped, inputs, target);
    }
}
