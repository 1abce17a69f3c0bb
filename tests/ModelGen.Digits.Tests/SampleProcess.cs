using System.Diagnostics;

namespace ModelGen.Digits.Tests;

/// <summary>The sample run as its users run it: as a process of its own.</summary>
internal static class SampleProcess
{
    /// <summary>Runs the sample and waits for its end.</summary>
    /// <param name="arguments">Its command line.</param>
    public static (int ExitCode, string Output, string Errors) Run(params string[] arguments)
    {
        var start = new ProcessStartInfo("dotnet") { RedirectStandardOutput = true, RedirectStandardError = true };
        start.ArgumentList.Add(Path.Combine(AppContext.BaseDirectory, "Digits.dll"));
        foreach (string argument in arguments)
        {
            start.ArgumentList.Add(argument);
        }

        using Process process = Process.Start(start) ?? throw new InvalidOperationException("dotnet did not start.");
        // Both streams at once: a process that fills the one nobody reads would wait for ever.
        Task<string> errors = process.StandardError.ReadToEndAsync();
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return (process.ExitCode, output, errors.Result);
    }
}
