using System.Globalization;
using ModelGen.Data;

namespace Tabular;

/// <summary>
/// Subscribers of a telephone company and whether they left. The table is drawn, with what makes such tables hard: support calls drive away new customers more than old ones, a price above what the
/// usage is worth drives away all but the old, a tenth of the cells of age and a few of usage and region are empty, and chance decides too.
/// </summary>
internal static class SubscriberTable
{
    private const string Header = "months,age,price,usage,calls,plan,region,payment,left";

    private static readonly string[] Plans = ["basic", "family", "premium"], Regions = ["east", "north", "south", "west"], Payments = ["card", "invoice", "transfer"], Answers = ["no", "yes"];

    /// <summary>The columns, in the order of the model's inputs.</summary>
    public static TableSchema Schema { get; } = new()
    {
        Features =
        [
            Number("months"), Number("age"), Number("price"), Number("usage"), Number("calls"),
            Category("plan", Plans), Category("region", Regions), Category("payment", Payments),
        ],
        Target = new CategoryColumn("left") { Categories = Answers },
    };

    /// <summary>Draws a table.</summary>
    /// <param name="path">The file.</param>
    /// <param name="count">Number of subscribers.</param>
    /// <param name="seed">Seed of the drawing.</param>
    /// <returns>The share that someone who knows each subscriber's probability of leaving is expected to guess right: no model can do better but by luck.</returns>
    public static double Write(string path, int count, int seed)
    {
        var random = new Random(seed);
        double best = 0;
        using var file = new StreamWriter(path);
        file.WriteLine(Header);
        for (int i = 0; i < count; i++)
        {
            int months = (int)(-24 * Math.Log(1 - random.NextDouble())), calls = Calls(random), plan = random.Next(3), payment = random.Next(3);
            double age = 18 + (60 * random.NextDouble()), usage = -8 * (plan + 1) * Math.Log(1 - random.NextDouble()), price = (12 * (plan + 1)) + (6 * random.NextDouble());
            double urge = -0.6 + (1.6 * calls / (1 + (months / 12.0))) + (0.12 * (price - 12 - (0.9 * usage))) - (months / 30.0) + (payment == 1 ? 0.8 : 0) - (age > 60 ? 1.2 : 0);
            double chance = 1 / (1 + Math.Exp(-1.6 * urge));
            best += Math.Max(chance, 1 - chance) / count;
            file.WriteLine(string.Join(
                ',',
                Text(months, 0),
                random.NextDouble() < 0.1 ? "" : Text(age, 0),
                Text(price, 2),
                random.NextDouble() < 0.05 ? "" : Text(usage, 1),
                Text(calls, 0),
                Plans[plan],
                random.NextDouble() < 0.04 ? "" : Regions[random.Next(4)],
                Payments[payment],
                Answers[random.NextDouble() < chance ? 1 : 0]));
        }

        return best;
    }

    private static NumberColumn Number(string name) => new(name) { Missing = MissingNumber.Median, Standardize = true };

    private static CategoryColumn Category(string name, string[] categories) => new(name) { Categories = categories, Missing = MissingCategory.OwnCategory, OneHot = false };

    private static string Text(double value, int digits) => value.ToString($"F{digits}", CultureInfo.InvariantCulture);

    /// <summary>Calls to the support in a year: Poisson with mean 1.2, by inversion.</summary>
    private static int Calls(Random random)
    {
        double left = random.NextDouble() * Math.Exp(1.2), term = 1;
        int count = 0;
        while ((left -= term) > 0)
        {
            term *= 1.2 / ++count;
        }

        return count;
    }
}
