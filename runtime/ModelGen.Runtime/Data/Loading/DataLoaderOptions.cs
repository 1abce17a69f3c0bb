using static TorchSharp.torch;

namespace ModelGen.Data;

/// <summary>Settings of a <see cref="DataLoader"/>.</summary>
public sealed record DataLoaderOptions
{
    /// <summary>Samples of a batch; default 32. Not for use with a <see cref="BatchSampler"/>.</summary>
    public int BatchSize { get; init; } = 32;

    /// <summary>Whether each epoch has the samples in another random order; default false. A stream is shuffled within <see cref="ShuffleBuffer"/>.</summary>
    public bool Shuffle { get; init; }

    /// <summary>Records of a stream among which the next one is chosen when <see cref="Shuffle"/> is set; default 4096.</summary>
    public int ShuffleBuffer { get; init; } = 4096;

    /// <summary>Whether a last batch with fewer samples is left out; default false.</summary>
    public bool DropLast { get; init; }

    /// <summary>Seed of order and transforms; default 0. The same seed gives the same batches, whatever the number of workers.</summary>
    public int Seed { get; init; }

    /// <summary>Chooses the samples of an epoch, in place of <see cref="Shuffle"/>.</summary>
    public Sampler? Sampler { get; init; }

    /// <summary>Chooses the batches of an epoch, in place of <see cref="BatchSize"/>, <see cref="Shuffle"/>, <see cref="DropLast"/> and <see cref="Sampler"/>.</summary>
    public BatchSampler? BatchSampler { get; init; }

    /// <summary>Number of this process in a distributed run, from 0.</summary>
    public int Rank { get; init; }

    /// <summary>Number of processes of a distributed run; default 1. Above it, each gets its share of the samples (<see cref="DistributedSampler"/>); of a stream every so many-th record.</summary>
    public int World { get; init; } = 1;

    /// <summary>
    /// Threads that read and transform samples; 0 does it in the thread that asks for batches. Default: half of the processors, 1 to 4, because the others compute the training step.
    /// </summary>
    public int Workers { get; init; } = Math.Clamp(Environment.ProcessorCount / 2, 1, 4);

    /// <summary>Batches that are made ahead of the one in use, those in work included; null (default) for two per worker.</summary>
    public int? Prefetch { get; init; }

    /// <summary>Where batches are wanted; null (default) for the CPU. For a CUDA device they are assembled in pinned memory and copied asynchronously.</summary>
    public Device? Device { get; init; }

    /// <summary>What is done when a sample cannot be read; default <see cref="SampleErrors.Stop"/>.</summary>
    public SampleErrors OnError { get; init; } = SampleErrors.Stop;

    /// <summary>Called for each sample left out, on the thread that asks for batches, before the batch it is missing from.</summary>
    public Action<SampleFault>? OnSkip { get; init; }

    /// <summary>Transforms of whole batches, in order.</summary>
    public IReadOnlyList<BatchTransform> BatchTransforms { get; init; } = [];
}
