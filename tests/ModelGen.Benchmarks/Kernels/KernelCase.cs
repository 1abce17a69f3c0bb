namespace ModelGen.Benchmarks;

/// <summary>A kernel to measure.</summary>
/// <param name="Family">Kind of kernel: the file that makes it.</param>
/// <param name="Name">Sizes.</param>
/// <param name="Flops">Floating-point operations, a multiply-add counted as two; 0 for kernels that only move memory.</param>
/// <param name="Bytes">Bytes that must be read and written at least, each once.</param>
/// <param name="Ours">Runs the kernel.</param>
/// <param name="Torch">Runs what eager TorchSharp does for the same; null where there is nothing alike.</param>
internal sealed record KernelCase(string Family, string Name, double Flops, double Bytes, Action Ours, Action? Torch)
{
    /// <summary>Runs our kernel for floats, where the case is one for smaller numbers.</summary>
    public Action? Floats { get; init; }
}
