using System.Diagnostics;
using System.Globalization;
using ModelGen.Fuzz;
using ModelGen.Runtime.Tests.Weights;

// dotnet run -c Release --project tests/ModelGen.Fuzz -- [--count 1000000] [--seed 0] [--jobs 1] [--limit 2] [--show SEED]
// dotnet run -c Release --project tests/ModelGen.Fuzz -- rules [--count 5000] [--seed 0] [--show SEED]
if (args is ["rules", ..])
{
    return await RuleCommand.RunAsync(args[1..]);
}

const int Shown = 10;
int count = 1_000_000, first = 0, jobs = 1, show = -1;
double limit = 2;
for (int i = 0; i < args.Length; i += 2)
{
    string value = i + 1 < args.Length ? args[i + 1] : "";
    switch (args[i])
    {
        case "--count":
            count = int.Parse(value, CultureInfo.InvariantCulture);
            break;
        case "--seed":
            first = int.Parse(value, CultureInfo.InvariantCulture);
            break;
        case "--jobs":
            jobs = int.Parse(value, CultureInfo.InvariantCulture);
            break;
        case "--limit":
            limit = double.Parse(value, CultureInfo.InvariantCulture);
            break;
        case "--show":
            show = int.Parse(value, CultureInfo.InvariantCulture);
            break;
        default:
            Console.Error.WriteLine($"unknown option {args[i]}; known are --count, --seed, --jobs, --limit SECONDS, --show SEED (writes that file to standard output)");
            return 2;
    }
}

FuzzSeed[] seeds = FuzzSeed.All();
var mutator = new FuzzMutator(seeds);
if (show >= 0)
{
    using Stream output = Console.OpenStandardOutput();
    output.Write(mutator.File(show));
    return 0;
}

// What only the first run pays for; from here on nothing new may be loaded.
using (var warm = new FuzzTrial())
{
    for (int number = 0; number < 2000; number++)
    {
        warm.Run(mutator.File(number), number, TimeSpan.MaxValue);
    }
}

Console.WriteLine($"{count} files from seed {first}, {jobs} at a time");
var loaded = new List<string>();
AppDomain.CurrentDomain.AssemblyLoad += (_, assembly) =>
{
    lock (loaded)
    {
        loaded.Add(assembly.LoadedAssembly.FullName ?? "?");
    }
};
var gate = new object();
var failures = new SortedDictionary<int, string>();
long opened = 0, refused = 0, bytes = 0;
double worstMemory = 0;
TimeSpan slowest = default;
int next = first, done = 0;
var watch = Stopwatch.StartNew();
Thread[] workers = [.. Enumerable.Range(0, jobs).Select(_ => new Thread(Work, 256 << 10))];
foreach (Thread worker in workers)
{
    worker.Start();
}

foreach (Thread worker in workers)
{
    worker.Join();
}

string[] loadedMeanwhile = [.. loaded];
double seconds = watch.Elapsed.TotalSeconds;

using var process = Process.GetCurrentProcess();
Console.WriteLine($"{count} files ({bytes / 1e6:F0} MB) of {seeds.Length} kinds in {seconds:F0} s: {opened} read to the end, {refused} refused, {failures.Count} failures");
Console.WriteLine($"slowest {slowest.TotalMilliseconds:F0} ms; most managed memory {worstMemory:F0} bytes for each byte of a file beyond 64 KiB; peak of the process {process.PeakWorkingSet64 / 1e6:F0} MB");
Console.WriteLine($"assemblies loaded meanwhile: {(loadedMeanwhile.Length == 0 ? "none" : string.Join(", ", loadedMeanwhile))}; file of the hostile pickles: {(File.Exists(FuzzSeed.Canary) ? "MADE" : "not made")}");
foreach ((int failed, string problem) in failures.Take(Shown))
{
    Console.WriteLine($"seed {failed} ({mutator.SeedOf(failed).Name}): {problem}");
}

return failures.Count == 0 && loadedMeanwhile.Length == 0 && !File.Exists(FuzzSeed.Canary) ? 0 : 1;

void Work()
{
    using var trial = new FuzzTrial();
    while (Interlocked.Increment(ref next) - 1 is var number && number < first + count)
    {
        byte[] file = mutator.File(number);
        string? problem = trial.Run(file, number, TimeSpan.FromSeconds(limit));
        Interlocked.Add(ref bytes, file.Length);
        if (problem is not null)
        {
            lock (gate)
            {
                failures.Add(number, problem);
            }
        }

        if (Interlocked.Increment(ref done) % 100_000 == 0)
        {
            Console.WriteLine($"{done} done, {failures.Count} failures, {watch.Elapsed.TotalSeconds:F0} s");
        }
    }

    lock (gate)
    {
        opened += trial.Opened;
        refused += trial.Refused;
        worstMemory = Math.Max(worstMemory, trial.WorstBytesPerByte);
        slowest = trial.Slowest > slowest ? trial.Slowest : slowest;
    }
}
