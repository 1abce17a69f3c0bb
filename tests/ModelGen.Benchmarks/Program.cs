using ModelGen.Benchmarks;

// dotnet run -c Release --project tests/ModelGen.Benchmarks -- COMMAND [options]; without a command the list of them is printed.
string? Option(string name) => Array.IndexOf(args, name) is >= 0 and int index && index + 1 < args.Length ? args[index + 1] : null;

(string Name, string Options, Func<int> Run)[] commands =
[
    ("analyzers", "[--only mixed|dense] [--json FILE]", () => AnalyzerBenchmark.Run(Option("--only"), Option("--json"))),
    ("choices", "[--write]", () => ChoiceBenchmark.Run(args.Contains("--write"), Option("--measure"))),
    ("compiler", "[--only NAME] [--json FILE]", () => CompilerBenchmark.Run(Option("--only"), Option("--json"))),
    ("convergence", "[--data FILE]", () => Convergence.Run(Option("--data"))),
    ("data", "[--data DIR] [--json FILE]", () => DataBenchmark.Run(Option("--data"), Option("--json"))),
    ("export", "[--only NAME] [--json FILE]", () => ExportBenchmark.Run(Option("--only"), Option("--json"))),
    ("fixes", "[--only NAME] [--json FILE]", () => FixBenchmark.Run(Option("--only"), Option("--json"), Option("--measure"))),
    ("hostile", "[--count N] [--seed N]", () => HostileFiles.Run(Option("--count"), Option("--seed"))),
    ("inference", "[--only NAME] [--json FILE] [--calls]", () => InferenceBenchmark.Run(Option("--only"), Option("--json"), args.Contains("--calls"))),
    ("kernels", "[--only FAMILY] [--json FILE]", () => KernelBenchmark.Run(Option("--only"), Option("--json"))),
    ("memory", "[--only NAME] [--json FILE]", () => MemoryBenchmark.Run(Option("--only"), Option("--json"))),
    ("profiler", "[--only NAME]", () => ProfilerBenchmark.Run(Option("--only"))),
    ("quantization", "[--only speed|accuracy|flowers|time] [--data FOLDER] [--flowers FOLDER] [--kernels] [--json FILE]", () => QuantizationBenchmark.Run(Option("--only"), Option("--json"), Option("--data"), Option("--flowers"), args.Contains("--kernels"))),
    ("quantization-aware", "[--data FOLDER] [--json FILE]", () => QuantizationAwareBenchmark.Run(Option("--data"), Option("--json"))),
    ("serving", "[--only NAME] [--json FILE]", () => ServingBenchmark.Run(Option("--only"), Option("--json"))),
    ("soak", "[--trainer] [--only NAME] [--steps N]", () => args.Contains("--trainer") ? TrainerSoak.Run(Option("--steps")) : Soak.Run(Option("--only"), Option("--steps"))),
    ("training", "[--only NAME] [--json FILE] [--calls]", () => TrainingBenchmark.Run(Option("--only"), Option("--json"), args.Contains("--calls"))),
];
if (commands.FirstOrDefault(command => command.Name == args.FirstOrDefault()).Run is { } run)
{
    return run();
}

Console.Error.WriteLine("usage: ModelGen.Benchmarks COMMAND");
foreach ((string name, string options, _) in commands)
{
    Console.Error.WriteLine($"  {name,-18} {options}");
}

return 2;
