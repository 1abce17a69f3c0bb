using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Diagnostics;
using Microsoft.CodeAnalysis.Operations;

namespace ModelGen.Analyzers.Rules.Modules;

/// <summary>Reports neighbours in <c>Sequential</c> whose constant sizes differ.</summary>
[DiagnosticAnalyzer(LanguageNames.CSharp)]
internal sealed class MG4014_LayersDoNotFit() : TorchAnalyzer(Rule)
{
    internal static readonly DiagnosticDescriptor Rule = new(
        RuleIds.LayersDoNotFit,
        "Layers in a row do not fit together",
        "The layer before gives {0} {1}, this one takes {2}: forward throws",
        RuleCategories.Modules,
        DiagnosticSeverity.Error,
        isEnabledByDefault: true,
        "The sizes are written in the same call, so that the mistake is certain: the matrix product or the convolution throws on its first input.",
        RuleIds.HelpLink(RuleIds.LayersDoNotFit));

    private static readonly HashSet<string> s_elementwise =
    [
        "ReLU", "ReLU6", "GELU", "ELU", "SELU", "CELU", "SiLU", "Mish", "LeakyReLU", "PReLU", "RReLU", "Sigmoid", "Tanh", "LogSigmoid", "Softplus", "Softsign",
        "Hardtanh", "Hardswish", "Hardsigmoid", "Softmax", "LogSoftmax", "Identity", "Dropout", "Dropout1d", "Dropout2d", "Dropout3d", "AlphaDropout", "FeatureAlphaDropout",
    ];

    private static readonly HashSet<string> s_keepsChannels =
    [
        "MaxPool1d", "MaxPool2d", "MaxPool3d", "AvgPool1d", "AvgPool2d", "AvgPool3d", "AdaptiveAvgPool1d", "AdaptiveAvgPool2d", "AdaptiveAvgPool3d",
        "AdaptiveMaxPool1d", "AdaptiveMaxPool2d", "AdaptiveMaxPool3d", "Upsample", "ZeroPad2d", "ReflectionPad1d", "ReflectionPad2d", "ReplicationPad1d", "ReplicationPad2d",
    ];

    protected override void Register(RuleContext context, TorchSharpContext torch) =>
        context.OnOperations(
            operation =>
            {
                var sequential = (IInvocationOperation)operation.Operation;
                if (sequential.TargetMethod.Name != "Sequential" || !torch.IsLayerFactory(sequential.TargetMethod))
                {
                    return;
                }

                long? features = null;
                long? channels = null;
                foreach (IOperation element in sequential.Arguments.SelectMany(argument => Elements(argument.Value.Unwrap())))
                {
                    Step(LayerFacts.Factory(element, torch), ref features, ref channels, operation);
                }
            },
            calls: ["Sequential"]);

    /// <summary>Checks one layer against what reaches it, and says what leaves it; null stands for unknown.</summary>
    private static void Step(IInvocationOperation? layer, ref long? features, ref long? channels, MemberOperation context)
    {
        string name = layer?.TargetMethod.Name ?? "";
        if (s_elementwise.Contains(name))
        {
            return;
        }

        if (s_keepsChannels.Contains(name))
        {
            features = null;
            return;
        }

        (long? wanted, long? made, bool ofChannels) = name switch
        {
            "Linear" => (layer!.Size("inputSize"), layer!.Size("outputSize"), false),
            "LayerNorm" => (layer!.Size("normalized_shape"), layer!.Size("normalized_shape") ?? features, false),
            "Conv1d" or "Conv2d" or "Conv3d" or "ConvTranspose1d" or "ConvTranspose2d" or "ConvTranspose3d" => (layer!.Size("in_channels"), layer!.Size("out_channels"), true),
            "BatchNorm2d" or "BatchNorm3d" => (layer!.Size("num_features"), layer!.Size("num_features"), true),
            "GroupNorm" => (layer!.Size("num_channels"), layer!.Size("num_channels"), true),
            _ => ((long?)null, (long?)null, false),
        };
        long? given = ofChannels ? channels : features;
        if (wanted is { } takes && given is { } gives && takes != gives)
        {
            context.ReportDiagnostic(Diagnostic.Create(Rule, layer!.Syntax.GetLocation(), gives, ofChannels ? "channels" : "features", takes));
        }

        features = ofChannels ? null : made;
        channels = ofChannels ? made : null;
    }

    private static IEnumerable<IOperation> Elements(IOperation value) => value switch
    {
        IArrayCreationOperation { Initializer: { } initializer } => initializer.ElementValues.SelectMany(element => Elements(element.Unwrap())),
        ICollectionExpressionOperation collection => collection.Elements.SelectMany(element => Elements(element.Unwrap())),
        ITupleOperation tuple => tuple.Elements.Where(element => element.Unwrap().Type?.SpecialType != SpecialType.System_String).SelectMany(element => Elements(element.Unwrap())),
        _ => [value],
    };
}
