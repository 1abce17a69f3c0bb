using System.Collections.Concurrent;
using System.ComponentModel;
using ModelGen.Kernels;
using TorchSharp;
using static TorchSharp.torch;

namespace ModelGen;

/// <summary>
/// Generated inference that runs on kernels instead of libtorch's operators: float32 on the CPU. Any number of threads may call it. Derived from by generated code.
/// </summary>
/// <remarks>
/// What depends on weights alone, such as folded batch normalisation and weights in the order that kernels read, is computed at the first call and again when
/// the contents of these weights changed: their hash is compared at every call unless they are frozen, as an optimizer, a checkpoint or <c>data&lt;float&gt;()</c> may write them in ways that leave no trace.
/// </remarks>
[EditorBrowsable(EditorBrowsableState.Never)]
public abstract unsafe class KernelInference
{
    /// <summary>Numbers behind a tensor that kernels may read, as they load whole vectors.</summary>
    private const int Behind = 16;

    private readonly ParameterTable weights;
    private readonly Known[] known;
    private readonly ConcurrentBag<InferenceMemory> idle = [];
    private readonly Arena prepared = new();
    private readonly Lock gate = new();
    private readonly List<Tensor> moved = [];
    private NativeMemoryBlock? pieces;
    private ulong[]? fingerprint;

    /// <summary>Whether prepared buffers belong to the weights that were looked at last, and may be used without another look.</summary>
    private volatile bool settled;

    private struct Known
    {
        public Tensor? Tensor;
        public IntPtr Address;
        public long Bytes;
    }

    /// <summary>Inference over a model's weights.</summary>
    /// <param name="weights">Parameters and buffers of the model.</param>
    /// <param name="count">How many.</param>
    protected KernelInference(ParameterTable weights, int count)
    {
        NativeLibraries.ShareThreads();
        this.weights = weights;
        known = new Known[count];
    }

    private ContentHash.Piece* Pieces => (ContentHash.Piece*)pieces!.Address;

    /// <summary>Bytes of the prepared buffers and of the memory of calls that is kept for the next ones.</summary>
    public long Bytes => prepared.Bytes + idle.Sum(static memory => memory.Bytes);

    /// <summary>Whether the contents of the weights are promised to stay as they are.</summary>
    internal bool IsFrozen
    {
        get;
        set
        {
            lock (gate)
            {
                field = value;
                settled = false;
            }
        }
    }

    /// <summary>Numbers of the weights that prepared buffers are computed from.</summary>
    protected abstract ReadOnlySpan<int> Prepared { get; }

    /// <summary>Runs the model.</summary>
    /// <param name="inputs">Its inputs.</param>
    /// <returns>Its outputs; the caller disposes them.</returns>
    public abstract Tensor[] Run(ReadOnlySpan<Tensor> inputs);

    /// <summary>Whether these inputs, and the weights as they are now, can run on kernels, which are not switched off: all on the CPU, weights contiguous float32 (or whole numbers and booleans, for buffers).</summary>
    /// <param name="inputs">Inputs of the model.</param>
    /// <returns>False when libtorch's operators must run instead.</returns>
    public bool Supports(ReadOnlySpan<Tensor> inputs)
    {
        if (!KernelSwitch.IsOn)
        {
            return false;
        }

        foreach (Tensor input in inputs)
        {
            if (input.device_type != DeviceType.CPU)
            {
                return false;
            }
        }

        for (int i = 0; i < known.Length; i++)
        {
            Tensor tensor = weights[i];
            if (!ReferenceEquals(known[i].Tensor, tensor) || known[i].Address != AtenC.Address(tensor))
            {
                lock (gate)
                {
                    return Adopt();
                }
            }
        }

        return true;
    }

    internal void Return(InferenceMemory memory) => idle.Add(memory);

    internal void LayOut(Arena arena, ReadOnlySpan<long> sizes)
    {
        Plan(arena.Plan, sizes);
        arena.Place();
    }

    /// <summary>Adds the buffers of a call.</summary>
    /// <param name="memory">Receives them.</param>
    /// <param name="sizes">Named sizes of the inputs.</param>
    protected abstract void Plan(ArenaPlan memory, ReadOnlySpan<long> sizes);

    /// <summary>Adds the buffers that depend on weights alone.</summary>
    /// <param name="memory">Receives them.</param>
    protected abstract void PlanPrepared(ArenaPlan memory);

