using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Diagnostics;
using Microsoft.CodeAnalysis.Operations;

namespace ModelGen.Analyzers.Rules.Modules;

/// <summary>Reports constant arguments with which a layer cannot run.</summary>
[DiagnosticAnalyzer(LanguageNames.CSharp)]
internal sealed class MG4015_LayerArgumentsImpossible() : TorchAnalyzer(Rule)
{
    internal static readonly DiagnosticDescriptor Rule = new(
        RuleIds.LayerArgumentsImpossible,
        "A layer with arguments that cannot work",
        "{0}",
        RuleCategories.Modules,
        DiagnosticSeverity.Error,
        isEnabledByDefault: true,
        "The arguments are constants that contradict one another or lie outside what the layer accepts: it throws when it is made or at its first input.",
        RuleIds.HelpLink(RuleIds.LayerArgumentsImpossible));

    protected override void Register(RuleContext context, TorchSharpContext torch) =>
        context.OnOperations(
            operation =>
            {
                if (LayerFacts.Factory(operation.Operation, torch) is { } layer && Mistake(layer) is { } mistake)
                {
                    operation.ReportDiagnostic(Diagnostic.Create(Rule, layer.Syntax.GetLocation(), mistake));
                }
            },
            torchCalls: true);

    private static string? Mistake(IInvocationOperation layer)
    {
        switch (layer.TargetMethod.Name)
        {
            case "Dropout" or "Dropout1d" or "Dropout2d" or "Dropout3d" or "AlphaDropout" or "FeatureAlphaDropout":
                return layer.Arguments.FirstOrDefault(argument => argument.Parameter?.Name == "p") is { } p && TensorCalls.Number(p.Value) is < 0 or > 1
                    ? "The dropout probability must be between 0 and 1; write 0.5 for one half"
                    : null;
            case "MultiheadAttention":
                return Indivisible(layer, "embedded_dim", "num_heads", "The embedding size {0} cannot be divided among {1} heads");
            case "TransformerEncoderLayer" or "TransformerDecoderLayer" or "Transformer":
                return Indivisible(layer, "d_model", "nhead", "The model size {0} cannot be divided among {1} heads");
            case "GroupNorm":
                return Indivisible(layer, "num_channels", "num_groups", "{0} channels cannot be divided into {1} groups");
            case "Conv1d" or "Conv2d" or "Conv3d" or "ConvTranspose1d" or "ConvTranspose2d" or "ConvTranspose3d":
                return Indivisible(layer, "in_channels", "groups", "{0} input channels cannot be divided into {1} groups")
                    ?? Indivisible(layer, "out_channels", "groups", "{0} output channels cannot be divided into {1} groups");
            default:
                return null;
        }
    }

    private static string? Indivisible(IInvocationOperation layer, string total, string parts, string message) =>
        layer.Size(total) is { } size && layer.Size(parts) is { } count && count > 0 && size % count != 0
            ? string.Format(System.Globalization.CultureInfo.InvariantCulture, message, size, count)
            : null;
}
