using System.Runtime.InteropServices;

namespace ModelGen.Native;

/// <summary>What TorchSharp's native files are called and for which systems they exist.</summary>
internal static class PlatformFiles
{
    /// <summary>The runtime identifiers that TorchSharp's CPU packages have native files for.</summary>
    public static readonly IReadOnlyList<string> SupportedRids = ["linux-x64", "win-x64", "win-arm64", "osx-arm64"];

    public static string Rid(OSPlatform platform, Architecture architecture)
    {
        string system = platform == OSPlatform.Windows ? "win" : platform == OSPlatform.OSX ? "osx" : "linux";
        return $"{system}-{architecture.ToString().ToLowerInvariant()}";
    }

    /// <summary>The file that binds TorchSharp to libtorch; it comes with the package TorchSharp.</summary>
    public static string Binding(OSPlatform platform) => File(platform, "LibTorchSharp");

    /// <summary>The bulk of libtorch; it comes with the libtorch packages.</summary>
    public static string Torch(OSPlatform platform) => File(platform, "torch_cpu");

    /// <summary>Every file that TorchSharp loads on the CPU, the binding first.</summary>
    public static IReadOnlyList<string> All(OSPlatform platform) =>
        [Binding(platform), Torch(platform), File(platform, "torch"), File(platform, "c10")];

    private static string File(OSPlatform platform, string name) =>
        platform == OSPlatform.Windows ? $"{name}.dll"
        : platform == OSPlatform.OSX ? $"lib{name}.dylib"
        : $"lib{name}.so";
}
