using ModelGen.Benchmarks;

// dotnet run -c Release --project tests/ModelGen.Benchmarks -- compiler|inference|kernels|memory|training [--only NAME] [--json FILE], -- quantization [--only speed|accuracy|time] [--data FOLDER] [--kernels] [--json FILE], -- soak [--only NAME] [--steps N], or -- convergence [--data FILE]
string? Option(string name) => Array.IndexOf(args, name) is >= 0 and int index && index + 1 < args.Length ? args[index + 1] : null;

return args.FirstOrDefault() switch
{
    "compiler" => CompilerBenchmark.Run(Option("--only"), Option("--json")),
    "convergence" => Convergence.Run(Option("--data")),
    "inference" => InferenceBenchmark.Run(Option("--only"), Option("--json")),
    "kernels" => KernelBenchmark.Run(Option("--only"), Option("--json")),
    "memory" => MemoryBenchmark.Run(Option("--only"), Option("--json")),
    "quantization" => QuantizationBenchmark.Run(Option("--only"), Option("--json"), Option("--data"), args.Contains("--kernels")),
    "soak" => Soak.Run(Option("--only"), Option("--steps")),
    "training" => TrainingBenchmark.Run(Option("--only"), Option("--json")),
    _ => Usage(),
};

static int Usage()
{
    Console.Error.WriteLine("usage: ModelGen.Benchmarks compiler|inference|kernels|memory|training [--only NAME] [--json FILE]; quantization [--only speed|accuracy|time] [--data FOLDER] [--kernels] [--json FILE]; soak [--only NAME] [--steps N]; convergence [--data FILE]");
    return 2;
}
