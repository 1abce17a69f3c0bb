using ModelGen.Samples;

namespace Flowers;

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
        foreach ((string name, string value) in CommandLine.Pairs(arguments))
        {
            options = name switch
            {
                "--help" => options with { Help = true },
                "--data" => options with { Data = value },
                "--out" => options with { OutputFolder = value },
                "--epochs" => options with { Epochs = CommandLine.Whole(name, value, 1) },
                "--seed" => options with { Seed = CommandLine.Whole(name, value, 0) },
                _ => throw CommandLine.Unknown(name),
            };
        }

        return options;
    }
}
