using ModelGen.Compiler.Ir;

namespace ModelGen.Compiler.Models;

/// <summary>
/// Everything the back end needs to know of one model class: the boundary between the C# front end and the compiler.
/// </summary>
/// <remarks>
/// Immutable, compared by content, and free of compiler symbols, syntax and source positions: the incremental generator re-emits exactly when this changes.
/// Whoever adds a member keeps it so.
/// </remarks>
internal sealed record ModelSpec
{
    /// <summary>Namespace, empty for the global one.</summary>
    public required string Namespace { get; init; }

    /// <summary>Declarations of the enclosing types, outermost first: <c>partial class Outer</c>.</summary>
    public required EquatableArray<string> Containers { get; init; }

    /// <summary>Class name without type parameters.</summary>
    public required string Name { get; init; }

    /// <summary>Whether <c>Forward</c>'s inputs have shapes; otherwise the class is a block, sized by the model that holds it.</summary>
    public required bool IsRoot { get; init; }

    /// <summary>Whether the user's class has no constructor of its own, so that the generated part declares it.</summary>
    public required bool DeclaresConstructor { get; init; }

    /// <summary>Tensor parameters of <c>Forward</c>.</summary>
    public required EquatableArray<InputSpec> Inputs { get; init; }

    /// <summary>Number of tensors that <c>Forward</c> returns.</summary>
    public required int Outputs { get; init; }

    /// <summary>Layer members of this class.</summary>
    public required EquatableArray<LayerSpec> Layers { get; init; }

    /// <summary>Fields that hold other models.</summary>
    public required EquatableArray<SubModelSpec> SubModels { get; init; }

    /// <summary>The forward graph of a root, as written; null for a block.</summary>
    public Graph? Graph { get; init; }

    /// <summary>The forward graph in training mode where the code branches on <c>training</c>; null when one graph serves both.</summary>
    public Graph? TrainingGraph { get; init; }

    /// <summary>Whether the class is an ordinary TorchSharp module, whose layers and constructor are its own.</summary>
    public bool IsTorchModule { get; init; }

    /// <summary>Modules of the instance that was evaluated, with the values that its calculation depends on.</summary>
    public EquatableArray<ModuleCheck> Modules { get; init; } = Array.Empty<ModuleCheck>();

    /// <summary>Whether the generated code must register the components, because the constructor leaves that to a parent.</summary>
    public bool RegistersComponents { get; init; }

    /// <summary>Why a root could not be compiled: its public members exist and say so. Null when it was.</summary>
    public string? Refusal { get; init; }

    /// <summary>Name of the eager method.</summary>
    public string ForwardName { get; init; } = "forward";

    /// <summary>Parameters of that method without a default value that the generated code gives null.</summary>
    public EquatableArray<string> NullParameters { get; init; } = Array.Empty<string>();

    /// <summary>Where each output stands in the eager result: empty for the result itself, <c>.Item2</c>, <c>[0]</c>, <c>.Logits</c>.</summary>
    public EquatableArray<string> OutputPaths { get; init; }

    /// <summary>State-dict keys that the generated code does not read: second names of shared tensors, and buffers that it computes itself.</summary>
    public EquatableArray<string> OtherNames { get; init; }

    /// <summary>Inferred sizes of all layers that are called, by state-dict path; roots only.</summary>
    public EquatableArray<LayerSizes> Sizes { get; init; }

    /// <summary>Layer types by state-dict path, blocks included; roots only.</summary>
    public EquatableArray<KeyValuePair<string, string>> LayerTypes { get; init; }

    /// <summary>How parameters are filled, in order.</summary>
    public EquatableArray<InitializationSpec> Initializations { get; init; } = Array.Empty<InitializationSpec>();

    /// <summary>Whether this class or a block that it holds says how parameters are filled.</summary>
    public bool IsInitialized => Initializations.Count > 0 || SubModels.Any(static sub => sub.IsInitialized);

    public TrainSpec? Train { get; init; }

    /// <summary>Most bytes that may be planned; null without <c>[MemoryBudget]</c>.</summary>
    public long? MemoryBudget { get; init; }

    /// <summary>Batch size of the exported ONNX graph.</summary>
    public int ExportBatch { get; init; } = 1;

    /// <summary>Member of <c>QuantizationMode</c> that <c>[Quantize]</c> names.</summary>
    public string QuantizationMode { get; init; } = "Static";

