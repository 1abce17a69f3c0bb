namespace ModelGen.Elf;

/// <summary>One version that a library asks of another library (one `vernaux` entry).</summary>
/// <param name="Library">The file name of the library asked, e.g. `libstdc++.so.6`.</param>
/// <param name="Version">The version asked for, e.g. `GLIBCXX_3.4.32`.</param>
/// <param name="Index">The number under which the symbol version table refers to this entry.</param>
/// <param name="IsWeak">Whether the loader accepts a library without the version.</param>
/// <param name="FlagsOffset">Where in the file the entry's 16-bit flags are.</param>
internal sealed record VersionNeed(string Library, string Version, int Index, bool IsWeak, ulong FlagsOffset);
