using ModelGen.Samples;

namespace CharGpt;

/// <summary>What the command line asks for.</summary>
internal sealed record Options
{
    public const string Usage = """
        Trains a small GPT on text, writes with it, exports it to ONNX and writes there too.
        A run that was stopped (Ctrl+C, or --stop-after) goes on where it was when it is started again.

        Usage: dotnet run -c Release --project samples/CharGpt [-- OPTIONS]

          --data PATH        text file, or folder of .txt and .md files; default: the documents of this repository
          --out DIR          where checkpoints and files are written; default: chargpt-output
          --steps N          training steps of 32 windows of 64 characters; default: 600
          --stop-after N     stops after that many steps, as Ctrl+C would
          --prompt TEXT      text to go on with; default: "The "
          --length N         characters to write; default: 400
          --seed N           seed of weights, shuffling and writing; default: 1
          --help             this text

        """;

    public string? Data { get; init; }

    public string OutputFolder { get; init; } = "chargpt-output";

    public int Steps { get; init; } = 600;

    /// <summary>Null: to the end.</summary>
    public int? StopAfter { get; init; }

    public string Prompt { get; init; } = "The ";

    public int Length { get; init; } = 400;

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
                "--steps" => options with { Steps = CommandLine.Whole(name, value, 1) },
                "--stop-after" => options with { StopAfter = CommandLine.Whole(name, value, 1) },
                "--prompt" => options with { Prompt = value },
                "--length" => options with { Length = CommandLine.Whole(name, value, 1) },
                "--seed" => options with { Seed = CommandLine.Whole(name, value, 0) },
                _ => throw CommandLine.Unknown(name),
            };
        }

        return options;
    }
}
