using System.Globalization;

namespace ModelGen.Coverage;

/// <summary>Prints verdicts.</summary>
internal static class Table
{
    public static void Row(Verdict verdict)
    {
        string errors = string.Join("  ", verdict.Errors.Select(static pair => $"{pair.Key} {pair.Value.ToString("0.0e0", CultureInfo.InvariantCulture)}"));
        Console.WriteLine($"{Name(verdict.Outcome),-9} {verdict.Case,-44} {errors}".TrimEnd());
        foreach (Finding finding in verdict.Findings.Take(6))
        {
            Console.WriteLine($"            {finding.Id} {finding.Where} {finding.Message}");
        }
    }

    public static void Totals(IReadOnlyCollection<Verdict> verdicts)
    {
        Console.WriteLine();
        foreach (IGrouping<Outcome, Verdict> group in verdicts.GroupBy(static verdict => verdict.Outcome).OrderBy(static group => group.Key))
        {
            Console.WriteLine($"{Name(group.Key),-9} {group.Count()}");
        }

        Console.WriteLine($"{"total",-9} {verdicts.Count}");
    }

    private static string Name(Outcome outcome) => outcome switch
    {
        Outcome.NoBuild => "no-build",
        Outcome.BadCase => "bad-case",
        _ => outcome.ToString().ToLowerInvariant(),
    };
}
