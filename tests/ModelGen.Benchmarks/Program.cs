using ModelGen.Benchmarks;

// dotnet run -c Release --project tests/ModelGen.Benchmarks -- compiler|export|inference|kernels|memory|serving|training [--only NAME] [--json FILE], -- hostile [--count N] [--seed N], -- soak [--only NAME] [--steps N], or -- convergence [--data FILE]
string? Option(string name) => Array.IndexOf(args, name) is >= 0 and int index && index + 1 < args.Length ? args[index + 1] : null;

return args.FirstOrDefault() switch
{
    "compiler" => CompilerBenchmark.Run(Option("--only"), Option("--json")),
    "convergence" => Convergence.Run(Option("--data")),
    "export" => ExportBenchmark.Run(Option("--only"), Option("--json")),
    "hostile" => HostileFiles.Run(Option("--count"), Option("--seed")),
    "inference" => InferenceBenchmark.Run(Option("--only"), Option("--json")),
    "kernels" => KernelBenchmark.Run(Option("--only"), Option("--json")),
    "memory" => MemoryBenchmark.Run(Option("--only"), Option("--json")),
    "serving" => ServingBenchmark.Run(Option("--only"), Option("--json")),
    "soak" => Soak.Run(Option("--only"), Option("--steps")),
    "training" => TrainingBenchmark.Run(Option("--only"), Option("--json")),
    _ => Usage(),
};

static int Usage()
{
    Console.Error.WriteLine("usage: ModelGen.Benchmarks compiler|export|inference|kernels|memory|serving|training [--only NAME] [--json FILE]; hostile [--count N] [--seed N]; soak [--only NAME] [--steps N]; convergence [--data FILE]");
    return 2;
}
