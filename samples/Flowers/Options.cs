using System.Globalization;

namespace Flowers;

/// <summary>The command line asks for something that does not exist. The message is one line for the user.</summary>
internal sealed class UsageException(string message) : Exception(message);

/// <summary>What the command line asks for.</summary>
internal sealed record Options
{
    public const string Usage = """
        Trains a small residual network on photographs of five flowers, with augmentation, and exports it to ONNX.

        Usage: dotnet run -c Release --project samples/Flowers [-- OPTIONS]

          --data DIR         folder with one folder of JPEG, PNG, BMP or WebP files for each of five classes;
                             default: ../shared/data/flowers beside the repository
          --out DIR          where checkpoints and files are written; default: flowers-output
          --epochs N         passes over the training pictures; default: what the model's [Train] says
          --seed N           seed of the split, weights and augmentation; default: 1
          --help             this text

        """;

    public string? Data { get; init; }

    public string OutputFolder { get; init; } = "flowers-output";

    /// <summary>Null: as the model's attribute says.</summary>
    public int? Epochs { get; init; }

    public int Seed { get; init; } = 1;

    public bool Help { get; init; }

    /// <summary>Reads a command line, <c>--name value</c>.</summary>
    /// <exception cref="UsageException">An option is unknown, or its value is missing or not what it should be.</exception>
    public static Options Parse(IReadOnlyList<string> arguments)
    {
        var options = new Options();
        for (int i = 0; i < arguments.Count; i += 2)
        {
            string name = arguments[i];
            if (name is "--help" or "-h")
            {
                return options with { Help = true };
            }

            string value = i + 1 < arguments.Count && arguments[i + 1].Length > 0 ? arguments[i + 1] : throw new UsageException($"{name} needs a value.");
            options = name switch
            {
                "--data" => options with { Data = value },
                "--out" => options with { OutputFolder = value },
                "--epochs" => options with { Epochs = Whole(name, value, 1) },
                "--seed" => options with { Seed = Whole(name, value, 0) },
                _ => throw new UsageException($"'{name}' is not an option."),
            };
        }

        return options;
    }

    private static int Whole(string name, string text, int least) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int value) && value >= least && value <= 1_000_000
            ? value
            : throw new UsageException($"{name} must be a whole number from {least} to 1000000, not '{text}'.");
}
