using Microsoft.CodeAnalysis;
using ModelGen.Compiler;
using ModelGen.Compiler.Codegen;
using ModelGen.Compiler.Models;
using ModelGen.Compiler.Ops;
using ModelGen.Compiler.Text;
using ModelGen.Generator.Diagnostics;
using ModelGen.Generator.Evaluation;

namespace ModelGen.Generator.Parsing;

/// <content>The attributes that say how a model is trained and deployed, and how much memory it may take.</content>
internal sealed partial class ModelParser
{
    /// <summary>Where the budget stands, for the message when the plan exceeds it.</summary>
    private DiagnosticInfo? budget;

    /// <summary>Reads [ExportOnnx] and [Quantize], which shape the members of a model that cannot be compiled too.</summary>
    private ModelSpec Deployment(ModelSpec spec)
    {
        AttributeData? export = LayerMembers.Attribute(type, "ExportOnnxAttribute");
        AttributeData? quantize = LayerMembers.Attribute(type, "QuantizeAttribute");
        return spec with
        {
            ExportBatch = export?.NamedArguments.FirstOrDefault(static argument => argument.Key == "Batch").Value.Value as int? ?? 1,
            ExportBatches = Numbers<int>(export, "Batches"),
            QuantizationMode = LayerMembers.EnumMember(quantize?.ConstructorArguments.FirstOrDefault(), "Static"),
            Calibration = LayerMembers.EnumMember(quantize?.NamedArguments.FirstOrDefault(static argument => argument.Key == "Calibration").Value, "MinMax"),
        };
    }

    /// <summary>Reads [Train] and [MemoryBudget].</summary>
    private ModelSpec Settings(ModelSpec spec)
    {
        AttributeData? memory = LayerMembers.Attribute(type, "MemoryBudgetAttribute");
        return Train(memory is null ? spec : spec with { MemoryBudget = Budget(memory) });
    }

    private long Budget(AttributeData attribute)
    {
        SyntaxNode at = attribute.ApplicationSyntaxReference?.GetSyntax(cancellation) ?? syntax;
        string text = attribute.ConstructorArguments.Select(static argument => argument.Value).OfType<string>().FirstOrDefault() ?? "";
        long bytes = ByteSize.Parse(text) ?? throw new EvaluationException(DiagnosticInfo.At(Descriptors.MemoryBudget, at, $"'{text}' is no amount of memory; write a number and a unit, such as \"512 MiB\" or \"2 GiB\""));
        budget = DiagnosticInfo.At(Descriptors.MemoryBudget, at);
        return bytes;
    }

