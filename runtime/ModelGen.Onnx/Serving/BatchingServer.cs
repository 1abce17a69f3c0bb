using System.Diagnostics;
using System.Diagnostics.Metrics;

namespace ModelGen.Onnx;

/// <summary>
/// Serves a model to many concurrent callers: requests of one sample are collected into batches, for as long as <see cref="BatchingOptions.MaxDelay"/> allows, and run together. The
/// queue is bounded; a request can be cancelled while it waits; a request that fails fails alone; disposing finishes all that were accepted. Safe for any number of threads.
/// </summary>
/// <remarks>
/// Metrics of the meter <c>ModelGen.Onnx.BatchingServer</c>, tagged with the model: counters <c>requests</c>, <c>cancelled</c>, <c>rejected</c>, <c>failed</c>, <c>padding</c> (samples that filled up
/// static batches); histograms <c>batch</c> (samples), <c>wait</c> and <c>run</c> (milliseconds); gauge <c>queue</c> (requests that wait).
/// </remarks>
public sealed class BatchingServer : IDisposable, IAsyncDisposable
{
    /// <summary>Name of the meter.</summary>
    public const string MeterName = "ModelGen.Onnx.BatchingServer";

    private readonly Lock guard = new();
    private readonly Queue<BatchingRequest> queue = new();
    private readonly SemaphoreSlim places;
    private readonly SemaphoreSlim arrived = new(0);
    private readonly BatchingOptions options;
    private readonly long delay;
    private readonly BatchingWorker[] workers;
    private readonly Thread[] threads;
    private readonly Meter meter = new(MeterName);
    private readonly KeyValuePair<string, object?> tag;
    private readonly Counter<long> requests;
    private readonly Counter<long> cancelled;
    private readonly Counter<long> rejected;
    private readonly Counter<long> failed;
    private readonly Counter<long> padding;
    private readonly Histogram<int> batches;
    private readonly Histogram<double> waits;
    private readonly Histogram<double> runs;
    private bool closed;

    /// <summary>Serves a model, or the same model in several static batch sizes: a batch runs on the smallest that holds it, filled up.</summary>
    /// <param name="models">One model, best with an open batch size (<c>OnnxExportOptions.OpenSize</c>), or several that differ in their batch size only.</param>
    /// <param name="options">Settings; null for the defaults.</param>
    /// <exception cref="ArgumentException">There is no model, or they differ in more than the batch.</exception>
    /// <exception cref="NotSupportedException">An input or output does not have the batch as its first dimension.</exception>
    /// <exception cref="OnnxFormatException">A model is not sound, or ONNX Runtime refuses it.</exception>
    public BatchingServer(IReadOnlyList<OnnxModel> models, BatchingOptions? options = null)
    {
        this.options = options ??= new BatchingOptions();
        delay = PreciseWait.Ticks(options.MaxDelay);
        options.Check();
        if (models.Count == 0)
        {
            throw new ArgumentException("A server needs a model.", nameof(models));
        }

        var opened = new List<BatchingWorker>();
        try
        {
            for (int i = 0; i < options.Workers; i++)
            {
                opened.Add(new BatchingWorker(models, options));
            }
        }
        catch
        {
            opened.ForEach(static worker => worker.Dispose());
            throw;
        }

        workers = [.. opened];
        Inputs = workers[0].Inputs;
        Outputs = workers[0].Outputs;
        places = new SemaphoreSlim(options.QueueLimit);
        tag = new KeyValuePair<string, object?>("model", models[0].Proto.Graph.Name);
        requests = meter.CreateCounter<long>("requests");
        cancelled = meter.CreateCounter<long>("cancelled");
        rejected = meter.CreateCounter<long>("rejected");
        failed = meter.CreateCounter<long>("failed");
        padding = meter.CreateCounter<long>("padding");
        batches = meter.CreateHistogram<int>("batch", "{sample}");
        waits = meter.CreateHistogram<double>("wait", "ms");
        runs = meter.CreateHistogram<double>("run", "ms");
        meter.CreateObservableGauge("queue", () => new Measurement<int>(Waiting, tag));
        threads = [.. workers.Select(worker => new Thread(() => Serve(worker)) { IsBackground = true, Name = "ModelGen batching" })];
        Array.ForEach(threads, static thread => thread.Start());
    }

