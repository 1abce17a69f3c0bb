using System.Runtime.InteropServices;
using ModelGen.Kernels;
using ModelGen.Native;
using TorchSharp;

namespace ModelGen;

/// <summary>Loads TorchSharp's native libraries, with a useful message where that fails.</summary>
public static class NativeLibraries
{
    private static readonly Lazy<Exception?> Failure = new(TryLoad);
    private static readonly Lazy<bool> Shared = new(Share);

    /// <summary>
    /// Loads TorchSharp's native libraries if they are not loaded yet. Generated constructors call it first; it costs nothing from the second
    /// call on, and changes no setting of TorchSharp.
    /// </summary>
    /// <exception cref="NativeLoadException">They cannot be loaded; the message says what is missing and what to do.</exception>
    public static void EnsureLoaded()
    {
        if (Failure.Value is { } failure)
        {
            throw new NativeLoadException(Doctor.Examine(), failure);
        }
    }

    /// <summary>
    /// Lets kernels run on libtorch's own threads, as many as <c>torch.get_num_threads()</c> says, instead of a second pool that would fight for the same cores.
    /// </summary>
    public static void ShareThreads() => _ = Shared.Value;

    private static bool Share()
    {
        EnsureLoaded();
        Workers.Count = Math.Clamp(torch.get_num_threads(), 1, 1024);
        var machine = new ThisMachine();
        string? library = machine.NativeFolders.Where(Directory.Exists).SelectMany(static folder => Directory.EnumerateFiles(folder)).FirstOrDefault(static file => IsOpenMP(Path.GetFileName(file)));
        return library is not null && NativeLibrary.TryLoad(library, out IntPtr handle) && Workers.UseOpenMP(handle);
    }

    private static bool IsOpenMP(string file) => file.StartsWith("libgomp", StringComparison.Ordinal) || file.StartsWith("libomp", StringComparison.Ordinal) || file.StartsWith("libiomp5", StringComparison.Ordinal);

    private static Exception? TryLoad()
    {
        try
        {
            LoadFilesOfThisProcess();
            torch.InitializeDeviceType(DeviceType.CPU);
            return null;
        }
        catch (Exception failure) when (failure is NotSupportedException or DllNotFoundException or EntryPointNotFoundException
            or BadImageFormatException or TypeInitializationException)
        {
            return failure;
        }
    }

    // When a file is there and does not load, TorchSharp copies half a gigabyte out of the NuGet cache and prints a long trace before it gives up.
    // Loading the files first ends that early, with the loader's own reason. Where they are not there, TorchSharp's search is the right thing.
    private static void LoadFilesOfThisProcess()
    {
        if (!OperatingSystem.IsLinux())
        {
            return;
        }
        var machine = new ThisMachine();
        foreach (string name in (string[])[PlatformFiles.Torch(machine.Platform), PlatformFiles.Binding(machine.Platform)])
        {
            if (machine.NativeFolders.Select(folder => Path.Combine(folder, name)).FirstOrDefault(File.Exists) is { } path)
            {
                NativeLibrary.Load(path);
            }
        }
    }
}
