using System.Runtime.InteropServices;
using ModelGen.Elf;

namespace ModelGen.Native;

/// <summary>Turns the facts of a machine into a report.</summary>
internal sealed class Examination
{
    private const string OpenMp = "libgomp";

    private readonly IMachine _machine;
    private readonly List<ExaminedLibrary> _libraries;

    private Examination(IMachine machine)
    {
        _machine = machine;
        var inspector = new ElfInspector(machine);
        _libraries = [.. PlatformFiles.All(machine.Platform).Select(name => inspector.Examine(name, Find(name)))];
    }

    public static DoctorReport Of(IMachine machine) => new Examination(machine).Report();

    private DoctorReport Report()
    {
        var inspector = new ElfInspector(_machine);
        string? cppRuntime = IsLinux ? inspector.Locate(LibraryLocator.CppRuntime) : null;
        string? newest = cppRuntime is null ? null : VersionNames.Newest(inspector.VersionsOf(LibraryLocator.CppRuntime) ?? [], "GLIBCXX_");
        string rid = PlatformFiles.Rid(_machine.Platform, _machine.Architecture);
        Advice advice = AdviceBook.For(_machine, rid, _libraries, newest);
        return new DoctorReport
        {
            OperatingSystem = _machine.OperatingSystem,
            RuntimeIdentifier = rid,
            Architecture = _machine.Architecture.ToString(),
            GlibcVersion = _machine.GlibcVersion,
            CppRuntimePath = cppRuntime,
            NewestCppRuntimeVersion = newest,
            OpenMpPath = FindOpenMp(inspector),
            VectorInstructions = _machine.VectorInstructions,
            Libraries = [.. _libraries.Select(library => library.ToFinding())],
            Finding = advice.Finding,
            Action = advice.Action,
        };
    }

    private bool IsLinux => _machine.Platform == OSPlatform.Linux;

    private string? Find(string name) =>
        _machine.NativeFolders.Select(folder => Path.Combine(folder, name)).FirstOrDefault(_machine.FileExists);

    private string? FindOpenMp(ElfInspector inspector) => !IsLinux
        ? null
        : _machine.NativeFolders.SelectMany(folder => _machine.FilesStartingWith(folder, OpenMp)).FirstOrDefault()
            ?? inspector.Locate($"{OpenMp}.so.1");
}
