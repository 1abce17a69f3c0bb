namespace ModelGen.Weights;

/// <summary>Keys of a file that may be meant by keys that a model misses.</summary>
internal sealed class NearMatches
{
    // Beyond this many comparisons of two keys only exact rules are tried.
    private const long MostComparisons = 200_000;
    private const int MostPrefixes = 50;

    private readonly string[] missing;
    private readonly string[] unexpected;
    private readonly Dictionary<string, string> found = new(StringComparer.Ordinal);

    /// <summary>Looks for near matches.</summary>
    /// <param name="missing">Keys that the model has and the file lacks.</param>
    /// <param name="unexpected">Keys that the file has and the model lacks.</param>
    public NearMatches(string[] missing, string[] unexpected)
    {
        this.missing = missing;
        this.unexpected = unexpected;
        MatchEnds();
        MatchSpelling();
        MatchDistance();
        Hint = CommonPrefix();
    }

    /// <summary>Source code of a function that turns keys of the file into those of the model, if one prefix explains all missing keys.</summary>
    public string? Hint { get; }

    /// <summary>What may be meant by a missing key, as a note; empty if nothing comes near.</summary>
    public string Note(string key) => found.TryGetValue(key, out string? note) ? note : "";

    private static string Simplified(string key) => key.Replace("<", "", StringComparison.Ordinal).Replace(">k__BackingField", "", StringComparison.Ordinal).Replace("_", "", StringComparison.Ordinal).ToLowerInvariant();

    /// <summary>A key with something before it: <c>module.fc.weight</c> and <c>fc.weight</c>.</summary>
    private void MatchEnds()
    {
        Dictionary<string, string> inFile = Ends(unexpected), inModel = Ends(missing);
        foreach (string key in missing.Where(inFile.ContainsKey))
        {
            Found(key, inFile[key]);
        }

        foreach (string key in unexpected.Where(inModel.ContainsKey))
        {
            Found(inModel[key], key);
        }
    }

    private static Dictionary<string, string> Ends(string[] keys)
    {
        var ends = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (string key in keys)
        {
            // A key of a hostile file may consist of dots; no module is nested so deep.
            int dot = key.IndexOf('.');
            for (int depth = 0; dot >= 0 && depth < 16; depth++, dot = key.IndexOf('.', dot + 1))
            {
                ends.TryAdd(key[(dot + 1)..], key);
            }
        }

        return ends;
    }

    private void MatchSpelling()
    {
        Dictionary<string, string> simple = unexpected.GroupBy(Simplified, StringComparer.Ordinal).ToDictionary(static group => group.Key, static group => group.First(), StringComparer.Ordinal);
        foreach (string key in missing)
        {
            if (simple.TryGetValue(Simplified(key), out string? other))
            {
                Found(key, other);
            }
        }
    }

    private void MatchDistance()
    {
        if ((long)missing.Length * unexpected.Length > MostComparisons)
        {
            return;
        }

        foreach (string key in missing.Where(key => !found.ContainsKey(key)))
        {
            int allowed = Math.Max(1, key.Length / 4);
            (int Distance, string? Other) best = unexpected.Select(other => (Distance(key, other, allowed), (string?)other)).DefaultIfEmpty((int.MaxValue, null)).Min();
            if (best.Other is not null && best.Distance <= allowed)
            {
                Found(key, best.Other);
            }
        }
    }

    private void Found(string key, string other) => found.TryAdd(key, $"the file has '{WeightEntry.Shown(other)}'");

    private string? CommonPrefix()
    {
        if (missing.Length == 0 || unexpected.Length == 0)
        {
            return null;
        }

        var keys = unexpected.ToHashSet(StringComparer.Ordinal);
        string? tooMuch = unexpected.Where(other => other.EndsWith("." + missing[0], StringComparison.Ordinal)).Select(other => other[..^missing[0].Length])
            .Take(MostPrefixes).FirstOrDefault(prefix => missing.All(key => keys.Contains(prefix + key)));
        if (tooMuch is not null)
        {
            return $"name => name.StartsWith(\"{WeightEntry.Shown(tooMuch)}\") ? name[{tooMuch.Length}..] : name";
        }

        string? tooLittle = unexpected.Where(other => missing[0].EndsWith("." + other, StringComparison.Ordinal)).Select(other => missing[0][..^other.Length])
            .Take(MostPrefixes).FirstOrDefault(prefix => missing.All(key => key.StartsWith(prefix, StringComparison.Ordinal) && keys.Contains(key[prefix.Length..])));
        return tooLittle is null ? null : $"name => \"{WeightEntry.Shown(tooLittle)}\" + name";
    }

    /// <summary>The edit distance of Levenshtein, or some number above the bound.</summary>
    private static int Distance(string left, string right, int bound)
    {
        if (Math.Abs(left.Length - right.Length) > bound)
        {
            return bound + 1;
        }

        int[] row = [.. Enumerable.Range(0, right.Length + 1)];
        for (int i = 1; i <= left.Length; i++)
        {
            int diagonal = row[0], smallest = row[0] = i;
            for (int j = 1; j <= right.Length; j++)
            {
                int above = row[j];
                row[j] = Math.Min(Math.Min(above, row[j - 1]) + 1, diagonal + (left[i - 1] == right[j - 1] ? 0 : 1));
                diagonal = above;
                smallest = Math.Min(smallest, row[j]);
            }

            if (smallest > bound)
            {
                return bound + 1;
            }
        }

        return row[right.Length];
    }
}
