using System.Collections.Concurrent;
using System.Runtime.InteropServices;
using TorchSharp;
using static TorchSharp.torch;

namespace ModelGen;

/// <summary>
/// The C interface that libtorch exports for ahead-of-time compiled models (<c>aoti_torch_&lt;device&gt;_&lt;operator&gt;</c>): operators that TorchSharp does
/// not bind, without dispatcher and autograd.
/// </summary>
/// <remarks>Declared in <c>torch/csrc/inductor/aoti_torch/generated/c_shim_cpu.h</c> of libtorch 2.10. Optional tensors are pointers to handles.</remarks>
internal static class AtenC
{
    private static readonly ConcurrentDictionary<(DeviceType Device, string Name), IntPtr> Functions = new();

    private static readonly Lazy<IntPtr> GetDataPtr = new(static () => Export("aoti_torch_get_data_ptr"));
    private static readonly Lazy<IntPtr> GetStorageSize = new(static () => Export("aoti_torch_get_storage_size"));
    private static readonly Lazy<IntPtr> GetStorageOffset = new(static () => Export("aoti_torch_get_storage_offset"));
    private static readonly Lazy<IntPtr> CreateFromBlob = new(static () => Export("aoti_torch_create_tensor_from_blob"));

    /// <summary>Address of an operator for the device of a tensor.</summary>
    /// <exception cref="NotSupportedException">libtorch has none for this device.</exception>
    public static IntPtr Function(Tensor tensor, string name) => Functions.GetOrAdd((tensor.device_type, name), static key => Load(key.Device, key.Name));

    /// <summary>Turns a status into an exception.</summary>
    public static void Check(int status, string name)
    {
        if (status != 0)
        {
            throw new ExternalException($"libtorch reports a fault in {name} (status {status}). The shapes were checked when the code was generated, so please report this with the model's source.");
        }
    }

    /// <summary>Wraps a returned handle, which then owns the tensor.</summary>
    public static Tensor Own(IntPtr handle) => Tensor.UnsafeCreateTensor(handle);

    /// <summary>Address of a tensor's first element; the tensor must be kept alive while it is used. Allocates nothing.</summary>
    public static unsafe IntPtr Address(Tensor tensor)
    {
        void* address = null;
        Check(((delegate* unmanaged<IntPtr, void**, int>)GetDataPtr.Value)(tensor.Handle, &address), "get_data_ptr");
        return (IntPtr)address;
    }

    /// <summary>
    /// Whether memory behind the last element of a contiguous tensor can be read: it belongs to the tensor's storage, or lies in the same page as that element. What is read
    /// there is never used.
    /// </summary>
    /// <param name="tensor">The tensor.</param>
    /// <param name="bytes">How many bytes, less than a page.</param>
    public static unsafe bool IsReadableBehind(Tensor tensor, int bytes)
    {
        // No system has smaller pages.
        const nint Page = 4096;
        long size;
        long offset;
        Check(((delegate* unmanaged<IntPtr, long*, int>)GetStorageSize.Value)(tensor.Handle, &size), "get_storage_size");
        Check(((delegate* unmanaged<IntPtr, long*, int>)GetStorageOffset.Value)(tensor.Handle, &offset), "get_storage_offset");
        long length = tensor.numel() * tensor.element_size();
        long inPage = (Address(tensor) + (nint)length) % Page;
        return size - (offset * tensor.element_size()) - length >= bytes || (inPage != 0 && inPage + bytes <= Page);
    }

    /// <summary>A tensor over memory that somebody else owns.</summary>
    public static unsafe Tensor View(IntPtr address, ReadOnlySpan<long> sizes, ReadOnlySpan<long> strides, ScalarType type)
    {
        IntPtr tensor;
        fixed (long* size = sizes)
        fixed (long* stride = strides)
        {
            var create = (delegate* unmanaged<void*, long, long*, long*, long, int, int, int, IntPtr*, int>)CreateFromBlob.Value;
            Check(create((void*)address, sizes.Length, size, stride, 0, (int)type, (int)DeviceType.CPU, 0, &tensor), "create_tensor_from_blob");
        }

        return Own(tensor);
    }

    private static IntPtr Export(string name)
    {
        NativeLibraries.EnsureLoaded();
        return NativeLibrary.GetExport(NativeLibrary.Load("torch_cpu", typeof(torch).Assembly, null), name);
    }

    private static IntPtr Load(DeviceType device, string name)
    {
        string library = device == DeviceType.CUDA ? "torch_cuda" : "torch_cpu";
        string suffix = device == DeviceType.CUDA ? "cuda" : "cpu";
        NativeLibraries.EnsureLoaded();
        if (device is not (DeviceType.CPU or DeviceType.CUDA)
            || !NativeLibrary.TryLoad(library, typeof(torch).Assembly, null, out IntPtr handle)
            || !NativeLibrary.TryGetExport(handle, $"aoti_torch_{suffix}_{name}", out IntPtr address))
        {
            throw new NotSupportedException($"Generated code needs libtorch's '{name}' on {device}, which this libtorch does not have. Use the CPU device.");
        }

        return address;
    }
}
