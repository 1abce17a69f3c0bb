using System.Globalization;

namespace Digits;

/// <summary>Numbers as the sample prints them, in any culture.</summary>
internal static class Text
{
    public static string Count(long value) => value.ToString("N0", CultureInfo.InvariantCulture);

    public static string Percent(double share) => (100 * share).ToString("0.00", CultureInfo.InvariantCulture) + " %";
}
