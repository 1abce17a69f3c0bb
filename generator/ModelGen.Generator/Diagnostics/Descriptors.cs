using Microsoft.CodeAnalysis;
using ModelGen.Compiler.Advice;

namespace ModelGen.Generator.Diagnostics;

/// <summary>The diagnostics of the model compiler. Each has an entry in <c>generator/ModelGen.Generator/Diagnostics/README.md</c>.</summary>
internal static class Descriptors
{
    private const string Page = "https://github.com/modelgen/modelgen/blob/main/generator/ModelGen.Generator/Diagnostics/README.md#";

    public static readonly DiagnosticDescriptor Unsupported = Error("MG0001", "This C# cannot be compiled into the model", "{0}");

    public static readonly DiagnosticDescriptor ShapeMismatch = Error("MG0002", "Shapes or element types do not fit", "{0}");

    public static readonly DiagnosticDescriptor LayerNeverCalled = Create(
        "MG0003", "A layer is declared but never called", "The layer '{0}' is never called in Forward, so it is not created and has no parameters; call it or remove it", DiagnosticSeverity.Warning);

    public static readonly DiagnosticDescriptor NotPartial = Error("MG0004", "A model class must be partial", "'{0}' must be declared partial so that its generated part can be added");

    public static readonly DiagnosticDescriptor Forward = Error("MG0005", "A model needs one Forward method", "{0}");

    public static readonly DiagnosticDescriptor Shape = Error("MG0006", "An input shape is missing or wrong", "{0}");

    public static readonly DiagnosticDescriptor LayerMember = Error("MG0007", "A layer attribute is on the wrong kind of member", "{0}");

    public static readonly DiagnosticDescriptor DataDependent = Error("MG0008", "The control flow depends on values known only when the model runs", "{0}");

    public static readonly DiagnosticDescriptor Training = Error("MG0009", "The training settings do not fit the model", "{0}");

    public static readonly DiagnosticDescriptor NotExportable = Create("MG0010", "The model cannot be exported to ONNX", "{0}; everything else of the model works, ExportOnnx throws", DiagnosticSeverity.Warning);

    public static readonly DiagnosticDescriptor RootConstructor = Error(
        "MG0011",
        "A model with input shapes cannot have a constructor of its own",
        "'{0}' has [Shape] on its inputs and a constructor: its layers are sized during the build, so constructor arguments cannot change them. Move the parametrised part into a block (a [Model] class without [Shape]) and hold it as a field.");

    public static readonly DiagnosticDescriptor ModelArguments = Error("MG0012", "The model's constructor arguments are not known", "{0}");

    public static readonly DiagnosticDescriptor NoInputShape = Create(
        "MG0013", "A TorchSharp model has no input shape", "'{0}' has [Model], but no parameter of its forward method has [Shape], so nothing is generated; write for example forward([Shape(\"N\", 3, 224, 224)] Tensor input)", DiagnosticSeverity.Warning);

    public static readonly DiagnosticDescriptor MemberTaken = Error("MG0014", "A model declares a member that is generated", "'{0}' declares '{1}', which the generated part declares too; rename it");

    public static readonly DiagnosticDescriptor MemoryBudget = Error("MG0015", "The model does not fit into its memory budget", "{0}");

    public static readonly DiagnosticDescriptor Initialization = Error("MG0016", "[Initialize] does not fit", "{0}");

    public static readonly DiagnosticDescriptor Internal = Error("MG9001", "The model compiler failed", "Compiling '{0}' failed inside ModelGen ({1}). This is a fault of ModelGen, not of your model: please report it with the model's source.");

    public static readonly DiagnosticDescriptor ActivationBeforeLoss = Model("MG6001", "The model ends with an activation that its loss does not expect", DiagnosticSeverity.Warning, isOn: true);

    public static readonly DiagnosticDescriptor BiasBeforeBatchNorm = Model("MG6002", "A bias has no effect before batch normalization", DiagnosticSeverity.Info, isOn: true);

    public static readonly DiagnosticDescriptor PartlyFilledVectors = Model("MG6003", "The number of channels fills vectors badly", DiagnosticSeverity.Info, isOn: false);

    public static readonly DiagnosticDescriptor SeparableConvolution = Model("MG6004", "A depthwise separable convolution would need far fewer operations", DiagnosticSeverity.Info, isOn: false);

    public static readonly DiagnosticDescriptor StaysFloat = Model("MG6005", "An operator of an INT8 model runs in floating point", DiagnosticSeverity.Info, isOn: true);

    public static readonly DiagnosticDescriptor ResultUnused = Model("MG6006", "The result of a layer is never used", DiagnosticSeverity.Warning, isOn: true);

    public static readonly DiagnosticDescriptor LinearAfterLinear = Model("MG6007", "Two linear layers follow each other without an activation", DiagnosticSeverity.Info, isOn: true);

    public static readonly DiagnosticDescriptor DropoutOnOutput = Model("MG6008", "The model's output is dropped at random", DiagnosticSeverity.Warning, isOn: true);

    public static readonly DiagnosticDescriptor BatchNormOfOneValue = Model("MG6009", "Batch normalization has one value per channel", DiagnosticSeverity.Warning, isOn: true);

    public static readonly DiagnosticDescriptor CrossEntropyOfOneClass = Model("MG6010", "Cross entropy has a single class", DiagnosticSeverity.Warning, isOn: true);

    public static readonly DiagnosticDescriptor ActivationWithoutEffect = Model("MG6011", "An activation has no effect", DiagnosticSeverity.Info, isOn: true);

    public static readonly DiagnosticDescriptor UnevenTransposedConvolution = Model("MG6012", "A transposed convolution covers its output unevenly", DiagnosticSeverity.Info, isOn: false);

    /// <summary>All descriptors, for the documentation test.</summary>
    public static IReadOnlyList<DiagnosticDescriptor> All { get; } =
        [Unsupported, ShapeMismatch, LayerNeverCalled, NotPartial, Forward, Shape, LayerMember, DataDependent, Training, NotExportable, RootConstructor, ModelArguments, NoInputShape, MemberTaken, MemoryBudget, Initialization, Internal];

    /// <summary>The descriptors of the rules about models, each with a page in <c>analyzers/rules</c>.</summary>
    public static IReadOnlyList<DiagnosticDescriptor> Advice { get; } =
        [ActivationBeforeLoss, BiasBeforeBatchNorm, PartlyFilledVectors, SeparableConvolution, StaysFloat, ResultUnused, LinearAfterLinear, DropoutOnOutput, BatchNormOfOneValue, CrossEntropyOfOneClass, ActivationWithoutEffect, UnevenTransposedConvolution];

    /// <summary>The descriptor of a rule about models.</summary>
    public static DiagnosticDescriptor Of(ModelRule rule) => Advice.First(descriptor => descriptor.Id == rule.Id);

    private static DiagnosticDescriptor Error(string id, string title, string message) => Create(id, title, message, DiagnosticSeverity.Error);

    private static DiagnosticDescriptor Create(string id, string title, string message, DiagnosticSeverity severity) =>
        new(id, title, message, "ModelGen.Compiler", severity, isEnabledByDefault: true, helpLinkUri: Page + id.ToLowerInvariant());

    private static DiagnosticDescriptor Model(string id, string title, DiagnosticSeverity severity, bool isOn) =>
        new(id, title, "{0}", "ModelGen.Model", severity, isOn, helpLinkUri: $"https://github.com/modelgen/modelgen/blob/main/analyzers/rules/{id}.md");
}
