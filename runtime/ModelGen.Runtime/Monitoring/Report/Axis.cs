using System.Globalization;

namespace ModelGen.Monitoring;

/// <summary>Maps a range of values to pixels, with round numbers at its ticks.</summary>
internal sealed class Axis
{
    private readonly double low;
    private readonly double high;
    private readonly double from;
    private readonly double to;
    private readonly double step;

    /// <summary>An axis over the values.</summary>
    /// <param name="values">Values to be shown; those that are not finite are left out.</param>
    /// <param name="from">Pixel of the smallest value.</param>
    /// <param name="to">Pixel of the largest.</param>
    /// <param name="ticks">About how many ticks.</param>
    /// <param name="fitsTicks">Whether the range grows to whole ticks.</param>
    /// <param name="counts">Whether values are whole numbers, which have no ticks between them.</param>
    public Axis(IEnumerable<double> values, double from, double to, int ticks, bool fitsTicks, bool counts = false)
    {
        double[] finite = [.. values.Where(double.IsFinite).DefaultIfEmpty(0)];
        (low, high) = (finite.Min(), finite.Max());
        if (high - low <= Math.Max(Math.Abs(high), Math.Abs(low)) * 1e-9)
        {
            double room = low == 0 ? 1 : Math.Abs(low) * 0.1;
            (low, high) = (low - (low == 0 ? 0 : room), high + room);
        }

        step = counts ? Math.Max(1, NiceStep((high - low) / ticks)) : NiceStep((high - low) / ticks);
        if (fitsTicks)
        {
            (low, high) = (Math.Floor(low / step) * step, Math.Ceiling(high / step) * step);
        }

        this.from = from;
        this.to = to;
    }

    /// <summary>Values at the ticks, with their texts.</summary>
    public IEnumerable<(double Value, string Text)> Ticks()
    {
        int decimals = Math.Clamp((int)-Math.Floor(Math.Log10(step) + 1e-9), 0, 12);
        bool scientific = Math.Max(Math.Abs(low), Math.Abs(high)) is >= 1e6 or < 1e-3;
        for (double index = Math.Ceiling((low / step) - 1e-9); index * step <= high + (step * 1e-9); index++)
        {
            // Adding zero makes a negative zero positive.
            double value = (index * step) + 0.0;
            string text = scientific
                ? (value == 0 ? "0" : value.ToString("0.##e+0", CultureInfo.InvariantCulture))
                : value.ToString("N" + decimals.ToString(CultureInfo.InvariantCulture), CultureInfo.InvariantCulture);
            yield return (value, text);
        }
    }

    public double At(double value) => from + ((value - low) / (high - low) * (to - from));

    /// <summary>1, 2 or 5 times a power of ten, not below a number.</summary>
    private static double NiceStep(double least)
    {
        double power = Math.Pow(10, Math.Floor(Math.Log10(least)));
        double share = least / power;
        return power * (share <= 1 ? 1 : share <= 2 ? 2 : share <= 5 ? 5 : 10);
    }
}
