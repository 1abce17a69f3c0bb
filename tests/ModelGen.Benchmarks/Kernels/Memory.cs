using ModelGen.Kernels;

namespace ModelGen.Benchmarks;

/// <summary>Helpers of the kernel cases.</summary>
internal static unsafe class Memory
{
    /// <summary>The numbers of a float tensor in memory that kernels may read past the end of.</summary>
    public static NativeMemoryBlock Copy(Tensor tensor)
    {
        using Tensor contiguous = tensor.contiguous();
        var block = new NativeMemoryBlock(contiguous.numel() * sizeof(float));
        contiguous.data<float>().CopyTo(new Span<float>((float*)block.Address, (int)contiguous.numel()));
        return block;
    }

    /// <summary>The action for the vectors of this machine.</summary>
    public static T ByWidth<T>(T bits512, T bits256, T bits128) => Hardware.VectorBits switch
    {
        512 => bits512,
        256 => bits256,
        _ => bits128,
    };
}
