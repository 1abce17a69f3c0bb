using System.Globalization;

namespace ModelGen.Compiler;

/// <summary>Numbers and identifiers as C# source text, whatever the machine's culture.</summary>
internal static class Invariant
{
    public static string Text(long value) => value.ToString(CultureInfo.InvariantCulture);

    /// <summary>A double literal that reads back to the same bits.</summary>
    public static string Text(double value)
    {
        if (double.IsNaN(value))
        {
            return "double.NaN";
        }

        if (double.IsInfinity(value))
        {
            return value > 0 ? "double.PositiveInfinity" : "double.NegativeInfinity";
        }

        string text = value.ToString("R", CultureInfo.InvariantCulture);
        return text.IndexOfAny(['.', 'E', 'e']) < 0 ? text + ".0" : text;
    }

    public static string Text(bool value) => value ? "true" : "false";

    /// <summary>A C# string literal.</summary>
    public static string Literal(string value) =>
        "\"" + value.Replace("\\", "\\\\").Replace("\"", "\\\"").Replace("\n", "\\n").Replace("\r", "\\r").Replace("\t", "\\t") + "\"";

    /// <summary>A large number with thin grouping, as documentation shows it: 1 179 776.</summary>
    public static string Grouped(long value) => value.ToString("#,0", CultureInfo.InvariantCulture).Replace(',', ' ');

    /// <summary>A count with a unit prefix, two or three digits: 2.4 M.</summary>
    public static string Scaled(double value)
    {
        string[] units = [" ", " K", " M", " G", " T", " P"];
        int unit = 0;
        while (value >= 1000 && unit < units.Length - 1)
        {
            value /= 1000;
            unit++;
        }

        return value.ToString(value < 10 && unit > 0 ? "0.0" : "0", CultureInfo.InvariantCulture) + units;
    }
}