    /// <summary>Computes the buffers that depend on weights alone.</summary>
    protected abstract void Prepare();

    /// <summary>Memory for a call.</summary>
    /// <param name="sizes">Named sizes of the inputs.</param>
    protected InferenceMemory Rent(ReadOnlySpan<long> sizes)
    {
        if (!idle.TryTake(out InferenceMemory? memory))
        {
            memory = new InferenceMemory(this);
        }

        memory.Resize(sizes);
        return memory;
    }

    /// <summary>A parameter or buffer.</summary>
    /// <param name="index">Its number.</param>
    protected Tensor Weight(int index) => weights[index];

    /// <summary>Address of a parameter or buffer.</summary>
    /// <param name="index">Its number.</param>
    protected Floats At(int index) => (float*)AtenC.Address(weights[index]);

    /// <summary>Address of a buffer that depends on weights alone.</summary>
    /// <param name="buffer">Its number.</param>
    protected Floats PreparedAt(int buffer) => prepared.Slot(buffer);

    /// <summary>Computes what depends on weights alone unless it is there for their present values.</summary>
    protected void PrepareOnce()
    {
        if (settled)
        {
            return;
        }

        lock (gate)
        {
            nint count = HashWeights();
            if (fingerprint is not null && IsAsBefore(fingerprint, count))
            {
                settled = IsFrozen;
                return;
            }

            if (fingerprint is null)
            {
                PlanPrepared(prepared.Plan);
                prepared.Place();
            }

            fingerprint = null;
            Prepare();
            var hashes = new ulong[count];
            for (nint i = 0; i < count; i++)
            {
                hashes[i] = Pieces[i].Hash;
            }

            fingerprint = hashes;
            settled = IsFrozen;
        }
    }

    /// <summary>Hashes the weights that prepared buffers are computed from, as they are now.</summary>
    /// <returns>Number of pieces.</returns>
    private nint HashWeights()
    {
        nint count = 0;
        foreach (int index in Prepared)
        {
            count += ((nint)known[index].Bytes + ContentHash.PieceBytes - 1) / ContentHash.PieceBytes;
        }

        long room = Math.Max(1, count) * sizeof(ContentHash.Piece);
        if (pieces is null || pieces.Bytes < room)
        {
            pieces?.Dispose();
            pieces = new NativeMemoryBlock(room);
        }

        ContentHash.Piece* next = Pieces;
        foreach (int index in Prepared)
        {
            var start = (byte*)AtenC.Address(weights[index]);
            for (nint at = 0; at < known[index].Bytes; at += ContentHash.PieceBytes)
            {
                *next++ = new ContentHash.Piece { Start = start + at, Bytes = (nint)Math.Min(ContentHash.PieceBytes, known[index].Bytes - at) };
            }
        }

        ContentHash.Run(Pieces, count);
        return count;
    }

    private bool IsAsBefore(ulong[] before, nint count)
    {
        if (before.Length != count)
        {
            return false;
        }

        for (nint i = 0; i < count; i++)
        {
            if (Pieces[i].Hash != before[i])
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>
    /// Looks at all weights anew. The few whose memory ends with a page, where a kernel may still read, move into one buffer with room behind each; their old memory stays,
    /// because eager code on another thread may be reading it.
    /// </summary>
    private bool Adopt()
    {
        settled = false;
        var tight = new List<(string Name, Tensor Tensor)>();
        for (int i = 0; i < known.Length; i++)
        {
            Tensor tensor = weights[i];
            if (tensor.device_type != DeviceType.CPU || tensor.dtype is not (ScalarType.Float32 or ScalarType.Int64 or ScalarType.Bool) || !tensor.is_contiguous())
            {
                Array.Clear(known);
                return false;
            }

            if (tensor.dtype == ScalarType.Float32 && !AtenC.IsReadableBehind(tensor, Behind * sizeof(float)))
            {
                moved.Add(tensor.detach().DetachFromDisposeScope());
                tight.Add((i.ToString(System.Globalization.CultureInfo.InvariantCulture), tensor));
            }
        }

        // The tensors hold the buffer's storage; its own handles are not needed any more.
        FlatBuffer.Adopt(tight).Dispose();
        for (int i = 0; i < known.Length; i++)
        {
            known[i] = new Known { Tensor = weights[i], Address = AtenC.Address(weights[i]), Bytes = weights[i].numel() * weights[i].element_size() };
        }

        return true;
    }
}
