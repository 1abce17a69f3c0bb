using System.Runtime.InteropServices;
using Microsoft.Build.Framework;
using Microsoft.Build.Utilities;
using ModelGen.Elf;

namespace ModelGen.Build;

/// <summary>
/// Gives a project its own copy of TorchSharp's native Linux library where the original cannot load beside this machine's C++ runtime,
/// and mends that copy. The NuGet cache is only read.
/// </summary>
public sealed class MendTorchSharp : Microsoft.Build.Utilities.Task
{
    private const string Prefix = "ModelGen: ";
    private const string HelpKeyword = "ModelGenMendTorchSharp";

    /// <summary>The resolved native libraries to look at; each keeps its metadata in the result.</summary>
    [Required]
    public ITaskItem[] Libraries { get; set; } = [];

    /// <summary>Where mended copies go: a folder of this project, configuration and runtime identifier alone.</summary>
    [Required]
    public string OutputFolder { get; set; } = "";

    /// <summary>`auto`: when this machine needs it. `always`: every unused version, to publish for older machines. `never`: not at all.</summary>
    [Required]
    public string Mode { get; set; } = "";

    /// <summary>The C++ runtime to mend for. Empty: the one that this machine's loader finds.</summary>
    public string CppRuntime { get; set; } = "";

    /// <summary>Those of <see cref="Libraries"/> that have a mended copy.</summary>
    [Output]
    public ITaskItem[] Replaced { get; private set; } = [];

    /// <summary>The mended copies, in the order of <see cref="Replaced"/>.</summary>
    [Output]
    public ITaskItem[] Mended { get; private set; } = [];

    /// <inheritdoc/>
    public override bool Execute()
    {
        string mode = Mode.Trim().ToLowerInvariant();
        if (mode is not ("auto" or "always" or "never"))
        {
            Log.LogError(null, "MGB001", HelpKeyword, null, 0, 0, 0, 0,
                $"The property ModelGenMendTorchSharp is '{Mode}'. Write auto (mend where this machine needs it), always or never.");
            return false;
        }
        if (mode == "never" || (mode == "auto" && !IsLinuxX64))
        {
            return true;
        }
        IReadOnlyList<string>? offered = null;
        if (mode == "auto")
        {
            offered = OfferedVersions();
            if (offered is null)
            {
                return true;
            }
        }
        MendAll(offered);
        return true;
    }

    private static bool IsLinuxX64 =>
        RuntimeInformation.IsOSPlatform(OSPlatform.Linux) && RuntimeInformation.OSArchitecture == Architecture.X64;

    private void MendAll(IReadOnlyList<string>? offered)
    {
        var replaced = new List<ITaskItem>();
        var mended = new List<ITaskItem>();
        foreach (ITaskItem library in Libraries)
        {
            if (Mend(library, offered) is { } copy)
            {
                replaced.Add(library);
                mended.Add(copy);
            }
        }
        Replaced = [.. replaced];
        Mended = [.. mended];
    }

    private ITaskItem? Mend(ITaskItem library, IReadOnlyList<string>? offered)
    {
        string path = library.GetMetadata("FullPath");
        try
        {
            Mending mending = VersionMender.Mend(File.ReadAllBytes(path), LibraryLocator.CppRuntime, offered);
            foreach (UsedVersion broken in mending.Broken)
            {
                Warn("MGB003", path, $"it uses {broken.Symbol} of {broken.Version}, and this machine's C++ runtime ends at {Newest(offered)}. "
                    + "It will not load here and cannot be mended: install a newer libstdc++6, or build and run on a newer Linux.");
            }
            if (mending.Mended.Count == 0)
            {
                return null;
            }
            string copy = Path.Combine(OutputFolder, Path.GetFileName(path));
            if (FileReplacer.WriteIfChanged(copy, mending.Library))
            {
                Log.LogMessage(MessageImportance.High, Prefix + Sentence(Path.GetFileName(path), mending.Mended, offered));
            }
            var item = new TaskItem(library) { ItemSpec = copy };
            return item;
        }
        catch (Exception fault) when (fault is ElfFormatException or IOException or UnauthorizedAccessException)
        {
            Warn("MGB002", path, $"left as it is, because {fault.Message}. TorchSharp may not load; restore the package TorchSharp again.");
            return null;
        }
    }

    private IReadOnlyList<string>? OfferedVersions()
    {
        string? path = CppRuntime.Length > 0
            ? CppRuntime
            : LibraryLocator.Find(LibraryLocator.CppRuntime, Environment.GetEnvironmentVariable("LD_LIBRARY_PATH"), File.Exists, File.ReadAllBytes);
        if (path is null)
        {
            Log.LogMessage(MessageImportance.Low, Prefix + "this machine has no libstdc++.so.6, so there is nothing to mend TorchSharp for.");
            return null;
        }
        try
        {
            using FileStream stream = File.OpenRead(path);
            return ElfVersions.Definitions(ElfImage.Read(stream));
        }
        catch (Exception fault) when (fault is ElfFormatException or IOException or UnauthorizedAccessException)
        {
            Warn("MGB002", path, $"its versions cannot be read, because {fault.Message}. TorchSharp is left as it is and may not load.");
            return null;
        }
    }

    private void Warn(string code, string file, string message) =>
        Log.LogWarning(null, code, HelpKeyword, file, 0, 0, 0, 0, $"{Path.GetFileName(file)}: {message}");

    private static string Sentence(string file, IReadOnlyList<string> versions, IReadOnlyList<string>? offered)
    {
        string asked = $"mended {file}: it asked for {string.Join(", ", versions)} (unused)";
        return offered is null
            ? $"{asked}; mended because ModelGenMendTorchSharp is 'always'."
            : $"{asked}, this machine's libstdc++ ends at {Newest(offered)}.";
    }

    private static string Newest(IReadOnlyList<string>? offered) => VersionNames.Newest(offered ?? [], "GLIBCXX_") ?? "no GLIBCXX version at all";
}
