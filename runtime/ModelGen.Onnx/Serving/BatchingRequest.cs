using System.Diagnostics;
using System.Runtime.InteropServices;

namespace ModelGen.Onnx;

/// <summary>One sample on its way through a <see cref="BatchingServer"/>.</summary>
internal abstract class BatchingRequest
{
    private const int Waiting = 0;
    private const int Taken = 1;

    private readonly TaskCompletionSource done = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int state = Waiting;

    public long Enqueued { get; } = Stopwatch.GetTimestamp();

    public Task Done => done.Task;

    /// <summary>Takes the request out of the caller's hands; false when it was cancelled before.</summary>
    public bool TryTake() => Interlocked.CompareExchange(ref state, Taken, Waiting) == Waiting;

    /// <summary>Cancels a request that still waits. One that runs is finished: its outputs are being written.</summary>
    public bool TryCancel(CancellationToken cancellation)
    {
        if (!TryTake())
        {
            return false;
        }

        done.TrySetCanceled(cancellation);
        return true;
    }

    public void Complete() => done.TrySetResult();

    public void Fail(Exception exception) => done.TrySetException(exception);

    /// <summary>Writes the sample to a place of a batch.</summary>
    public abstract void CopyIn(BoundModel model, int batch, int slot);

    /// <summary>Reads the results at a place of a batch.</summary>
    public abstract void CopyOut(BoundModel model, int batch, int slot);

    protected static Span<byte> Slot(Span<byte> all, int batch, int slot)
    {
        int length = all.Length / batch;
        return all.Slice(slot * length, length);
    }
}

/// <summary>A request in the caller's memory, for models with one input and one output.</summary>
internal sealed class MemoryRequest<TInput, TOutput>(ReadOnlyMemory<TInput> input, Memory<TOutput> output) : BatchingRequest
    where TInput : unmanaged
    where TOutput : unmanaged
{
    public override void CopyIn(BoundModel model, int batch, int slot) => MemoryMarshal.AsBytes(input.Span).CopyTo(Slot(model.InputBytes(0, batch), batch, slot));

    public override void CopyOut(BoundModel model, int batch, int slot) => Slot(model.OutputBytes(0, batch), batch, slot).CopyTo(MemoryMarshal.AsBytes(output.Span));
}

/// <summary>A request of named tensors.</summary>
internal sealed class TensorRequest(IReadOnlyDictionary<string, OnnxTensor> inputs) : BatchingRequest
{
    public IReadOnlyDictionary<string, OnnxTensor> Results { get; private set; } = new Dictionary<string, OnnxTensor>();

    public override void CopyIn(BoundModel model, int batch, int slot)
    {
        for (int i = 0; i < model.Inputs.Count; i++)
        {
            inputs[model.Inputs[i].Name].Bytes.CopyTo(Slot(model.InputBytes(i, batch), batch, slot));
        }
    }

    public override void CopyOut(BoundModel model, int batch, int slot) => Results = model.Outputs.Select((entry, index) =>
        (entry.Name, Tensor: new OnnxTensor(entry.Type, [1, .. entry.Shape[1..]], Slot(model.OutputBytes(index, batch), batch, slot).ToArray()))).ToDictionary(static pair => pair.Name, static pair => pair.Tensor, StringComparer.Ordinal);
}
