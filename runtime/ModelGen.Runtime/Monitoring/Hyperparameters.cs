namespace ModelGen.Monitoring;

/// <summary>The settings of a fit by name, for logs.</summary>
internal static class Hyperparameters
{
    /// <summary>What the fit runs with: the attribute's settings as the trainer's options change them.</summary>
    public static IReadOnlyDictionary<string, object> Of(TrainerContext context)
    {
        (TrainAttribute train, TrainerOptions options) = (context.Settings, context.Options);
        OptimizerSettings optimizer = context.Step.Optimizer.Settings;
        var all = new Dictionary<string, object>
        {
            ["model"] = context.Model.GetType().Name,
            ["loss"] = train.Loss.ToString(),
            ["optimizer"] = optimizer.Kind.ToString(),
            ["learning_rate"] = optimizer.LearningRate,
            ["weight_decay"] = optimizer.WeightDecay,
            ["batch_size"] = options.BatchSize ?? train.BatchSize,
            ["epochs"] = context.Epochs,
            ["schedule"] = (options.Schedule ?? train.Schedule).ToString(),
            ["precision"] = train.Precision.ToString(),
            ["clip_norm"] = optimizer.ClipNorm,
            ["seed"] = options.Seed,
        };
        if (optimizer.Kind == Optimizer.LBFGS)
        {
            all["line_search"] = optimizer.LineSearch.ToString();
            all["max_iterations"] = optimizer.MaxIterations;
            all["history_size"] = optimizer.HistorySize;
        }

        return all;
    }
}
