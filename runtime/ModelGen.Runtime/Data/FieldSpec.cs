using static TorchSharp.torch;

namespace ModelGen.Data;

/// <summary>What one field of a sample is.</summary>
/// <param name="Name">Name for messages.</param>
/// <param name="Type">Element type.</param>
/// <param name="Shape">Sizes of one sample, without the batch dimension. A first size of -1 says that samples differ in length: a batch is as long as its longest sample.</param>
public sealed record FieldSpec(string Name, ElementType Type, long[] Shape)
{
    /// <summary>Elements of one sample; of one position of it where the length varies.</summary>
    public int Count { get; } = checked((int)Shape.AsSpan(Shape is [-1, ..] ? 1 : 0).ToArray().Aggregate(1L, static (product, size) => product * size));

    /// <summary>Whether samples differ in length.</summary>
    public bool IsVariable => Shape is [-1, ..];

    /// <summary>What fills a shorter sample up to the length of its batch; default 0. Cross-entropy ignores targets of -100.</summary>
    public double Padding { get; init; }

    /// <summary>Bytes of one sample; of one position of it where the length varies.</summary>
    public int Bytes => checked(Count * ElementBytes);

    /// <summary>Bytes of one element.</summary>
    public int ElementBytes => Type switch { ElementType.Float32 => 4, ElementType.Int64 => 8, _ => 1 };

    /// <summary>The TorchSharp element type.</summary>
    public ScalarType ScalarType => Type switch { ElementType.Float32 => ScalarType.Float32, ElementType.Int64 => ScalarType.Int64, _ => ScalarType.Bool };

    /// <summary>Shape of a batch.</summary>
    internal long[] BatchShape(int samples, int length) => IsVariable ? [samples, length, .. Shape.AsSpan(1)] : [samples, .. Shape];

    /// <summary>Whether two fields can follow each other in one batch.</summary>
    internal bool Fits(FieldSpec other) => Type == other.Type && Shape.AsSpan().SequenceEqual(other.Shape);

    /// <summary>Type and shape for messages.</summary>
    internal string Describe() => $"{Type} [{string.Join(", ", Shape)}]";
}
