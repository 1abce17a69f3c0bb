namespace ModelGen.Analyzers;

/// <summary>Every rule id. Ids are never reused: a removed rule keeps its number.</summary>
internal static class RuleIds
{
    public const string DisposeScopeNotDisposed = "MG1001";
    public const string GradModeNotDisposed = "MG1002";
    public const string TensorReturnedFromScope = "MG1006";
    public const string InPlaceResultDisposed = "MG1009";
    public const string AwaitInsideScope = "MG1016";
    public const string BatchTensorKept = "MG1020";
    public const string LayerMadeInForward = "MG2024";
    public const string EvaluationWithoutNoGrad = "MG3001";
    public const string GradientsNeverCleared = "MG3002";
    public const string OptimizerBeforeMove = "MG3004";
    public const string ComponentsNotRegistered = "MG4001";
    public const string AssignedAfterRegistration = "MG4002";
    public const string ModuleCollectionNotRegistered = "MG4003";
    public const string ActivationBeforeLogitsLoss = "MG5005";

    /// <summary>The address of the page that explains a rule.</summary>
    public static string HelpLink(string id) => $"https://github.com/modelgen/modelgen/blob/main/analyzers/rules/{id}.md";
}
