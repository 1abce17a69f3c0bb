using System.Globalization;

namespace ModelGen.Samples;

/// <summary>The command line asks for something that does not exist. The message is one line for the user.</summary>
internal sealed class UsageException(string message) : Exception(message);

/// <summary>Reads command lines of the form <c>--name value</c>.</summary>
internal static class CommandLine
{
    /// <summary>Names with their values; <c>--help</c> and <c>-h</c> stand alone and end the list.</summary>
    /// <exception cref="UsageException">A value is missing.</exception>
    public static IEnumerable<(string Name, string Value)> Pairs(IReadOnlyList<string> arguments)
    {
        for (int i = 0; i < arguments.Count; i += 2)
        {
            string name = arguments[i];
            if (name is "--help" or "-h")
            {
                yield return ("--help", "");
                yield break;
            }

            yield return (name, i + 1 < arguments.Count && arguments[i + 1].Length > 0 ? arguments[i + 1] : throw new UsageException($"{name} needs a value."));
        }
    }

    /// <summary>A whole number up to a million.</summary>
    /// <exception cref="UsageException">It is none, or below the least.</exception>
    public static int Whole(string name, string text, int least) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int value) && value >= least && value <= 1_000_000
            ? value
            : throw new UsageException($"{name} must be a whole number from {least} to 1000000, not '{text}'.");

    /// <summary>The mistake that an option is unknown.</summary>
    public static UsageException Unknown(string name) => new($"'{name}' is not an option.");
}
