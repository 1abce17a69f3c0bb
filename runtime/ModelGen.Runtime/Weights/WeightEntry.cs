using System.Globalization;
using System.Text;

namespace ModelGen.Weights;

/// <summary>A tensor of a file of weights: what is known without reading its numbers.</summary>
public sealed class WeightEntry
{
    private readonly long[] shape;

    internal WeightEntry(string name, WeightType type, long[] shape, long byteCount, int index)
    {
        Name = name;
        Type = type;
        this.shape = shape;
        ByteCount = byteCount;
        Index = index;
    }

    /// <summary>State-dict key.</summary>
    public string Name { get; }

    /// <summary>Type of its numbers.</summary>
    public WeightType Type { get; }

    /// <summary>Sizes; empty for a single number.</summary>
    public IReadOnlyList<long> Shape => shape;

    /// <summary>Bytes of the numbers, row-major without gaps.</summary>
    public long ByteCount { get; }

    /// <summary>Number of the tensor in its file.</summary>
    internal int Index { get; }

    /// <summary>Name, type and shape: <c>conv1.weight Float32 [32, 1, 3, 3]</c>.</summary>
    public override string ToString() => $"{Shown(Name)} {Type} {Shown(shape)}";

    /// <summary>A shape as text.</summary>
    internal static string Shown(IReadOnlyList<long> shape) => $"[{string.Join(", ", shape.Select(static size => size.ToString(CultureInfo.InvariantCulture)))}]";

    /// <summary>A name as it may stand in a message or a table: one line and not too long, whatever the file holds.</summary>
    internal static string Shown(string name)
    {
        const int Longest = 120;
        if (name.Length <= Longest && !name.Any(static letter => char.IsControl(letter) || char.IsSurrogate(letter)))
        {
            return name;
        }

        var text = new StringBuilder();
        foreach (char letter in name.AsSpan(0, Math.Min(name.Length, Longest)))
        {
            _ = char.IsControl(letter) || char.IsSurrogate(letter) ? text.Append(CultureInfo.InvariantCulture, $"\\u{(int)letter:x4}") : text.Append(letter);
        }

        return name.Length > Longest ? text.Append("...").ToString() : text.ToString();
    }
}
