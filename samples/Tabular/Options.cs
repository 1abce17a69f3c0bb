using ModelGen.Samples;

namespace Tabular;

/// <summary>What the command line asks for.</summary>
internal sealed record Options
{
    public const string Usage = """
        Predicts from a table which subscribers leave: a CSV file with numbers, categories and missing values, and a perceptron exported to ONNX.

        Usage: dotnet run -c Release --project samples/Tabular [-- OPTIONS]

          --data DIR         folder with subscribers-train.csv and subscribers-test.csv of the columns that the
                             sample draws; by default they are drawn into the folder of --out
          --rows N           subscribers to draw, a fifth of them to test; default: 20000
          --out DIR          where files are written; default: tabular-output
          --epochs N         passes over the training rows; default: what the model's [Train] says
          --seed N           seed of drawing, weights and shuffling; default: 1
          --help             this text

        """;

    /// <summary>Null: drawn.</summary>
    public string? Data { get; init; }

    public int Rows { get; init; } = 20_000;

    public string OutputFolder { get; init; } = "tabular-output";

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
                "--rows" => options with { Rows = CommandLine.Whole(name, value, 100) },
                "--out" => options with { OutputFolder = value },
                "--epochs" => options with { Epochs = CommandLine.Whole(name, value, 1) },
                "--seed" => options with { Seed = CommandLine.Whole(name, value, 0) },
                _ => throw CommandLine.Unknown(name),
            };
        }

        return options;
    }
}
