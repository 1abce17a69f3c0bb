using System.Globalization;

namespace ModelGen;

/// <summary>The checkpoints of one fit. What is kept is decided from the files alone, so nothing is lost when a process ends at any point.</summary>
internal sealed class CheckpointFolder(CheckpointOptions options)
{
    private const string Prefix = "checkpoint-";
    private const string Suffix = ".safetensors";

    /// <summary>Checkpoints from the last to the first.</summary>
    public IReadOnlyList<string> Files => Directory.Exists(options.Directory)
        ? [.. Directory.EnumerateFiles(options.Directory, $"{Prefix}*{Suffix}").OrderByDescending(static path => path, StringComparer.Ordinal)]
        : [];

    /// <summary>Makes the folder and removes what an interrupted write left.</summary>
    public void Prepare()
    {
        Directory.CreateDirectory(options.Directory);
        foreach (string draft in Directory.EnumerateFiles(options.Directory, $"{Prefix}*{Suffix}.*.tmp"))
        {
            File.Delete(draft);
        }

        if (!options.Resume && Files.Count > 0)
        {
            throw new CheckpointException($"{options.Directory} has {Files.Count} checkpoints. Set Resume to go on from the last one, or choose another folder.");
        }
    }

    /// <summary>The file of a step.</summary>
    public string PathOf(long step) => Path.Combine(options.Directory, string.Create(CultureInfo.InvariantCulture, $"{Prefix}{step:000000000000}{Suffix}"));

    /// <summary>Removes what is neither among the last nor among the best.</summary>
    public void Prune(MonitorMode mode, string monitor)
    {
        IReadOnlyList<string> files = Files;
        var values = new List<(string Path, double Value)>();
        foreach (string path in files)
        {
            if (TryRead(path) is { Monitored: double value } state && state.Monitor == monitor && !double.IsNaN(value))
            {
                values.Add((path, value));
            }
        }

        // Of equal values the earlier one is the best.
        IEnumerable<string> best = (mode == MonitorMode.Min ? values.OrderBy(static pair => pair.Value) : values.OrderByDescending(static pair => pair.Value))
            .ThenBy(static pair => pair.Path, StringComparer.Ordinal).Take(options.KeepBest).Select(static pair => pair.Path);
        HashSet<string> kept = [.. files.Take(Math.Max(options.KeepLast, 1)), .. best];
        foreach (string path in files.Where(path => !kept.Contains(path)))
        {
            File.Delete(path);
        }
    }

    private static FitState? TryRead(string path)
    {
        try
        {
            return CheckpointFile.ReadState(path);
        }
        catch (CheckpointException)
        {
            // A damaged file has no value; it goes when it is no longer among the last.
            return null;
        }
    }
}
