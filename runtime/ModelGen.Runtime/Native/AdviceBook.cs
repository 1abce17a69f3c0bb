using System.Runtime.InteropServices;
using ModelGen.Elf;

namespace ModelGen.Native;

/// <summary>What is wrong (null: nothing) and the one thing to do.</summary>
internal sealed record Advice(string? Finding, string Action);

/// <summary>The doctor's knowledge, most fundamental fault first: it makes no sense to mend a file for a processor that cannot run it.</summary>
internal static class AdviceBook
{
    public static Advice For(IMachine machine, string rid, IReadOnlyList<ExaminedLibrary> libraries, string? newestCppRuntime) =>
        UnsupportedSystem(machine, rid)
        ?? MissingFile(machine, rid, libraries)
        ?? DamagedFile(libraries)
        ?? WrongArchitecture(machine, rid, libraries)
        ?? OldGlibc(machine, libraries)
        ?? OldCppRuntime(libraries, newestCppRuntime)
        ?? MissingDependency(libraries)
        ?? new Advice(null, "Nothing: every native file is there and has what it needs.");

    private static Advice? UnsupportedSystem(IMachine machine, string rid)
    {
        if (machine.Platform == OSPlatform.Windows && machine.Architecture == Architecture.X86)
        {
            return new Advice("This is a 32-bit process, and libtorch exists for 64-bit processes only.",
                "Set <PlatformTarget>x64</PlatformTarget> in the project and build again.");
        }
        if (!PlatformFiles.SupportedRids.Contains(rid))
        {
            string hint = rid switch
            {
                "linux-arm64" => "Run on a linux-x64 machine, or in a container started with --platform linux/amd64.",
                "osx-x64" => "Run on a Mac with Apple silicon with the arm64 .NET SDK (a process under Rosetta counts as x64), or on linux-x64 or win-x64.",
                _ => $"Run on one of {string.Join(", ", PlatformFiles.SupportedRids)}.",
            };
            return new Advice($"TorchSharp has no native package for {rid}.", hint);
        }
        return machine.Platform == OSPlatform.Linux && machine.GlibcVersion is null
            ? new Advice("This Linux has no glibc (Alpine and other musl systems), and libtorch is built for glibc.",
                "Use a Debian or Ubuntu based image, e.g. mcr.microsoft.com/dotnet/runtime:10.0 instead of its -alpine variant.")
            : null;
    }

    private static Advice? MissingFile(IMachine machine, string rid, IReadOnlyList<ExaminedLibrary> libraries)
    {
        ExaminedLibrary? missing = libraries.FirstOrDefault(library => library.Path is null);
        if (missing is null)
        {
            return null;
        }
        string finding = $"{missing.Name} is in none of the folders where this process looks ({string.Join(", ", machine.NativeFolders)}).";
        return missing.Name == PlatformFiles.Binding(machine.Platform)
            ? new Advice(finding, $"Build and publish the project that is run (not only the library it uses) with the package ModelGen or TorchSharp-cpu, for {rid}.")
            : new Advice(finding, "Add the libtorch package to the project that is run: dotnet add package TorchSharp-cpu (with an NVIDIA GPU: build with -p:ModelGenAccelerator=cuda).");
    }

    private static Advice? DamagedFile(IReadOnlyList<ExaminedLibrary> libraries) =>
        libraries.FirstOrDefault(library => library.Fault is not null) is { } damaged
            ? new Advice($"{damaged.Path} is damaged: {damaged.Fault}.",
                "Delete the output folder and the package's folder in the NuGet cache (dotnet nuget locals global-packages --list says where), then restore and build again.")
            : null;

    private static Advice? WrongArchitecture(IMachine machine, string rid, IReadOnlyList<ExaminedLibrary> libraries)
    {
        ushort? wanted = machine.Architecture == Architecture.X64 ? ElfImage.X64 : null;
        return libraries.FirstOrDefault(library => library.Machine is not null && library.Machine != wanted) is { } wrong
            ? new Advice($"{wrong.Path} is for another processor (ELF machine {wrong.Machine}) than this {machine.Architecture} process.",
                $"Build or publish again with -r {rid}.")
            : null;
    }

    private static Advice? OldGlibc(IMachine machine, IReadOnlyList<ExaminedLibrary> libraries)
    {
        string[] versions = [.. libraries.SelectMany(library => library.Versions)
            .Where(lack => lack.Version.StartsWith("GLIBC_", StringComparison.Ordinal)).Select(lack => lack.Version)];
        return VersionNames.Newest(versions, "GLIBC_") is { } newest
            ? new Advice($"glibc {machine.GlibcVersion} is too old: TorchSharp's native files need {newest}.",
                $"Run on a system with glibc {newest["GLIBC_".Length..]} or newer (Debian 12, Ubuntu 22.04, RHEL 9 and later), or in such a container.")
            : null;
    }

    private static Advice? OldCppRuntime(IReadOnlyList<ExaminedLibrary> libraries, string? newest)
    {
        LackingVersion[] lacking = [.. libraries.SelectMany(library => library.Versions).Where(lack => lack.Library == LibraryLocator.CppRuntime)];
        if (lacking.Length == 0)
        {
            return null;
        }
        string versions = string.Join(", ", lacking.Select(lack => lack.Version).Distinct());
        if (lacking.Any(lack => lack.IsUsed))
        {
            return new Advice($"The C++ runtime ends at {newest}, and TorchSharp's native files use {versions}.",
                "Install a newer libstdc++6, or run on a newer Linux (Debian 13, Ubuntu 24.04 and later).");
        }
        return new Advice($"The C++ runtime ends at {newest}, TorchSharp's native library asks for {versions} without using it, and the build did not mend it.",
            "Build on this machine with the package ModelGen and without ModelGenMendTorchSharp=never; to publish from a newer machine for this one: dotnet publish -p:ModelGenMendTorchSharp=always.");
    }

    private static Advice? MissingDependency(IReadOnlyList<ExaminedLibrary> libraries)
    {
        ExaminedLibrary? library = libraries.FirstOrDefault(candidate => candidate.Missing.Count > 0);
        if (library is null)
        {
            return null;
        }
        string missing = string.Join(", ", library.Missing);
        string action = library.Missing.All(IsOfTheSystem)
            ? $"Install what provides {missing} (on Debian and Ubuntu: apt-get install libstdc++6 libgomp1)."
            : "Delete the output folder, restore and build again; the package's files belong together.";
        return new Advice($"{library.Name} needs {missing}, which is neither beside it nor on this machine.", action);
    }

    private static bool IsOfTheSystem(string library) => library == LibraryLocator.CppRuntime || library.StartsWith("libgomp.so", StringComparison.Ordinal)
        || library.StartsWith("libgcc_s", StringComparison.Ordinal);
}
