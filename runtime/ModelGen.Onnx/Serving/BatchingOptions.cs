namespace ModelGen.Onnx;

/// <summary>What happens to a request that finds the queue full.</summary>
public enum BackPressure
{
    /// <summary>The caller waits, without a thread, until there is room.</summary>
    Wait,

    /// <summary>The request fails at once with <see cref="ServerBusyException"/>, so that a load balancer can send it elsewhere.</summary>
    Reject,
}

/// <summary>Settings of a <see cref="BatchingServer"/>.</summary>
public sealed record BatchingOptions
{
    /// <summary>Most samples in a call of a model with an open batch size; default 32. Models of static sizes have their own.</summary>
    public int MaxBatch { get; init; } = 32;

    /// <summary>How long the first request of a batch waits for others; default 2 ms. 0 takes what is there. Parts of a millisecond count; Windows rounds up to whole ones.</summary>
    public TimeSpan MaxDelay { get; init; } = TimeSpan.FromMilliseconds(2);

    /// <summary>Requests that may wait; default 1024.</summary>
    public int QueueLimit { get; init; } = 1024;

    /// <summary>What happens to the next one; default <see cref="BackPressure.Wait"/>.</summary>
    public BackPressure WhenFull { get; init; }

    /// <summary>Batches that run at the same time, each on sessions of its own; default 1.</summary>
    public int Workers { get; init; } = 1;

    /// <summary>Settings of the sessions; null for the defaults.</summary>
    public InferenceOptions? Inference { get; init; }

    /// <exception cref="ArgumentException">A setting is outside its range.</exception>
    internal void Check()
    {
        if (MaxBatch < 1 || MaxDelay < TimeSpan.Zero || MaxDelay > TimeSpan.FromMinutes(1) || QueueLimit < 1 || Workers < 1)
        {
            throw new ArgumentException($"BatchingOptions needs a MaxBatch, QueueLimit and Workers of at least 1 and a MaxDelay of at most a minute, got {MaxBatch}, {QueueLimit}, {Workers} and {MaxDelay}.");
        }
    }
}

/// <summary>A server's queue is full.</summary>
/// <param name="limit">Requests that may wait.</param>
public sealed class ServerBusyException(int limit) : Exception($"{limit} requests are waiting already; try again later, or raise BatchingOptions.QueueLimit.");
