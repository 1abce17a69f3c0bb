using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Diagnostics;
using Microsoft.CodeAnalysis.Operations;

namespace ModelGen.Analyzers.Rules.Numerics;

/// <summary>Reports attention with a mask and <c>is_casual: true</c>.</summary>
[DiagnosticAnalyzer(LanguageNames.CSharp)]
internal sealed class MG5019_CausalAndMasked() : TorchAnalyzer(Rule)
{
    internal static readonly DiagnosticDescriptor Rule = new(
        RuleIds.CausalAndMasked,
        "Attention is causal and has a mask",
        "scaled_dot_product_attention throws when it gets both a mask and 'is_casual: true'; put the causal part into the mask, or drop the mask",
        RuleCategories.Numerics,
        DiagnosticSeverity.Error,
        isEnabledByDefault: true,
        "The function accepts a mask, or makes the causal one itself, not both.",
        RuleIds.HelpLink(RuleIds.CausalAndMasked));

    protected override void Register(RuleContext context, TorchSharpContext torch) =>
        context.OnOperations(
            operation =>
            {
                var call = (IInvocationOperation)operation.Operation;
                if (call.TargetMethod.Name == "scaled_dot_product_attention" && torch.IsFunctional(call.TargetMethod)
                    && (call.Written("is_casual") ?? call.Written("is_causal")) is { ConstantValue: { HasValue: true, Value: true } }
                    && call.Written("attn_mask")?.Unwrap() is { } mask && IsCertainlyGiven(mask, torch))
                {
                    operation.ReportDiagnostic(Diagnostic.Create(Rule, mask.Syntax.GetLocation()));
                }
            },
            calls: ["scaled_dot_product_attention"]);

    /// <summary>A mask that is made here; one that comes from elsewhere may be null.</summary>
    private static bool IsCertainlyGiven(IOperation mask, TorchSharpContext torch) => mask.Resolve() switch
    {
        IInvocationOperation call => torch.Owns(call.TargetMethod),
        IBinaryOperation { OperatorMethod: { } method } => torch.Owns(method),
        IUnaryOperation { OperatorMethod: { } method } => torch.Owns(method),
        _ => false,
    };
}