    /// <summary>Member of <c>Calibration</c> that <c>[Quantize]</c> names.</summary>
    public string Calibration { get; init; } = "MinMax";

    /// <summary>Whether training can round to the integers of the quantized model.</summary>
    public bool IsQuantizationAware => Train is { QuantizationAware: not QuantizationAwareMode.None };

    /// <summary>Further batch sizes that are exported.</summary>
    public EquatableArray<int> ExportBatches { get; init; } = Array.Empty<int>();

    /// <summary>Keeps file names apart that differ from another's only in upper and lower case; mostly empty.</summary>
    public string HintSuffix { get; init; } = "";

    /// <summary>Unique file name stem.</summary>
    public string HintName => string.Join(".", new[] { Namespace }.Concat(Containers.Select(static container => container.Split(' ').Last())).Append(Name).Where(static part => part.Length > 0)).Replace("@", "") + HintSuffix;
}

/// <summary>A tensor parameter of <c>Forward</c>; the type is null in blocks.</summary>
internal sealed record InputSpec(string Name, TensorType? Type)
{
    /// <summary>Means, then standard deviations, of the channels of pixels in [0, 1]; empty for an input that is no image.</summary>
    public EquatableArray<double> Normalize { get; init; } = Array.Empty<double>();
}

/// <summary>A layer member.</summary>
/// <param name="Member">Name of the method or property.</param>
/// <param name="Declaration">Signature to implement: <c>private partial Tensor Conv1(Tensor x)</c>.</param>
/// <param name="IsProperty">Whether the member is a property.</param>
/// <param name="Parameters">Parameter names.</param>
/// <param name="Layer">Layer type.</param>
/// <param name="Key">State-dict name.</param>
/// <param name="Arguments">C# text of the attribute's arguments.</param>
internal sealed record LayerSpec(
    string Member,
    string Declaration,
    bool IsProperty,
    EquatableArray<string> Parameters,
    string Layer,
    string Key,
    EquatableArray<KeyValuePair<string, string>> Arguments);

/// <summary>A field that holds a model or a list of models.</summary>
internal sealed record SubModelSpec(string Field, string Key, string Type, bool IsList)
{
    /// <summary>Whether it says how its parameters are filled.</summary>
    public bool IsInitialized { get; init; }
}

/// <summary>How some parameters are filled.</summary>
/// <param name="OfClass">Whether the class says it, not a layer.</param>
/// <param name="Pattern">C# text of the pattern of state-dict keys within the class.</param>
/// <param name="MatricesOnly">Whether those of fewer than two dimensions are left out.</param>
/// <param name="Scheme">C# text of the scheme.</param>
internal sealed record InitializationSpec(bool OfClass, string Pattern, bool MatricesOnly, string Scheme);

/// <summary>Inferred sizes of one layer.</summary>
internal sealed record LayerSizes(string Path, EquatableArray<long> Sizes);

/// <summary>What <c>[Train]</c> says, as far as it shapes generated code.</summary>
internal sealed record TrainSpec(string Loss, string Optimizer, double LabelSmoothing, double SmoothL1Beta, int BatchSize, EquatableArray<KeyValuePair<string, string>> Settings)
{
    /// <summary>Tensors of the parameters' layout that the optimizer keeps.</summary>
    public int OptimizerStates { get; init; }

    /// <summary>Whether a step keeps a copy of running statistics, to take an evaluation back.</summary>
    public bool KeepsBuffers { get; init; }

    /// <summary>Whether products round their operands to bfloat16.</summary>
    public bool BFloat16 { get; init; }

    /// <summary>What backward computes a second time.</summary>
    public RecomputeMode Recompute { get; init; }

    /// <summary>How a second step learns that rounds to the integers of the quantized model; none by default.</summary>
    public QuantizationAwareMode QuantizationAware { get; init; }

    /// <summary>Whether that step learns the scales.</summary>
    public bool LearnsScales => QuantizationAware == QuantizationAwareMode.LearnedStepSize;
}

/// <summary>The members of <c>ModelGen.QuantizationAware</c>, in their order.</summary>
internal enum QuantizationAwareMode
{
    None,
    StraightThrough,
    LearnedStepSize,
}

/// <summary>The members of <c>ModelGen.Recompute</c>, in their order.</summary>
internal enum RecomputeMode
{
    None,
    Full,
    ToBudget,
}
