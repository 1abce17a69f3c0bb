using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Microsoft.CodeAnalysis.Diagnostics;

namespace ModelGen.Analyzers.Rules.Numerics;

/// <summary>Reports <c>clamp(eps, 1 - eps)</c> with an eps that float32 does not hold.</summary>
[DiagnosticAnalyzer(LanguageNames.CSharp)]
internal sealed class MG5017_ClampBoundRounds() : TorchAnalyzer(Rule)
{
    internal static readonly DiagnosticDescriptor Rule = new(
        RuleIds.ClampBoundRounds,
        "An upper bound that rounds to 1",
        "In float32 this bound is 1, so clamp does not keep the values below 1; use a bound of at most 1 - 6e-8",
        RuleCategories.Numerics,
        DiagnosticSeverity.Warning,
        isEnabledByDefault: true,
        "The largest float32 number below 1 is 1 - 6e-8. A bound closer to 1 is stored as 1, so that log(1 - x) is still minus infinity.",
        RuleIds.HelpLink(RuleIds.ClampBoundRounds));

    protected override void Register(RuleContext context, TorchSharpContext torch) =>
        context.OnOperations(
            operation =>
            {
                if (TensorCalls.Of(operation.Operation, torch) is { Name: "clamp" or "clamp_" or "clip" or "clip_" or "clamp_max" or "clamp_max_" } call
                    && call.Argument("max") is { } bound
                    && TensorCalls.Number(bound) is < 1 and { } number && (float)number == 1f
                    && TensorElementTypes.Of(call.Input, torch) != TensorElementType.Float64
                    && !MentionsDouble(operation.Operation))
                {
                    operation.ReportDiagnostic(Diagnostic.Create(Rule, bound.Syntax.GetLocation()));
                }
            },
            calls: ["clamp", "clamp_", "clip", "clip_", "clamp_max", "clamp_max_"]);

    /// <summary>True when the type that contains the operation works with float64 anywhere; the bound is then right.</summary>
    private static bool MentionsDouble(IOperation operation) =>
        (operation.Syntax.Ancestors().OfType<TypeDeclarationSyntax>().LastOrDefault() ?? operation.Syntax.SyntaxTree.GetRoot())
        .DescendantNodes().OfType<SimpleNameSyntax>().Any(name => name.Identifier.ValueText is "Float64" or "float64" or "double" or "Double");
}
