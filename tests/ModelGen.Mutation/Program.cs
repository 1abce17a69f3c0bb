using System.Diagnostics;
using System.Globalization;
using ModelGen.Generator.Tests;

// dotnet run -c Release --project tests/ModelGen.Mutation -- [--count 20000] [--seed 1] [--jobs 2] [--limit 2] [--source NAME] [--show SEED]
const int Shown = 10;
int count = 20_000, seed = 1, jobs = 2, show = -1;
double limit = 2;
string? only = null;
for (int i = 0; i + 1 < args.Length; i += 2)
{
    switch (args[i])
    {
        case "--count":
            count = int.Parse(args[i + 1], CultureInfo.InvariantCulture);
            break;
        case "--seed":
            seed = int.Parse(args[i + 1], CultureInfo.InvariantCulture);
            break;
        case "--jobs":
            jobs = int.Parse(args[i + 1], CultureInfo.InvariantCulture);
            break;
        case "--limit":
            limit = double.Parse(args[i + 1], CultureInfo.InvariantCulture);
            break;
        case "--source":
            only = args[i + 1];
            break;
        case "--show":
            show = int.Parse(args[i + 1], CultureInfo.InvariantCulture);
            break;
        default:
            Console.Error.WriteLine($"unknown option {args[i]}; known are --count, --seed, --jobs, --limit SECONDS, --source NAME, --show SEED");
            return 2;
    }
}

(string Name, Mutator Mutator)[] sources = [.. ModuleSources.All.Where(pair => only is null || pair.Key == only).Select(static pair => (pair.Key, new Mutator(pair.Value)))];
if (sources.Length == 0)
{
    Console.Error.WriteLine($"no source is named {only}; there are {string.Join(", ", ModuleSources.All.Select(static pair => pair.Key))}");
    return 2;
}

if (show >= 0)
{
    // Faults that the generator reports as MG9001 say here where they come from.
    AppDomain.CurrentDomain.FirstChanceException += static (_, first) =>
    {
        if (first.Exception.GetType().Name is not ("EvaluationException" or "ModeNeededException"))
        {
            Console.Error.WriteLine($"{first.Exception.GetType().Name}: {first.Exception.Message}\n{Environment.StackTrace}");
        }
    };
    Console.WriteLine(sources[show % sources.Length].Mutator.Variant(show));
    Console.Error.WriteLine(Trial.Of(sources[show % sources.Length].Mutator.Variant(show), TimeSpan.FromSeconds(limit)));
    return 0;
}

var gate = new object();
var failures = new SortedDictionary<int, string>();
int next = seed, done = 0, surfaces = 0;
(TimeSpan Elapsed, int Seed) slowest = default;
var total = Stopwatch.StartNew();
var current = new (int Seed, long Since)[jobs];
_ = Trial.Of("", TimeSpan.FromSeconds(60)); // what only the first run pays for
_ = Trial.Of(ModuleSources.All[0].Value, TimeSpan.FromSeconds(60));

// The stack of an ordinary thread on Windows, the smallest that the generator gets.
Thread[] workers = [.. Enumerable.Range(0, jobs).Select(worker => new Thread(() => Work(worker), 1 << 20))];
foreach (Thread worker in workers)
{
    worker.IsBackground = true;
    worker.Start();
}

while (workers.Any(static worker => worker.IsAlive))
{
    Thread.Sleep(1000);
    lock (gate)
    {
        foreach ((int stuck, long since) in current)
        {
            // The generator does not even look at its cancellation token.
            if (since != 0 && Stopwatch.GetElapsedTime(since) > TimeSpan.FromSeconds(limit * 150))
            {
                Console.WriteLine($"seed {stuck} ({sources[stuck % sources.Length].Name}) hangs");
                Console.WriteLine(sources[stuck % sources.Length].Mutator.Variant(stuck));
                return 1;
            }
        }
    }
}

Console.WriteLine($"{done} variants of {sources.Length} sources in {total.Elapsed.TotalSeconds:F0} s; {surfaces} model classes recognisable; {failures.Count} failures");
Console.WriteLine($"slowest: seed {slowest.Seed} ({sources[slowest.Seed % sources.Length].Name}), {slowest.Elapsed.TotalMilliseconds:F0} ms");
foreach ((int failed, string problem) in failures.Take(Shown))
{
    Console.WriteLine($"seed {failed} ({sources[failed % sources.Length].Name}): {problem}");
}

return failures.Count == 0 ? 0 : 1;

void Work(int worker)
{
    while (true)
    {
        int mine;
        lock (gate)
        {
            if (next >= seed + count)
            {
                current[worker] = default;
                return;
            }

            mine = next++;
            current[worker] = (mine, Stopwatch.GetTimestamp());
        }

        string text = sources[mine % sources.Length].Mutator.Variant(mine);
        var allowed = TimeSpan.FromSeconds(limit);
        Trial trial;
        try
        {
            trial = Trial.Fair(text, allowed);
        }
        catch (Exception exception)
        {
            trial = new Trial($"not even the driver came through: {exception}", default, 0);
        }

        lock (gate)
        {
            done++;
            surfaces += trial.Surfaces;
            if (trial.Elapsed > slowest.Elapsed)
            {
                slowest = (trial.Elapsed, mine);
            }

            if (trial.Problem is not null)
            {
                failures.Add(mine, trial.Problem);
            }

            if (done % 1000 == 0)
            {
                Console.WriteLine($"{done} done, {failures.Count} failures, {total.Elapsed.TotalSeconds:F0} s");
            }
        }
    }
}
