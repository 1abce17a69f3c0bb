using System.Text;
using System.Text.RegularExpressions;

namespace ModelGen;

/// <summary>Settings of the parameters that a pattern names.</summary>
/// <param name="Pattern">State-dict keys, with <c>*</c> for any characters and <c>?</c> for one: <c>"encoder.*"</c>, <c>"*.bias"</c>.</param>
public sealed record ParameterGroup(string Pattern)
{
    /// <summary>Weight decay; null keeps that of the optimizer. 0 also leaves the parameters out of L1 and L2.</summary>
    public double? WeightDecay { get; init; }

    /// <summary>Factor of the learning rate; default 1.</summary>
    public double RateFactor { get; init; } = 1;

    /// <summary>Whether the parameters stay as they are; default false.</summary>
    public bool Frozen { get; init; }

    /// <summary>Whether Muon updates the matrices among them; default true. Set to false for embeddings and for the last layer, which then get AdamW's update.</summary>
    public bool Muon { get; init; } = true;
}

/// <summary>Patterns over state-dict keys.</summary>
internal static class NamePattern
{
    /// <summary>Indices of the names that a pattern fits.</summary>
    /// <exception cref="ArgumentException">None does.</exception>
    public static int[] Find(string pattern, IReadOnlyList<string> names)
    {
        var expression = new StringBuilder("^");
        foreach (char letter in pattern)
        {
            expression.Append(letter switch { '*' => ".*", '?' => ".", _ => Regex.Escape(letter.ToString()) });
        }

        var regex = new Regex(expression.Append('$').ToString(), RegexOptions.CultureInvariant);
        int[] found = [.. Enumerable.Range(0, names.Count).Where(index => regex.IsMatch(names[index]))];
        return found.Length > 0
            ? found
            : throw new ArgumentException($"No parameter is named '{pattern}'. Names are state-dict keys such as '{string.Join("', '", names.Take(3))}'; * stands for any characters.", nameof(pattern));
    }
}
