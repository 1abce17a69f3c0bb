using System.Diagnostics;

namespace ModelGen.Digits.Tests;

/// <summary>A sample run as its users run it: as a process of its own.</summary>
internal static class SampleProcess
{
    /// <summary>Runs the sample of digits and waits for its end.</summary>
    /// <param name="arguments">Its command line.</param>
    public static (int ExitCode, string Output, string Errors) Run(params string[] arguments) => RunSample("Digits", arguments);

    /// <summary>Runs a sample and waits for its end.</summary>
    /// <param name="name">Name of its assembly.</param>
    /// <param name="arguments">Its command line.</param>
    public static (int ExitCode, string Output, string Errors) RunSample(string name, params string[] arguments)
    {
        var start = new ProcessStartInfo("dotnet") { RedirectStandardOutput = true, RedirectStandardError = true };
        start.ArgumentList.Add(Path.Combine(AppContext.BaseDirectory, name + ".dll"));
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
