using System.Runtime.InteropServices;
using ModelGen.Native;
using TorchSharp;

namespace ModelGen;

/// <summary>Loads TorchSharp's native libraries, with a useful message where that fails.</summary>
public static class NativeLibraries
{
    private static readonly Lazy<Exception?> Failure = new(TryLoad);

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
