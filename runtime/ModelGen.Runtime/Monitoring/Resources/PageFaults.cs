using System.Globalization;

namespace ModelGen.Monitoring;

/// <summary>Page faults of this process since its start.</summary>
internal static class PageFaults
{
    private const string File = "/proc/self/stat";

    /// <summary>Faults without and with disk access; null where the system has no <c>/proc/self/stat</c>.</summary>
    public static (long Minor, long Major)? Take() => OperatingSystem.IsLinux() && System.IO.File.Exists(File) ? Parse(System.IO.File.ReadAllText(File)) : null;

    /// <summary>Fields 10 and 12 of the file, as <c>man 5 proc</c> numbers them. The second field is the program's name in parentheses and may hold blanks.</summary>
    public static (long Minor, long Major) Parse(string text)
    {
        string[] fields = text[(text.LastIndexOf(')') + 2)..].Split(' ');
        return (long.Parse(fields[7], CultureInfo.InvariantCulture), long.Parse(fields[9], CultureInfo.InvariantCulture));
    }
}
