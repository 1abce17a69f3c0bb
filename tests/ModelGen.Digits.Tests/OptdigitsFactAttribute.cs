namespace ModelGen.Digits.Tests;

/// <summary>A test on UCI optdigits, which is not part of the repository: skipped where <c>shared/data/optdigits</c> is found in no folder above.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class OptdigitsFactAttribute : FactAttribute
{
    public OptdigitsFactAttribute()
    {
        if (Folder is null)
        {
            Skip = "needs the UCI optdigits files in ../shared/data/optdigits, which are not there";
        }
    }

    /// <summary>Where the data is; null when it is nowhere.</summary>
    public static string? Folder { get; } = Find();

    private static string? Find()
    {
        for (DirectoryInfo? at = new(AppContext.BaseDirectory); at is not null; at = at.Parent)
        {
            string candidate = Path.Combine(at.FullName, "shared", "data", "optdigits");
            if (Directory.Exists(candidate))
            {
                return candidate;
            }
        }

        return null;
    }
}