    private ModelSpec Train(ModelSpec spec)
    {
        if (LayerMembers.Attribute(type, "TrainAttribute") is not { } attribute)
        {
            return spec;
        }

        string Member(int index) => attribute.ConstructorArguments[index].Type!.GetMembers().OfType<IFieldSymbol>().First(field => Equals(field.ConstantValue, attribute.ConstructorArguments[index].Value)).Name;
        object? Named(string name) => attribute.NamedArguments.FirstOrDefault(argument => argument.Key == name).Value.Value;
        KeyValuePair<string, string>[] settings = [.. attribute.NamedArguments.Select(static argument => new KeyValuePair<string, string>(argument.Key, Text(argument.Value)))];
        string optimizer = Member(1);
        var train = new TrainSpec(Member(0), optimizer, Named("LabelSmoothing") as double? ?? 0, Named("SmoothL1Beta") as double? ?? 1, Named("BatchSize") as int? ?? 32, settings)
        {
            OptimizerStates = optimizer == "LBFGS" ? SearchStates(Named("HistorySize") as int? ?? 100, Named("LineSearch") is 1) : States(optimizer, Named("Momentum") is not (null or 0.0), Named("AmsGrad") is true, Named("Centered") is true),
            KeepsBuffers = optimizer == "LBFGS",
            BFloat16 = Named("Precision") is 1,
            Recompute = (RecomputeMode)(Named("Recompute") as int? ?? 0),
            QuantizationAware = (QuantizationAwareMode)(Named("QuantizationAware") as int? ?? 0),
        };
        SyntaxNode at = attribute.ApplicationSyntaxReference?.GetSyntax(cancellation) ?? syntax;
        foreach ((bool wrong, string message) in new[]
        {
            (train.LabelSmoothing is < 0 or >= 1, "LabelSmoothing must be at least 0 and below 1"),
            (train.SmoothL1Beta <= 0, "SmoothL1Beta must be above 0"),
            (train.BatchSize < 1, "BatchSize must be at least 1"),
            (optimizer == "SGD" && Named("Nesterov") is true && Named("Momentum") is null or 0.0, "Nesterov needs Momentum above 0"),
            (optimizer == "LBFGS" && Named("WeightDecay") is not (null or 0.0), "LBFGS has no weight decay: set TrainerOptions.L2 for a penalty that is part of what it minimizes"),
            (optimizer == "LBFGS" && (Named("ClipNorm") is > 0.0 || Named("ClipValue") is > 0.0), "LBFGS compares losses and gradients along its way, and clipped gradients are not those of the loss: leave ClipNorm and ClipValue out, and use LineSearch.StrongWolfe against steps that are too long"),
            (optimizer == "LBFGS" && (Named("LearningRate") is <= 0.0 || Named("MaxIterations") is < 1 || Named("MaxEvaluations") is < 0 || Named("HistorySize") is < 1 || Named("ToleranceGradient") is < 0.0 || Named("ToleranceChange") is < 0.0), "LBFGS needs LearningRate above 0, MaxIterations and HistorySize of at least 1, and MaxEvaluations and tolerances of at least 0"),
            (optimizer == "LBFGS" && train.QuantizationAware != QuantizationAwareMode.None, "quantization-aware training rounds, and its gradients are not those of the rounded loss, along which LBFGS would search; use AdamW or SGD"),
            (Named("ClipNorm") is < 0.0 || Named("ClipValue") is < 0.0 || (Named("ClipNorm") is > 0.0 && Named("ClipValue") is > 0.0), "set ClipNorm or ClipValue to a limit above 0, not both"),
            (Named("Precision") is not (null or 0 or 1), "Precision must be a member of Precision"),
            (!Enum.IsDefined(typeof(RecomputeMode), train.Recompute), "Recompute must be a member of Recompute"),
            (!Enum.IsDefined(typeof(QuantizationAwareMode), train.QuantizationAware), "QuantizationAware must be a member of QuantizationAware"),
            (train.QuantizationAware != QuantizationAwareMode.None && (spec.QuantizationMode != "Static" || LayerMembers.Attribute(type, "QuantizeAttribute") is null), "QuantizationAware trains for static INT8: add [Quantize(QuantizationMode.Static)]"),
            (train.QuantizationAware != QuantizationAwareMode.None && train.BFloat16, "QuantizationAware and Precision.BFloat16 round the same operands in two ways; use Precision.Float32"),
            (train.Recompute == RecomputeMode.ToBudget && spec.MemoryBudget is null, "Recompute.ToBudget needs a budget: add [MemoryBudget(\"512 MiB\")], or use Recompute.Full"),
        })
        {
            if (wrong)
            {
                throw new EvaluationException(DiagnosticInfo.At(Descriptors.Training, at, message));
            }
        }

        try
        {
            ModelCompiler.CheckLoss(spec.TrainingGraph ?? spec.Graph!, train);
            if (train.QuantizationAware != QuantizationAwareMode.None)
            {
                ModelCompiler.CheckQuantizationAware(spec, train);
            }
        }
        catch (OpException exception)
        {
            throw new EvaluationException(DiagnosticInfo.At(Descriptors.Training, at, exception.Message));
        }

        return spec with { Train = train };
    }

    /// <summary>Numbers that the optimizer keeps for each parameter.</summary>
    private static int States(string optimizer, bool momentum, bool largest, bool centered) => optimizer switch
    {
        "SGD" => momentum ? 1 : 0,
        "Adagrad" or "ASGD" or "Lion" => 1,
        "RMSProp" => 1 + (momentum ? 1 : 0) + (centered ? 1 : 0),
        "Adam" or "AdamW" => largest ? 3 : 2,
        _ => 2,
    };

    /// <summary>Numbers that LBFGS keeps for each parameter: pairs, direction, gradient and parameters before, and the best gradient of a line search.</summary>
    private static int SearchStates(int history, bool searches) => (2 * Math.Max(history, 0)) + 3 + (searches ? 1 : 0);

    private static string Text(TypedConstant constant) => constant switch
    {
        { Kind: TypedConstantKind.Enum, Type: { } type } => type.ToDisplayString(SymbolDisplayFormat.FullyQualifiedFormat) + "." + type.GetMembers().OfType<IFieldSymbol>().First(field => Equals(field.ConstantValue, constant.Value)).Name,
        { Value: double number } => Invariant.Text(number),
        { Value: bool flag } => Invariant.Text(flag),
        _ => Convert.ToString(constant.Value, System.Globalization.CultureInfo.InvariantCulture),
    };
}
