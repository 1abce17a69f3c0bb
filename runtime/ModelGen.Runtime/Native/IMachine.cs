using System.Runtime.InteropServices;

namespace ModelGen.Native;

/// <summary>The facts about a machine that the doctor looks at; tests put other machines in its place.</summary>
internal interface IMachine
{
    OSPlatform Platform { get; }

    string OperatingSystem { get; }

    /// <summary>The architecture of this process, which decides which native files it can load.</summary>
    Architecture Architecture { get; }

    /// <summary>The version of glibc this process runs on, or null where it runs on another C library.</summary>
    string? GlibcVersion { get; }

    /// <summary>The best vector instructions, e.g. `AVX2`.</summary>
    string VectorInstructions { get; }

    /// <summary>The value of `LD_LIBRARY_PATH`.</summary>
    string? LibrarySearchPath { get; }

    /// <summary>Where this process looks for native files of its packages.</summary>
    IReadOnlyList<string> NativeFolders { get; }

    bool FileExists(string path);

    /// <summary>The paths of the files in a folder whose names start with <paramref name="prefix"/>; none where the folder is missing.</summary>
    IReadOnlyList<string> FilesStartingWith(string folder, string prefix);

    Stream OpenRead(string path);
}
