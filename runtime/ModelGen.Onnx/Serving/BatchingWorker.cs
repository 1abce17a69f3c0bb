namespace ModelGen.Onnx;

/// <summary>The sessions of one thread of a <see cref="BatchingServer"/>: one with an open batch size, or several of static ones, small first.</summary>
internal sealed class BatchingWorker : IDisposable
{
    private readonly BoundModel[] models;

    public BatchingWorker(IReadOnlyList<OnnxModel> models, BatchingOptions options)
    {
        InferenceOptions inference = (options.Inference ?? new InferenceOptions()) with { MaxBatch = options.MaxBatch };
        var opened = new List<BoundModel>();
        try
        {
            foreach (OnnxModel model in models)
            {
                opened.Add(new BoundModel(model, model.Proto.Graph.Name, inference));
            }

            this.models = [.. opened.OrderBy(BatchOf)];
            foreach (BoundModel model in opened)
            {
                Check(model, opened[0]);
            }
        }
        catch
        {
            opened.ForEach(static model => model.Dispose());
            throw;
        }

        MaxBatch = this.models[^1].IsDynamic ? options.MaxBatch : BatchOf(this.models[^1]);
    }

    /// <summary>Most samples of one call.</summary>
    public int MaxBatch { get; }

    /// <summary>Inputs of one sample.</summary>
    public IReadOnlyList<OnnxContractEntry> Inputs => Sample(models[0].Inputs);

    /// <summary>Outputs of one sample.</summary>
    public IReadOnlyList<OnnxContractEntry> Outputs => Sample(models[0].Outputs);

    /// <summary>Runs requests together; those that fail alone fail alone.</summary>
    /// <returns>Samples that ran, padding included.</returns>
    public int Run(IReadOnlyList<BatchingRequest> requests)
    {
        BoundModel model = models.First(model => model.IsDynamic || BatchOf(model) >= requests.Count);
        int batch = model.IsDynamic ? requests.Count : BatchOf(model);
        try
        {
            for (int slot = 0; slot < batch; slot++)
            {
                // Places that are left over repeat the last sample: any other values could be ones that the model refuses.
                requests[Math.Min(slot, requests.Count - 1)].CopyIn(model, batch, slot);
            }

            model.Run(batch);
            for (int slot = 0; slot < requests.Count; slot++)
            {
                requests[slot].CopyOut(model, batch, slot);
            }
        }
        catch (Exception exception) when (exception is not OutOfMemoryException)
        {
            if (requests.Count == 1)
            {
                requests[0].Fail(exception);
                return batch;
            }

            return batch + requests.Sum(request => Run([request]));
        }

        foreach (BatchingRequest request in requests)
        {
            request.Complete();
        }

        return batch;
    }

    public void Dispose() => Array.ForEach(models, static model => model.Dispose());

    private static int BatchOf(BoundModel model) => model.IsDynamic ? int.MaxValue : model.Inputs[0].Shape is [long batch and > 0 and <= int.MaxValue, ..] ? (int)batch
        : throw new NotSupportedException($"{model.Inputs[0]} has no batch as its first dimension.");

    private static OnnxContractEntry[] Sample(IEnumerable<OnnxContractEntry> entries) => [.. entries.Select(static entry => entry with { Shape = [1, .. entry.Shape[1..]] })];

    private static void Check(BoundModel model, BoundModel first)
    {
        long batch = model.IsDynamic ? -1 : BatchOf(model);
        if (model.Inputs.Concat(model.Outputs).FirstOrDefault(entry => entry.Shape.Length == 0 || entry.Shape[0] != batch) is { } odd)
        {
            throw new NotSupportedException($"{odd} does not have the batch as its first dimension, so its samples cannot be told apart. Batches need every input and output to be [N, ...].");
        }

        string Text(BoundModel of) => string.Join("; ", Sample(of.Inputs.Concat(of.Outputs)).Select(static entry => entry.ToString()));
        if (Text(model) != Text(first))
        {
            throw new ArgumentException($"The models of a server must differ in nothing but the batch size:\n  {Text(first)}\n  {Text(model)}");
        }
    }
}
