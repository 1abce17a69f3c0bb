namespace ModelGen;

/// <summary>TorchSharp's native libraries cannot be loaded. The message says what failed, what is missing on this machine and what to do.</summary>
public sealed class NativeLoadException : Exception
{
    internal NativeLoadException(DoctorReport report, Exception failure)
        : base(Text(report, failure), failure) => Report = report;

    /// <summary>What the doctor found.</summary>
    public DoctorReport Report { get; }

    private static string Text(DoctorReport report, Exception failure)
    {
        // The innermost error names the file; TorchSharp's goes on for a page, which the inner exception keeps.
        string reason = failure.GetBaseException().Message.Trim().Split('\n')[0];
        string finding = report.Finding ?? "The doctor found nothing wrong with the files, so the reason above is all there is.";
        string action = report.IsHealthy
            ? "Please report this with the table below."
            : report.Action;
        return $"TorchSharp's native libraries do not load.\nFinding: {finding}\nTo do: {action}\nReason given: {reason}\n{report}";
    }
}
