namespace ModelGen.Build.Tests;

/// <summary>TorchSharp's own Linux library, as restored from NuGet.</summary>
internal static class RealLibrary
{
    public static string PackageFolder { get; } =
        Environment.GetEnvironmentVariable("NUGET_PACKAGES") ?? Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".nuget", "packages");

    public static string LibraryPath { get; } =
        Path.Combine(PackageFolder, "torchsharp", "0.107.0", "runtimes", "linux-x64", "native", "libLibTorchSharp.so");

    public static byte[] Bytes { get; } = File.ReadAllBytes(LibraryPath);
}
