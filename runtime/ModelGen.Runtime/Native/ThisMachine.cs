using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.X86;

namespace ModelGen.Native;

/// <summary>The machine and process that this code runs in.</summary>
internal sealed partial class ThisMachine : IMachine
{
    public OSPlatform Platform => CurrentPlatform;

    private static OSPlatform CurrentPlatform =>
        System.OperatingSystem.IsWindows() ? OSPlatform.Windows
        : System.OperatingSystem.IsMacOS() ? OSPlatform.OSX
        : OSPlatform.Linux;

    public string OperatingSystem => RuntimeInformation.OSDescription;

    public Architecture Architecture => RuntimeInformation.ProcessArchitecture;

    public string? GlibcVersion { get; } = ReadGlibcVersion();

    public string VectorInstructions =>
        Architecture is not (Architecture.X64 or Architecture.X86) ? "not an x86 processor"
        : Avx512F.IsSupported ? "AVX-512"
        : Avx2.IsSupported ? "AVX2"
        : Avx.IsSupported ? "AVX"
        : "none (libtorch will be slow)";

    public string? LibrarySearchPath => Environment.GetEnvironmentVariable("LD_LIBRARY_PATH");

    public IReadOnlyList<string> NativeFolders { get; } = FindNativeFolders();

    public bool FileExists(string path) => File.Exists(path);

    public IReadOnlyList<string> FilesStartingWith(string folder, string prefix) =>
        Directory.Exists(folder) ? [.. Directory.EnumerateFiles(folder, prefix + "*").Order(StringComparer.Ordinal)] : [];

    public Stream OpenRead(string path) => File.OpenRead(path);

    private static string[] FindNativeFolders()
    {
        // The host puts here what it read from deps.json, including runtimes/<rid>/native of every package.
        string known = AppContext.GetData("NATIVE_DLL_SEARCH_DIRECTORIES") as string ?? "";
        string own = AppContext.BaseDirectory;
        string ofRuntime = Path.Combine(own, "runtimes", PlatformFiles.Rid(CurrentPlatform, RuntimeInformation.ProcessArchitecture), "native");
        return [.. known.Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries).Append(own).Append(ofRuntime)
            .Select(folder => folder.TrimEnd('/', '\\')).Distinct()];
    }

    private static string? ReadGlibcVersion()
    {
        if (!System.OperatingSystem.IsLinux())
        {
            return null;
        }
        try
        {
            return Marshal.PtrToStringUTF8(GetLibcVersion());
        }
        catch (Exception missing) when (missing is DllNotFoundException or EntryPointNotFoundException)
        {
            // musl has neither this file name nor this function.
            return null;
        }
    }

    [LibraryImport("libc.so.6", EntryPoint = "gnu_get_libc_version")]
    private static partial nint GetLibcVersion();
}
