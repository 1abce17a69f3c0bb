using System.Diagnostics;
using Spectre.Console;

namespace ModelGen;

/// <summary>Shows how a fit goes on.</summary>
internal interface IProgressDisplay : IDisposable
{
    /// <summary>Says something on a line of its own.</summary>
    void Note(string text);

    void Step(TrainerContext context);

    void Epoch(EpochResult result);
}

/// <summary>The displays.</summary>
internal static class ProgressDisplay
{
    public static IProgressDisplay Create(TrainingProgress progress, int epochs) => progress switch
    {
        TrainingProgress.None => new Silent(),
        TrainingProgress.Live => new Live(epochs),
        TrainingProgress.Auto when !Console.IsOutputRedirected && AnsiConsole.Profile.Capabilities.Ansi => new Live(epochs),
        _ => new Plain(epochs, Console.Out),
    };

    private sealed class Silent : IProgressDisplay
    {
        public void Note(string text)
        {
        }

        public void Step(TrainerContext context)
        {
        }

        public void Epoch(EpochResult result)
        {
        }

        public void Dispose()
        {
        }
    }

    /// <summary>Lines: one an epoch, and within epochs one every half minute, so that a log shows that a long one goes on.</summary>
    internal sealed class Plain(int epochs, TextWriter output) : IProgressDisplay
    {
        private readonly ProgressText text = new(epochs);
        private long lastLine = Stopwatch.GetTimestamp();

        /// <summary>Time between lines within an epoch.</summary>
        public TimeSpan Interval { get; init; } = TimeSpan.FromSeconds(30);

        public void Note(string text) => output.WriteLine(text);

        public void Step(TrainerContext context)
        {
            text.Observe(context);
            if (context.StepsInEpoch != context.StepsPerEpoch && Stopwatch.GetElapsedTime(lastLine) >= Interval)
            {
                lastLine = Stopwatch.GetTimestamp();
                output.WriteLine(text.Step(context, barWidth: 0));
            }
        }

        public void Epoch(EpochResult result)
        {
            lastLine = Stopwatch.GetTimestamp();
            output.WriteLine(text.Epoch(result));
        }

        public void Dispose()
        {
        }
    }

    /// <summary>One line that is drawn over, at most ten times a second; each epoch leaves a line above it.</summary>
    private sealed class Live(int epochs) : IProgressDisplay
    {
        private const int BarWidth = 20;
        private const int DrawMilliseconds = 100;

        private readonly ProgressText text = new(epochs);
        private long lastDrawn;
        private int drawn;

        // The last column stays free: a full line makes some terminals begin a new one.
        private static int Columns => AnsiConsole.Profile.Width - 1;

        public void Note(string text) => AnsiConsole.Write(Over(text) + "\n");

        public void Step(TrainerContext context)
        {
            text.Observe(context);
            if (Stopwatch.GetElapsedTime(lastDrawn).TotalMilliseconds < DrawMilliseconds && context.StepsInEpoch != context.StepsPerEpoch)
            {
                return;
            }

            lastDrawn = Stopwatch.GetTimestamp();
            string line = text.Step(context, BarWidth);
            line = line.Length > Columns ? line[..Columns] : line;
            AnsiConsole.Write(Over(line));
            drawn = line.Length;
        }

        public void Epoch(EpochResult result)
        {
            AnsiConsole.Write(Over(text.Epoch(result)) + "\n");
            drawn = 0;
        }

        public void Dispose()
        {
            if (drawn > 0)
            {
                AnsiConsole.Write("\n");
            }
        }

        private string Over(string line) => "\r" + line.PadRight(drawn);
    }
}
