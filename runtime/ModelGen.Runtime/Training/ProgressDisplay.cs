using System.Globalization;
using Spectre.Console;

namespace ModelGen;

/// <summary>Shows how a fit goes on.</summary>
internal interface IProgressDisplay : IDisposable
{
    /// <summary>Says something before the first epoch.</summary>
    void Note(string text);

    void Step(int epoch, int done, int steps, double samplesPerSecond);

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
        _ => new Plain(epochs),
    };

    private static string Line(EpochResult result, int epochs)
    {
        FormattableString text = $"epoch {result.Epoch}/{epochs}   loss {result.TrainLoss:0.0000}";
        string line = text.ToString(CultureInfo.InvariantCulture);
        if (result.Validation is { } validation)
        {
            line += string.Create(CultureInfo.InvariantCulture, $"   validation loss {validation.Loss:0.0000}");
            line += validation.Accuracy is double accuracy ? string.Create(CultureInfo.InvariantCulture, $"   accuracy {accuracy:0.00%}") : "";
            line += validation.MeanAbsoluteError is double error ? string.Create(CultureInfo.InvariantCulture, $"   mean absolute error {error:0.0000}") : "";
        }

        return line + string.Create(CultureInfo.InvariantCulture, $"   {result.SamplesPerSecond:0} samples/s   {result.Duration.TotalSeconds:0.0} s");
    }

    private sealed class Silent : IProgressDisplay
    {
        public void Note(string text)
        {
        }

        public void Step(int epoch, int done, int steps, double samplesPerSecond)
        {
        }

        public void Epoch(EpochResult result)
        {
        }

        public void Dispose()
        {
        }
    }

    private sealed class Plain(int epochs) : IProgressDisplay
    {
        public void Note(string text) => Console.WriteLine(text);

        public void Step(int epoch, int done, int steps, double samplesPerSecond)
        {
        }

        public void Epoch(EpochResult result) => Console.WriteLine(Line(result, epochs));

        public void Dispose()
        {
        }
    }

    /// <summary>One line that is drawn over: bar, share, speed and remaining time of the whole fit.</summary>
    private sealed class Live(int epochs) : IProgressDisplay
    {
        private const int Width = 30;
        private readonly System.Diagnostics.Stopwatch clock = System.Diagnostics.Stopwatch.StartNew();
        private long lastDrawn = -1000;

        public void Note(string text) => AnsiConsole.Write(text + "\n");

        public void Step(int epoch, int done, int steps, double samplesPerSecond)
        {
            if (clock.ElapsedMilliseconds - lastDrawn < 100 && done < steps)
            {
                return;
            }

            lastDrawn = clock.ElapsedMilliseconds;
            double share = ((epoch - 1) + ((double)done / steps)) / epochs;
            TimeSpan left = clock.Elapsed * ((1 - share) / share);
            int filled = (int)((double)done / steps * Width);
            string bar = new string('#', filled) + new string('.', Width - filled);
            AnsiConsole.Write(string.Create(CultureInfo.InvariantCulture, $"\repoch {epoch}/{epochs} [{bar}] {done}/{steps}   {samplesPerSecond:0} samples/s   {left:mm\\:ss} left   "));
        }

        public void Epoch(EpochResult result) => AnsiConsole.Write("\r" + Line(result, epochs).PadRight(100) + "\n");

        public void Dispose()
        {
        }
    }
}
