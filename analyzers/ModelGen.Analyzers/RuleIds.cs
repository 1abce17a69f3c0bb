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
    public const string StepWithoutGradients = "MG3003";
    public const string OptimizerBeforeMove = "MG3004";
    public const string BackwardWithoutGraph = "MG3005";
    public const string ClippedTooLate = "MG3006";
    public const string SchedulerBeforeOptimizer = "MG3007";
    public const string LossWithoutGraph = "MG3008";
    public const string EvalInTrainingLoop = "MG3009";
    public const string OptimizerMadePerStep = "MG3010";
    public const string OptimizerNeverSteps = "MG3011";
    public const string SchedulerNeverSteps = "MG3012";
    public const string LeafChangedInPlace = "MG3013";
    public const string LeafReplacedByUpdate = "MG3014";
    public const string GraphUsedTwice = "MG3015";
    public const string GradientOfNonLeaf = "MG3016";
    public const string OptimizerDefaultDiffers = "MG3017";
    public const string BackwardOfManyElements = "MG3018";
    public const string ComponentsNotRegistered = "MG4001";
    public const string AssignedAfterRegistration = "MG4002";
    public const string ModuleCollectionNotRegistered = "MG4003";
    public const string TrainableTensorField = "MG4004";
    public const string TensorFieldIsBuffer = "MG4005";
    public const string DerivedComponentsNotRegistered = "MG4006";
    public const string AssignedOutsideConstructor = "MG4007";
    public const string ModuleInAutoProperty = "MG4008";
    public const string LayerRegisteredTwice = "MG4009";
    public const string HooksSkipped = "MG4010";
    public const string DropoutAlwaysOn = "MG4011";
    public const string LayerNeverUsed = "MG4012";
    public const string StaticLayer = "MG4013";
    public const string LayersDoNotFit = "MG4014";
    public const string LayerArgumentsImpossible = "MG4015";
    public const string LoadResultIgnored = "MG4016";
    public const string SharedParameter = "MG4017";
    public const string ParameterOfNonLeaf = "MG4018";
    public const string LogOfOnePlus = "MG5001";
    public const string ExpMinusOne = "MG5002";
    public const string LogOfSumOfExp = "MG5003";
    public const string DividedBySquareRoot = "MG5004";
    public const string ActivationBeforeLogitsLoss = "MG5005";
    public const string KlDivergenceOfProbabilities = "MG5006";
    public const string KlTargetSpaceNotStated = "MG5007";
    public const string LogOfActivation = "MG5008";
    public const string SigmoidBeforeBinaryCrossEntropy = "MG5009";
    public const string LikelihoodOfProbabilities = "MG5010";
    public const string ZeroTakenAsElementType = "MG5011";
    public const string SoftmaxByHand = "MG5012";
    public const string ComparedWithNaN = "MG5013";
    public const string ActivationByHand = "MG5014";
    public const string StatisticsOfIntegers = "MG5015";
    public const string TargetOfWrongType = "MG5016";
    public const string ClampBoundRounds = "MG5017";
    public const string DeprecatedFunction = "MG5018";
    public const string CausalAndMasked = "MG5019";
    public const string QuotientOfCounts = "MG5020";

    /// <summary>The address of the page that explains a rule.</summary>
    public static string HelpLink(string id) => $"https://github.com/modelgen/modelgen/blob/main/analyzers/rules/{id}.md";
}
