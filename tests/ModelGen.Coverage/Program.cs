using System.Diagnostics;
using ModelGen.Coverage;

// dotnet run --project tests/ModelGen.Coverage -- FOLDER [--case NAME] [--json FILE] [--eager] [--jobs 2] [--limit 240]
string? only = null, json = null, child = null, root = null;
bool eagerOnly = false;
int jobs = 2, limit = 240;
for (int i = 0; i < args.Length; i++)
{
    switch (args[i])
    {
        case "--case":
            only = args[++i];
            break;
        case "--json":
            json = args[++i];
            break;
        case "--eager":
            eagerOnly = true;
            break;
        case "--jobs":
            jobs = int.Parse(args[++i], System.Globalization.CultureInfo.InvariantCulture);
            break;
        case "--limit":
            limit = int.Parse(args[++i], System.Globalization.CultureInfo.InvariantCulture);
            break;
        case "--child":
            child = args[++i];
            break;
        default:
            root = args[i];
            break;
    }
}

if (child is not null)
{
    // One thread each: several children share the machine, and sums stay in one order.
    TorchSharp.torch.set_num_threads(1);
    string path = args[^1];
    Verdict verdict;
    try
    {
        verdict = new Examination(child).Run(eagerOnly);
    }
    catch (Exception exception)
    {
        verdict = Verdict.Of(Path.GetFileName(child), Outcome.Crash, new Finding("examination", "", exception.ToString()));
    }

    File.WriteAllText(path, verdict.ToString());
    return 0;
}

if (root is null || !Directory.Exists(root))
{
    Console.Error.WriteLine("usage: ModelGen.Coverage FOLDER [--case NAME] [--json FILE] [--eager] [--jobs COUNT] [--limit SECONDS]");
    return 2;
}

string[] folders = [.. Directory.EnumerateFiles(root, "case.json", SearchOption.AllDirectories).Select(static path => Path.GetDirectoryName(path)!)
    .Where(folder => only is null || Path.GetFileName(folder).Contains(only, StringComparison.OrdinalIgnoreCase)).Order(StringComparer.Ordinal)];
var verdicts = new Verdict[folders.Length];
await Parallel.ForAsync(0, folders.Length, new ParallelOptions { MaxDegreeOfParallelism = jobs }, async (index, stop) =>
{
    verdicts[index] = await InChildAsync(folders[index], stop).ConfigureAwait(false);
    lock (verdicts)
    {
        Table.Row(verdicts[index]);
    }
}).ConfigureAwait(false);
Table.Totals(verdicts);
if (json is not null)
{
    File.WriteAllText(json, Verdict.Write(verdicts));
}

return verdicts.Any(static verdict => verdict.Outcome is Outcome.Wrong or Outcome.Crash or Outcome.Timeout) ? 1 : 0;

async Task<Verdict> InChildAsync(string folder, CancellationToken stop)
{
    string name = Path.GetFileName(folder), answer = Path.GetTempFileName();
    try
    {
        var start = new ProcessStartInfo(Environment.ProcessPath!) { RedirectStandardError = true, RedirectStandardOutput = true };
        string[] dll = Path.GetFileNameWithoutExtension(Environment.ProcessPath!) == "dotnet" ? [typeof(Verdict).Assembly.Location] : [];
        foreach (string argument in new[] { dll, ["--child", Path.GetFullPath(folder)], eagerOnly ? ["--eager"] : [], [answer] }.SelectMany(static part => part))
        {
            start.ArgumentList.Add(argument);
        }

        using Process process = Process.Start(start)!;
        Task<string> errors = process.StandardError.ReadToEndAsync(stop), output = process.StandardOutput.ReadToEndAsync(stop);
        using var timer = CancellationTokenSource.CreateLinkedTokenSource(stop);
        timer.CancelAfter(TimeSpan.FromSeconds(limit));
        try
        {
            await process.WaitForExitAsync(timer.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (!stop.IsCancellationRequested)
        {
            process.Kill(entireProcessTree: true);
            return Verdict.Of(name, Outcome.Timeout, new Finding("limit", "", $"No verdict within {limit} s."));
        }

        string text = await File.ReadAllTextAsync(answer, stop).ConfigureAwait(false);
        string last = (await errors.ConfigureAwait(false)).Split('\n').FirstOrDefault(static line => line.Trim().Length > 0) ?? "";
        await output.ConfigureAwait(false);
        return text.Length > 0 ? Verdict.Parse(text) : Verdict.Of(name, Outcome.Crash, new Finding("process", "", $"exit code {process.ExitCode}: {last}"));
    }
    finally
    {
        File.Delete(answer);
    }
}
