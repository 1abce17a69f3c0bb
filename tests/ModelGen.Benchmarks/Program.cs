using ModelGen.Benchmarks;

// dotnet run -c Release --project tests/ModelGen.Benchmarks -- compiler|inference|kernels|memory|training [--only NAME] [--json FILE], -- soak [--only NAME] [--steps N], -- convergence [--data FILE], or -- data [--data DIR] [--json FILE]
string? Option(string name) => Array.IndexOf(args, name) is >= 0 and int index && index + 1 < args.Length ? args[index + 1] : null;

return args.FirstOrDefault() switch
{
    "compiler" => CompilerBenchmark.Run(Option("--only"), Option("--json")),
    "convergence" => Convergence.Run(Option("--data")),
    "data" => DataBenchmark.Run(Option("--data"), Option("--json")),
    "inference" => InferenceBenchmark.Run(Option("--only"), Option("--json")),
    "kernels" => KernelBenchmark.Run(Option("--only"), Option("--json")),
    "memory" => MemoryBenchmark.Run(Option("--only"), Option("--json")),
    "soak" => Soak.Run(Option("--only"), Option("--steps")),
    "training" => TrainingBenchmark.Run(Option("--only"), Option("--json")),
    _ => Usage(),
};

static int Usage()
{
    Console.Error.WriteLine("usage: ModelGen.Benchmarks compiler|inference|kernels|memory|training [--only NAME] [--json FILE]; soak [--only NAME] [--steps N]; convergence [--data FILE]; data [--data DIR] [--json FILE]");
    return 2;
}
