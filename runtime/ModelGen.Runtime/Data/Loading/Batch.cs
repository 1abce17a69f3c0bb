using static TorchSharp.torch;

namespace ModelGen.Data;

/// <summary>
/// A batch of a <see cref="DataLoader"/>, which owns it. It is valid until the next one is asked for: its memory is then written again, and its tensors are disposed, so that a kept
/// one fails instead of showing other samples. Clone what must live longer.
/// </summary>
public sealed class Batch
{
    internal Batch(BatchWork work, Tensor[] tensors, int count)
    {
        Epoch = work.Epoch;
        Index = work.Index;
        IsLastOfEpoch = work.IsLast;
        Inputs = tensors[..^1];
        Target = tensors[^1];
        Count = count;
    }

    /// <summary>One tensor per input, batch first.</summary>
    public IReadOnlyList<Tensor> Inputs { get; }

    /// <summary>The targets, batch first.</summary>
    public Tensor Target { get; }

    /// <summary>Samples of the batch.</summary>
    public int Count { get; }

    /// <summary>Epoch of the batch.</summary>
    public int Epoch { get; }

    /// <summary>Number of the batch in its epoch, from 0. A run goes on behind it with <c>Batches(Epoch, Index + 1)</c>.</summary>
    public int Index { get; }

    /// <summary>Whether its epoch ends with it.</summary>
    public bool IsLastOfEpoch { get; }

    internal void Invalidate()
    {
        foreach (Tensor input in Inputs)
        {
            input.Dispose();
        }

        Target.Dispose();
    }
}