    /// <summary>Serves one model.</summary>
    /// <param name="model">The model.</param>
    /// <param name="options">Settings; null for the defaults.</param>
    public BatchingServer(OnnxModel model, BatchingOptions? options = null)
        : this([model], options)
    {
    }

    /// <summary>Inputs of one request: a batch of one.</summary>
    public IReadOnlyList<OnnxContractEntry> Inputs { get; }

    /// <summary>Outputs of one request: a batch of one.</summary>
    public IReadOnlyList<OnnxContractEntry> Outputs { get; }

    /// <summary>Most samples of one call.</summary>
    public int MaxBatch => workers[0].MaxBatch;

    /// <summary>Requests that wait at the moment.</summary>
    public int Waiting
    {
        get
        {
            lock (guard)
            {
                return queue.Count;
            }
        }
    }

    /// <summary>Serves an exported file, together with the further batch sizes beside it (<c>net.batch8.onnx</c> beside <c>net.onnx</c>).</summary>
    /// <param name="path">The file.</param>
    /// <param name="options">Settings; null for the defaults.</param>
    /// <returns>The server.</returns>
    /// <exception cref="IOException">A file cannot be read.</exception>
    public static BatchingServer Open(string path, BatchingOptions? options = null)
    {
        string full = Path.GetFullPath(path);
        string[] others = Directory.GetFiles(Path.GetDirectoryName(full)!, $"{Path.GetFileNameWithoutExtension(full)}.batch*{Path.GetExtension(full)}");
        return new BatchingServer([.. others.Prepend(full).Select(OnnxModel.Load)], options);
    }

    /// <summary>Runs one sample of a model with one input and one output.</summary>
    /// <typeparam name="TInput">Element type of the input.</typeparam>
    /// <typeparam name="TOutput">Element type of the output.</typeparam>
    /// <param name="input">The sample; not changed by the caller until the task ends.</param>
    /// <param name="output">Takes the result; written before the task ends.</param>
    /// <param name="cancellation">Cancels the request while it waits; one that runs is finished.</param>
    /// <returns>A task that ends with the result.</returns>
    /// <exception cref="ArgumentException">The model has other inputs or outputs, or a length does not fit.</exception>
    /// <exception cref="ServerBusyException">The queue is full, and the server rejects.</exception>
    /// <exception cref="ObjectDisposedException">The server is disposed.</exception>
    /// <exception cref="OperationCanceledException">The request was cancelled.</exception>
    public Task RunAsync<TInput, TOutput>(ReadOnlyMemory<TInput> input, Memory<TOutput> output, CancellationToken cancellation = default)
        where TInput : unmanaged
        where TOutput : unmanaged
    {
        if (Inputs is not [var from] || Outputs is not [var to])
        {
            throw new ArgumentException($"The model has {Inputs.Count} inputs and {Outputs.Count} outputs; give them by name.");
        }

        Check<TInput>(from, input.Length);
        Check<TOutput>(to, output.Length);
        return Send(new MemoryRequest<TInput, TOutput>(input, output), cancellation);
    }

    /// <summary>Runs one sample.</summary>
    /// <param name="inputs">A tensor per input, as <see cref="Inputs"/> says.</param>
    /// <param name="cancellation">Cancels the request while it waits; one that runs is finished.</param>
    /// <returns>A tensor per output.</returns>
    /// <inheritdoc cref="RunAsync{TInput, TOutput}" path="/exception"/>
    public async Task<IReadOnlyDictionary<string, OnnxTensor>> RunAsync(IReadOnlyDictionary<string, OnnxTensor> inputs, CancellationToken cancellation = default)
    {
        foreach (OnnxContractEntry entry in Inputs)
        {
            if (!inputs.TryGetValue(entry.Name, out OnnxTensor? tensor) || tensor.Type != entry.Type || !tensor.Shape.SequenceEqual(entry.Shape))
            {
                throw new ArgumentException($"The server needs {entry}, got {(tensor is null ? "nothing" : $"{tensor.Type}[{string.Join(", ", tensor.Shape)}]")}.", nameof(inputs));
            }
        }

        var request = new TensorRequest(inputs);
        await Send(request, cancellation).ConfigureAwait(false);
        return request.Results;
    }

