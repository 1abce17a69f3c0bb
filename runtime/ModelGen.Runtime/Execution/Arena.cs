using System.ComponentModel;
using ModelGen.Kernels;

namespace ModelGen;

/// <summary>One block of memory for the buffers of a generated function. Used by generated code only.</summary>
[EditorBrowsable(EditorBrowsableState.Never)]
public sealed class Arena : IDisposable
{
    private readonly ArenaPlan plan = new();
    private NativeMemoryBlock? block;

    /// <summary>Bytes of the block; 0 before it is laid out.</summary>
    public long Bytes => block?.Bytes ?? 0;

    /// <summary>The empty plan, to be filled before <see cref="Place"/>.</summary>
    internal ArenaPlan Plan
    {
        get
        {
            plan.Clear();
            return plan;
        }
    }

    /// <summary>Address of a buffer.</summary>
    /// <param name="buffer">Number of the buffer.</param>
    /// <returns>Its first number.</returns>
    public Floats Slot(int buffer) => block!.Floats(plan.OffsetOf(buffer));

    /// <summary>Frees the block.</summary>
    public void Dispose() => block?.Dispose();

    /// <summary>Places the buffers of the plan; the block grows when they need more.</summary>
    internal void Place()
    {
        plan.Place();
        long bytes = plan.Size * sizeof(float);
        if (block is null || block.Bytes < bytes)
        {
            block?.Dispose();
            block = new NativeMemoryBlock(bytes);
        }
    }
}
