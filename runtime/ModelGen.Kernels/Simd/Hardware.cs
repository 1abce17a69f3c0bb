using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace ModelGen.Kernels;

/// <summary>Which vectors this machine runs. <c>DOTNET_EnableAVX512=0</c> or <c>DOTNET_EnableAVX2=0</c> in the environment choose smaller ones.</summary>
public static class Hardware
{
    /// <summary>Width of the vectors that kernels use, in bits: 512, 256 or 128.</summary>
    public static int VectorBits { get; } =
        Vector512.IsHardwareAccelerated && Avx512F.IsSupported && Avx512BW.IsSupported && Avx512DQ.IsSupported ? 512
        : Vector256.IsHardwareAccelerated && Avx2.IsSupported && Fma.IsSupported ? 256
        : 128;

    /// <summary>Whether products of bfloat16 numbers run on the instruction for them. Where not, the kernels named BFloat16 give the same numbers but for the last bits, no faster than floats.</summary>
    public static bool MultipliesBFloat16 => VectorBits == 512 && BFloat16Machine.IsSupported;
}
