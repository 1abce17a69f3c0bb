using System.Globalization;

namespace Digits;

/// <summary>The command line asks for something that does not exist. The message is one line for the user.</summary>
internal sealed class UsageException(string message) : Exception(message);

/// <summary>What the command line asks for.</summary>
internal sealed record Options
{
    public const string Usage = """
        Trains a digit classifier, exports it to ONNX, quantizes it to INT8 and checks that all agree.

        Usage: dotnet run -c Release --project samples/Digits [-- OPTIONS]

          --data DIR         read MNIST or Fashion-MNIST IDX files (gz or not) or a CSV pair
                             (*-train.csv, *-test.csv: pixels, then the label) instead of drawing digits
          --out DIR          where files are written; default: digits-output
          --json FILE        also write every figure to this file
          --epochs N         passes over the training set; default: what the model's [Train] says
          --train-count N    training samples; default: 12000 drawn, or all of --data
          --test-count N     test samples; default: 2000 drawn, or all of --data
          --seed N           seed of drawing, weights and shuffling; default: 1
          --help             this text

        """;

    /// <summary>Folder of real data; null to draw it.</summary>
    public string? DataFolder { get; init; }

    /// <summary>Where every figure is written; null for nowhere.</summary>
    public string? JsonFile { get; init; }

    public string OutputFolder { get; init; } = "digits-output";

    /// <summary>Null: as the model's attribute says.</summary>
    public int? Epochs { get; init; }

    /// <summary>Null: 12,000 drawn, or all there are.</summary>
    public int? TrainCount { get; init; }

    /// <summary>Null: 2,000 drawn, or all there are.</summary>
    public int? TestCount { get; init; }

    public int Seed { get; init; } = 1;

    public bool Help { get; init; }

    /// <summary>Reads a command line, <c>--name value</c> or <c>--name=value</c>.</summary>
    /// <exception cref="UsageException">An option is unknown, given twice, or its value is missing or not what it should be.</exception>
    public static Options Parse(IReadOnlyList<string> arguments)
    {
        var options = new Options();
        var seen = new HashSet<string>();
        for (int i = 0; i < arguments.Count; i++)
        {
            string[] parts = arguments[i].Split('=', 2);
            string name = parts[0];
            if (name is "--help" or "-h")
            {
                return options with { Help = true };
            }

            string Value()
            {
                // A value that looks like an option is a forgotten value, unless it is written with '='.
                string? value = parts.Length == 2 ? parts[1] : i + 1 < arguments.Count && !arguments[i + 1].StartsWith("--", StringComparison.Ordinal) ? arguments[++i] : null;
                return string.IsNullOrWhiteSpace(value) ? throw new UsageException($"{name} needs a value.") : value;
            }

            options = name switch
            {
                "--data" => options with { DataFolder = Value() },
                "--json" => options with { JsonFile = Value() },
                "--out" => options with { OutputFolder = Value() },
                "--epochs" => options with { Epochs = Whole(name, Value(), 1, 1_000) },
                "--train-count" => options with { TrainCount = Whole(name, Value(), 1, 1_000_000) },
                "--test-count" => options with { TestCount = Whole(name, Value(), 1, 1_000_000) },
                "--seed" => options with { Seed = Whole(name, Value(), 0, int.MaxValue) },
                _ => throw new UsageException($"'{arguments[i]}' is not an option."),
            };
            if (!seen.Add(name))
            {
                throw new UsageException($"{name} is given twice.");
            }
        }

        return options;
    }

    private static int Whole(string name, string text, int least, int most) =>
        int.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out int value) && value >= least && value <= most
            ? value
            : throw new UsageException($"{name} must be a whole number from {least} to {most}, not '{text}'.");
}
