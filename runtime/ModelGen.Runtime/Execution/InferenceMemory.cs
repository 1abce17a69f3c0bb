using System.ComponentModel;
using ModelGen.Kernels;

namespace ModelGen;

/// <summary>Memory of one call of inference. It goes back to the model when it is disposed. Used by generated code only.</summary>
[EditorBrowsable(EditorBrowsableState.Never)]
public sealed class InferenceMemory : IDisposable
{
    private readonly KernelInference owner;
    private readonly Arena arena = new();
    private long[]? sizes;

    internal InferenceMemory(KernelInference owner) => this.owner = owner;

    /// <summary>Bytes of the arena.</summary>
    public long Bytes => arena.Bytes;

    /// <summary>Address of a buffer.</summary>
    /// <param name="buffer">Number of the buffer.</param>
    /// <returns>Its first number.</returns>
    public Floats Slot(int buffer) => arena.Slot(buffer);

    /// <summary>Hands the memory back for the next call.</summary>
    public void Dispose() => owner.Return(this);

    /// <summary>Lays the arena out when the sizes differ from those of the last call.</summary>
    internal void Resize(ReadOnlySpan<long> wanted)
    {
        if (sizes is not null && wanted.SequenceEqual(sizes))
        {
            return;
        }

        owner.LayOut(arena, wanted);
        sizes = wanted.ToArray();
    }
}
