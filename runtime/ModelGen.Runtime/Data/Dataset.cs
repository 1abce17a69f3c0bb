using System.Buffers;
using static TorchSharp.torch;

namespace ModelGen.Data;

/// <summary>A map-style data set: samples by index, each with inputs and a target.</summary>
public abstract class Dataset
{
    /// <summary>Number of samples.</summary>
    public abstract int Count { get; }

    /// <summary>The model inputs of a sample, in the order of <c>Forward</c>'s parameters.</summary>
    public abstract IReadOnlyList<FieldSpec> Inputs { get; }

    /// <summary>The target of a sample.</summary>
    public abstract FieldSpec Target { get; }

    /// <summary>Writes one sample into the memory of its batch. Several threads call it at once, each with a <see cref="Sample"/> of its own.</summary>
    /// <param name="index">The sample, in [0, <see cref="Count"/>).</param>
    /// <param name="sample">Where it is written; what is random in it comes from <see cref="Sample.Random"/>.</param>
    public abstract void Read(int index, Sample sample);

    /// <summary>Positions of a sample in the fields of varying length. Only data sets that have such fields need it.</summary>
    /// <param name="index">The sample.</param>
    /// <returns>The length; 0 where no field varies.</returns>
    public virtual int Length(int index) => 0;

    /// <summary>What a message calls a sample; a data set of files adds the file.</summary>
    /// <param name="index">The sample.</param>
    /// <returns>A few words.</returns>
    public virtual string Describe(int index) => $"sample {index}";

    /// <summary>Copies samples into memory: row-major, little-endian, <c>indices.Length</c> samples a buffer. Random transforms draw as in epoch 0 with seed 0.</summary>
    /// <param name="indices">Samples to copy, in order; each in [0, <see cref="Count"/>).</param>
    /// <param name="inputs">One buffer per input, exactly large enough.</param>
    /// <param name="target">Buffer of the target, exactly large enough.</param>
    /// <exception cref="NotSupportedException">Samples differ in length.</exception>
    public unsafe void Read(ReadOnlySpan<int> indices, IReadOnlyList<Memory<byte>> inputs, Memory<byte> target)
    {
        FieldSpec[] fields = [.. Inputs, Target];
        Memory<byte>[] buffers = [.. inputs, target];
        RequireFixed(fields);
        var handles = new MemoryHandle[fields.Length];
        try
        {
            for (int field = 0; field < fields.Length; field++)
            {
                ArgumentOutOfRangeException.ThrowIfLessThan(buffers[field].Length, checked(fields[field].Bytes * indices.Length), fields[field].Name);
                handles[field] = buffers[field].Pin();
            }

            var sample = new Sample(fields);
            for (int i = 0; i < indices.Length; i++)
            {
                for (int field = 0; field < fields.Length; field++)
                {
                    sample.Place(field, (nint)handles[field].Pointer + (i * fields[field].Bytes));
                }

                sample.Random.MoveTo(0, 0, indices[i]);
                Read(indices[i], sample);
            }
        }
        finally
        {
            foreach (MemoryHandle handle in handles)
            {
                handle.Dispose();
            }
        }
    }

    /// <summary>Some samples of this data set.</summary>
    /// <param name="indices">The samples, in the order of the new data set; each in [0, <see cref="Count"/>).</param>
    /// <returns>The data set.</returns>
    /// <exception cref="ArgumentOutOfRangeException">There is no such sample.</exception>
    public Subset Select(IReadOnlyList<int> indices) => new(this, [.. indices]);

    /// <summary>Consecutive samples of this data set.</summary>
    /// <param name="start">First sample.</param>
    /// <param name="count">Number of samples.</param>
    /// <returns>The data set.</returns>
    /// <exception cref="ArgumentOutOfRangeException">There are fewer samples.</exception>
    public Subset Slice(int start, int count) => new(this, [.. Enumerable.Range(start, count)]);

    /// <summary>This data set and others behind it.</summary>
    /// <param name="others">The others, with fields of the same types and shapes.</param>
    /// <returns>The data set.</returns>
    /// <exception cref="ArgumentException">The fields do not fit.</exception>
    public ConcatDataset Concat(params IReadOnlyList<Dataset> others) => new([this, .. others]);

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
    /// <exception cref="NotSupportedException">Samples differ in length.</exception>
    public (Tensor[] Inputs, Tensor Target) ToTensors(int start, int count)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(start);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(start + count, Count);
        FieldSpec[] fields = [.. Inputs, Target];
        RequireFixed(fields);
        Tensor[] tensors = [.. fields.Select(field => zeros(field.BatchShape(count, 0), field.ScalarType))];
        var sample = new Sample(fields);
        for (int i = 0; i < count; i++)
        {
            for (int field = 0; field < fields.Length; field++)
            {
                sample.Place(field, AtenC.Address(tensors[field]) + ((nint)i * fields[field].Bytes));
            }

            sample.Random.MoveTo(0, 0, start + i);
            Read(start + i, sample);
        }

        return (tensors[..^1], tensors[^1]);
    }

    private static void RequireFixed(FieldSpec[] fields)
    {
        if (Array.Find(fields, static field => field.IsVariable) is { } variable)
        {
            throw new NotSupportedException($"Samples differ in the length of '{variable.Name}'; a DataLoader pads them to the longest of a batch.");
        }
    }
}
