namespace ModelGen.Monitoring;

/// <summary>The settings of a fit by name, for logs.</summary>
internal static class Hyperparameters
{
    /// <summary>Settings of the attribute as the trainer's options change them.</summary>
    public static IReadOnlyDictionary<string, object> Of(TrainerContext context)
    {
        (TrainAttribute train, TrainerOptions options) = (context.Settings, context.Options);
        OptimizerSettings optimizer = OptimizerSettings.From(train);
        return new Dictionary<string, object>
        {
            ["model"] = context.Model.GetType().Name,
            ["loss"] = train.Loss.ToString(),
            ["optimizer"] = train.Optimizer.ToString(),
            ["learning_rate"] = options.LearningRate ?? train.LearningRate,
            ["weight_decay"] = options.WeightDecay ?? optimizer.WeightDecay,
            ["batch_size"] = options.BatchSize ?? train.BatchSize,
            ["epochs"] = context.Epochs,
            ["schedule"] = (options.Schedule ?? train.Schedule).ToString(),
            ["precision"] = train.Precision.ToString(),
            ["clip_norm"] = options.ClipNorm ?? train.ClipNorm,
            ["seed"] = options.Seed,
        };
    }
}
