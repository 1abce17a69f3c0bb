using System.Runtime.InteropServices;
using ModelGen.Native;
using ModelGen.Testing;

namespace ModelGen.Runtime.Tests.Native;

/// <summary>A healthy Debian 12 on x64 with TorchSharp in /app, which a test then breaks in one way.</summary>
internal sealed class FakeMachine : IMachine
{
    public const string Folder = "/app";
    public const string CppRuntime = "/lib/x86_64-linux-gnu/libstdc++.so.6";
    public const string Libc = "/lib/x86_64-linux-gnu/libc.so.6";

    public Dictionary<string, byte[]> Files { get; } = new()
    {
        [$"{Folder}/libLibTorchSharp.so"] = Binding("GLIBCXX_3.4.30", isUsed: true),
        [$"{Folder}/libtorch_cpu.so"] = new ElfBuilder().Links("libc.so.6", "libgomp-98b21ff3.so.1").Needs("libc.so.6", "GLIBC_2.29", true).Build(),
        [$"{Folder}/libtorch.so"] = new ElfBuilder().Links("libc.so.6").Build(),
        [$"{Folder}/libc10.so"] = new ElfBuilder().Links("libc.so.6").Build(),
        [$"{Folder}/libgomp-98b21ff3.so.1"] = new ElfBuilder().Build(),
        [CppRuntime] = new ElfBuilder().Defines("GLIBCXX_3.4.9", "GLIBCXX_3.4.30", "CXXABI_1.3").Build(),
        [Libc] = new ElfBuilder().Defines("GLIBC_2.2.5", "GLIBC_2.29", "GLIBC_2.34").Build(),
    };

    public OSPlatform Platform { get; init; } = OSPlatform.Linux;

    public string OperatingSystem => "Debian GNU/Linux 12 (bookworm)";

    public Architecture Architecture { get; init; } = Architecture.X64;

    public string? GlibcVersion { get; init; } = "2.36";

    public string VectorInstructions => "AVX2";

    public string? LibrarySearchPath => null;

    public IReadOnlyList<string> NativeFolders => [Folder];

    public bool FileExists(string path) => Files.ContainsKey(path);

    public IReadOnlyList<string> FilesStartingWith(string folder, string prefix) =>
        [.. Files.Keys.Where(path => path.StartsWith($"{folder}/{prefix}", StringComparison.Ordinal))];

    public Stream OpenRead(string path) => new MemoryStream(Files[path]);

    public static byte[] Binding(string version, bool isUsed) =>
        new ElfBuilder().Links("libtorch_cpu.so", "libstdc++.so.6", "libc.so.6")
            .Needs("libc.so.6", "GLIBC_2.34", true).Needs("libstdc++.so.6", version, isUsed).Build();
}