    /// <summary>Accepts no more requests, finishes those that wait, and frees the sessions.</summary>
    public void Dispose()
    {
        bool first;
        lock (guard)
        {
            first = !closed;
            closed = true;
        }

        if (first)
        {
            // Wakes every worker; each passes the signal on by leaving it unread for those that wait for requests.
            arrived.Release(threads.Length);
        }

        Array.ForEach(threads, static thread => thread.Join());
        if (first)
        {
            Array.ForEach(workers, static worker => worker.Dispose());
            meter.Dispose();
        }
    }

    /// <inheritdoc cref="Dispose"/>
    public ValueTask DisposeAsync() => new(Task.Run(Dispose));

    private static void Check<T>(OnnxContractEntry entry, int length)
        where T : unmanaged
    {
        if (OnnxTypes.Of<T>() != entry.Type || OnnxTypes.Count(entry.Shape) != length)
        {
            throw new ArgumentException($"{entry} has {OnnxTypes.Count(entry.Shape)} elements, but {length} of {typeof(T).Name} were given.");
        }
    }

    private async Task Send(BatchingRequest request, CancellationToken cancellation)
    {
        cancellation.ThrowIfCancellationRequested();
        ObjectDisposedException.ThrowIf(closed, this);
        if (!places.Wait(0, CancellationToken.None))
        {
            if (options.WhenFull == BackPressure.Reject)
            {
                rejected.Add(1, tag);
                throw new ServerBusyException(options.QueueLimit);
            }

            await places.WaitAsync(cancellation).ConfigureAwait(false);
        }

        lock (guard)
        {
            if (closed)
            {
                // The place goes to the next one that waits for it, which ends here too.
                places.Release();
                throw new ObjectDisposedException(nameof(BatchingServer));
            }

            queue.Enqueue(request);
        }

        arrived.Release();
        requests.Add(1, tag);
        using CancellationTokenRegistration registration = cancellation.UnsafeRegister(
            static (state, token) =>
            {
                (BatchingRequest waiting, BatchingServer server) = ((BatchingRequest, BatchingServer))state!;
                if (waiting.TryCancel(token))
                {
                    server.cancelled.Add(1, server.tag);
                }
            },
            (request, this));
        await request.Done.ConfigureAwait(false);
    }

    private void Serve(BatchingWorker worker)
    {
        var batch = new List<BatchingRequest>(worker.MaxBatch);
        while (Collect(worker, batch))
        {
            // Only now: a request can be cancelled as long as its batch waits for others.
            batch.RemoveAll(static request => !request.TryTake());
            if (batch.Count == 0)
            {
                continue;
            }

            long start = Stopwatch.GetTimestamp();
            foreach (BatchingRequest request in batch)
            {
                waits.Record(Stopwatch.GetElapsedTime(request.Enqueued, start).TotalMilliseconds, tag);
            }

            try
            {
                padding.Add(worker.Run(batch) - batch.Count, tag);
            }
            catch (OutOfMemoryException exception)
            {
                batch.ForEach(request => request.Fail(exception));
            }

            batches.Record(batch.Count, tag);
            runs.Record(Stopwatch.GetElapsedTime(start).TotalMilliseconds, tag);
            failed.Add(batch.Count(static request => request.Done.IsFaulted), tag);
        }
    }

    /// <summary>Waits for a request and for others until the batch is full or the first has waited long enough; false when the server is closed and nothing is left.</summary>
    private bool Collect(BatchingWorker worker, List<BatchingRequest> batch)
    {
        batch.Clear();
        arrived.Wait();
        if (!Take(batch, out bool last))
        {
            return !last;
        }

        while (batch.Count < worker.MaxBatch)
        {
            if (!(batch.Count == 0 ? arrived.Wait(0) : PreciseWait.Wait(arrived, batch[0].Enqueued + delay)))
            {
                break;
            }

            if (!Take(batch, out last))
            {
                if (last)
                {
                    // The signal of the end is for the next round.
                    arrived.Release();
                }

                break;
            }
        }

        return true;
    }

    /// <summary>Moves the next request to the batch, unless it was cancelled; false when the queue is empty.</summary>
    private bool Take(List<BatchingRequest> batch, out bool last)
    {
        BatchingRequest? request;
        lock (guard)
        {
            queue.TryDequeue(out request);
            last = closed && request is null;
        }

        if (request is null)
        {
            return false;
        }

        places.Release();
        if (!request.Done.IsCanceled)
        {
            batch.Add(request);
        }

        return true;
    }
}
