namespace ModelGen;

/// <summary>What the doctor found about one native file of TorchSharp or libtorch.</summary>
/// <param name="Name">The file name, e.g. `libLibTorchSharp.so`.</param>
/// <param name="Path">Where it was found, or null where it is missing.</param>
/// <param name="Lacks">What it needs and this machine does not have, one readable entry each; empty where nothing is missing.</param>
public sealed record NativeLibraryFinding(string Name, string? Path, IReadOnlyList<string> Lacks);
