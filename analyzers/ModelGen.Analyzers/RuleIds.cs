namespace ModelGen.Analyzers;

/// <summary>Every rule id. Ids are never reused: a removed rule keeps its number.</summary>
internal static class RuleIds
{
    public const string DisposeScopeNotDisposed = "MG1001";
    public const string GradModeNotDisposed = "MG1002";
    public const string TrainingLoopWithoutScope = "MG1003";
    public const string ScopeAroundTrainingLoop = "MG1004";
    public const string ChainLeavesTemporaries = "MG1005";
    public const string TensorReturnedFromScope = "MG1006";
    public const string ScopedTensorKept = "MG1007";
    public const string InPlaceResultDisposed = "MG1009";
    public const string GraphKept = "MG1011";
    public const string GraphRetained = "MG1012";
    public const string CollectionInTrainingLoop = "MG1013";
    public const string AwaitInsideScope = "MG1016";
    public const string ParallelWithoutScope = "MG1017";
    public const string CloneBeforeDetach = "MG1019";
    public const string BatchTensorKept = "MG1020";
    public const string LoaderReadWithLinq = "MG1021";
    public const string OptimizerNotDisposed = "MG1022";
    public const string DataRequiresGrad = "MG1024";
    public const string CatInLoop = "MG1025";
    public const string RepeatBeforeBroadcast = "MG1026";
    public const string DoubleThenFloat = "MG1027";
    public const string OneHotCrossEntropy = "MG1028";
    public const string DatasetTensorCached = "MG1029";
    public const string UsedAfterDispose = "MG1030";
    public const string UsingTensorReturned = "MG1031";
    public const string StateDictAsSnapshot = "MG1032";
    public const string LossReadEveryStep = "MG2001";
    public const string ForwardBranchesOnTensor = "MG2002";
    public const string TensorPrintedEveryStep = "MG2003";
    public const string MadeOnOtherDevice = "MG2004";
    public const string ConstantMadeInForward = "MG2005";
    public const string NumberBecomesTensor = "MG2006";
    public const string GradientsFilledWithZeros = "MG2009";
    public const string ElementReadInLoop = "MG2010";
    public const string ShapeElementRead = "MG2011";
    public const string AccessorMadeInLoop = "MG2012";
    public const string LoaderWithOneWorker = "MG2013";
    public const string NonBlockingWithoutPinning = "MG2014";
    public const string CudaArgumentIgnored = "MG2015";
    public const string InvariantMoveInLoop = "MG2016";
    public const string SynchronizedEveryStep = "MG2018";
    public const string BiasBeforeBatchNorm = "MG2020";
    public const string AttentionByHand = "MG2022";
    public const string LayerMadeInForward = "MG2024";
    public const string HostReduction = "MG2025";
    public const string ContiguousBeforeProduct = "MG2027";
    public const string CopyBeforeRead = "MG2028";
    public const string InverseMultiplied = "MG2029";
    public const string SoftmaxBeforeArgmax = "MG2030";
    public const string CatOfUnsqueezed = "MG2031";
    public const string FilledInTwoSteps = "MG2032";
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
