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
            torch.InitializeDeviceType(DeviceType.CPU);
            return null;
        }
        catch (Exception failure) when (failure is NotSupportedException or DllNotFoundException or EntryPointNotFoundException
            or BadImageFormatException or TypeInitializationException)
        {
            return failure;
        }
    }
}
