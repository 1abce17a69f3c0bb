using System.Globalization;

namespace ModelGen.Compiler.Text;

/// <summary>Amounts of memory as people write them.</summary>
internal static class ByteSize
{
    private static readonly (string Unit, double Bytes)[] Units =
    [
        ("KIB", 1L << 10), ("MIB", 1L << 20), ("GIB", 1L << 30), ("TIB", 1L << 40), ("KB", 1e3), ("MB", 1e6), ("GB", 1e9), ("TB", 1e12), ("B", 1),
    ];

    /// <summary>The bytes of a text such as <c>1.5 GiB</c>; null when it is no amount above 0.</summary>
    public static long? Parse(string text)
    {
        string upper = text.Trim().ToUpperInvariant();
        (string unit, double factor) = Units.FirstOrDefault(entry => upper.EndsWith(entry.Unit, StringComparison.Ordinal));
        return unit is not null
            && double.TryParse(upper.Substring(0, upper.Length - unit.Length), NumberStyles.AllowDecimalPoint | NumberStyles.AllowTrailingWhite, CultureInfo.InvariantCulture, out double number)
            && number * factor is >= 1 and < long.MaxValue
            ? (long)(number * factor) : null;
    }

    /// <summary>The amount with its largest binary unit: <c>612.4 MiB</c>.</summary>
    public static string Format(long bytes) => bytes < 1 << 10
        ? bytes.ToString(CultureInfo.InvariantCulture) + " B"
        : Units.Take(4).Where(unit => bytes >= unit.Bytes).Select(unit => (bytes / unit.Bytes).ToString("0.#", CultureInfo.InvariantCulture) + " " + unit.Unit[0] + "iB").Last();
}
