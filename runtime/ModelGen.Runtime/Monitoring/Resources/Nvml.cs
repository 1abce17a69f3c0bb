using System.Runtime.InteropServices;
using System.Text;

namespace ModelGen.Monitoring;

/// <summary>NVIDIA's management library, which comes with the driver; loaded when it is there.</summary>
/// <remarks>Functions and structures as NVIDIA's NVML API reference gives them.</remarks>
internal sealed unsafe class Nvml
{
    private const int NameLength = 96;

    private static readonly Lazy<(Nvml? Library, string Status)> Loaded = new(Load);

    private readonly delegate* unmanaged<IntPtr, Utilization*, int> utilization;
    private readonly delegate* unmanaged<IntPtr, MemoryInfo*, int> memory;
    private readonly (IntPtr Handle, string Name)[] devices;

    private Nvml(IntPtr library)
    {
        utilization = (delegate* unmanaged<IntPtr, Utilization*, int>)NativeLibrary.GetExport(library, "nvmlDeviceGetUtilizationRates");
        memory = (delegate* unmanaged<IntPtr, MemoryInfo*, int>)NativeLibrary.GetExport(library, "nvmlDeviceGetMemoryInfo");
        var start = (delegate* unmanaged<int>)NativeLibrary.GetExport(library, "nvmlInit_v2");
        var count = (delegate* unmanaged<uint*, int>)NativeLibrary.GetExport(library, "nvmlDeviceGetCount_v2");
        var handle = (delegate* unmanaged<uint, IntPtr*, int>)NativeLibrary.GetExport(library, "nvmlDeviceGetHandleByIndex_v2");
        var name = (delegate* unmanaged<IntPtr, byte*, uint, int>)NativeLibrary.GetExport(library, "nvmlDeviceGetName");
        Check(start(), "nvmlInit_v2");
        uint number;
        Check(count(&number), "nvmlDeviceGetCount_v2");
        devices = new (IntPtr, string)[number];
        byte* text = stackalloc byte[NameLength];
        for (uint i = 0; i < number; i++)
        {
            IntPtr device;
            Check(handle(i, &device), "nvmlDeviceGetHandleByIndex_v2");
            Check(name(device, text, NameLength), "nvmlDeviceGetName");
            devices[i] = (device, Encoding.UTF8.GetString(MemoryMarshal.CreateReadOnlySpanFromNullTerminated(text)));
        }
    }

    /// <summary>Which GPUs are watched, or why none is.</summary>
    public static string Status => Loaded.Value.Status;

    /// <summary>All GPUs now; empty without the library. What a device does not report is 0.</summary>
    public static IReadOnlyList<GpuSample> Take() => Loaded.Value.Library?.Read() ?? [];

    private static (Nvml? Library, string Status) Load()
    {
        string file = OperatingSystem.IsWindows() ? "nvml.dll" : "libnvidia-ml.so.1";
        if (!NativeLibrary.TryLoad(file, out IntPtr library))
        {
            return (null, $"no NVML ({file} is not there), so GPUs are not watched");
        }

        try
        {
            var nvml = new Nvml(library);
            return (nvml, $"NVML: {string.Join(", ", nvml.devices.Select(static device => device.Name).DefaultIfEmpty("no GPU"))}");
        }
        catch (Exception exception) when (exception is InvalidOperationException or EntryPointNotFoundException)
        {
            return (null, $"no NVML ({exception.Message}), so GPUs are not watched");
        }
    }

    private static void Check(int result, string function)
    {
        if (result != 0)
        {
            throw new InvalidOperationException($"{function} returned {result}");
        }
    }

    private GpuSample[] Read()
    {
        var samples = new GpuSample[devices.Length];
        for (int i = 0; i < samples.Length; i++)
        {
            Utilization use = default;
            MemoryInfo info = default;
            _ = utilization(devices[i].Handle, &use);
            _ = memory(devices[i].Handle, &info);
            samples[i] = new GpuSample(devices[i].Name, use.Gpu / 100.0, (long)info.Used, (long)info.Total);
        }

        return samples;
    }

    [StructLayout(LayoutKind.Sequential)]
    private struct Utilization
    {
        public uint Gpu;
        public uint Memory;
    }

    [StructLayout(LayoutKind.Sequential)]
    private struct MemoryInfo
    {
        public ulong Total;
        public ulong Free;
        public ulong Used;
    }
}
