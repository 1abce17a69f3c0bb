using System.Text;

namespace ModelGen;

/// <summary>What <see cref="Doctor.Examine"/> found out about this machine and what to do about it.</summary>
public sealed class DoctorReport
{
    internal DoctorReport()
    {
    }

    /// <summary>The operating system's own description, e.g. `Debian GNU/Linux 12 (bookworm)`.</summary>
    public required string OperatingSystem { get; init; }

    /// <summary>The runtime identifier whose native files this process needs, e.g. `linux-x64`.</summary>
    public required string RuntimeIdentifier { get; init; }

    /// <summary>The architecture of this process, e.g. `X64`.</summary>
    public required string Architecture { get; init; }

    /// <summary>The version of glibc, e.g. `2.36`; null on systems without glibc.</summary>
    public required string? GlibcVersion { get; init; }

    /// <summary>The path of the C++ runtime `libstdc++.so.6`; null where it was not found and on systems that do not use it.</summary>
    public required string? CppRuntimePath { get; init; }

    /// <summary>The newest version the C++ runtime has, e.g. `GLIBCXX_3.4.30`; null where there is none.</summary>
    public required string? NewestCppRuntimeVersion { get; init; }

    /// <summary>The path of the OpenMP library that libtorch runs its threads with on Linux (`libgomp`); null where it was not found.</summary>
    public required string? OpenMpPath { get; init; }

    /// <summary>The best vector instructions of the processor: `AVX-512`, `AVX2`, `AVX`, or a sentence that says there are none.</summary>
    public required string VectorInstructions { get; init; }

    /// <summary>The native files that TorchSharp loads, each found or missing.</summary>
    public required IReadOnlyList<NativeLibraryFinding> Libraries { get; init; }

    /// <summary>What is wrong, in one sentence; null where the doctor found nothing wrong.</summary>
    public required string? Finding { get; init; }

    /// <summary>The one thing to do. Where nothing is wrong, it says so.</summary>
    public required string Action { get; init; }

    /// <summary>True where the doctor found nothing that keeps TorchSharp from loading.</summary>
    public bool IsHealthy => Finding is null;

    /// <summary>The report as plain text: one line per fact, then the finding and the action.</summary>
    public override string ToString()
    {
        var text = new StringBuilder();
        Row(text, "system", OperatingSystem);
        Row(text, "runtime identifier", RuntimeIdentifier);
        Row(text, "architecture", Architecture);
        Row(text, "glibc", GlibcVersion ?? "none");
        Row(text, "C++ runtime", CppRuntimePath is null ? "not found" : $"{CppRuntimePath} ({NewestCppRuntimeVersion ?? "no GLIBCXX version"})");
        Row(text, "OpenMP", OpenMpPath ?? "not found");
        Row(text, "vector instructions", VectorInstructions);
        foreach (NativeLibraryFinding library in Libraries)
        {
            Row(text, library.Name, library.Path ?? "MISSING");
            foreach (string lack in library.Lacks)
            {
                Row(text, "", $"lacks {lack}");
            }
        }
        Row(text, "finding", Finding ?? "nothing wrong");
        Row(text, "to do", Action);
        return text.ToString();
    }

    private static void Row(StringBuilder text, string name, string value) => text.Append($"{name,-22}").Append(value).Append('\n');
}
