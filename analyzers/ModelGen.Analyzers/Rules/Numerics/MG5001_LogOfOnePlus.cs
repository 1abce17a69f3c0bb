using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Diagnostics;

namespace ModelGen.Analyzers.Rules.Numerics;

/// <summary>Reports <c>log(1 + x)</c> on tensors.</summary>
[DiagnosticAnalyzer(LanguageNames.CSharp)]
internal sealed class MG5001_LogOfOnePlus() : TorchAnalyzer(Rule)
{
    internal static readonly DiagnosticDescriptor Rule = new(
        RuleIds.LogOfOnePlus,
        "log(1 + x) loses the small x",
        "log(1 + x) rounds a small x away; use log1p(x), which is exact there and makes one tensor less",
        RuleCategories.Numerics,
        DiagnosticSeverity.Info,
        isEnabledByDefault: true,
        "1 + x keeps no digits of an x below the precision of its type, so the logarithm comes out as 0. log1p computes it from x itself.",
        RuleIds.HelpLink(RuleIds.LogOfOnePlus));

    protected override void Register(RuleContext context, TorchSharpContext torch) =>
        context.OnOperations(
            operation =>
            {
                if (Match(operation.Operation, torch) is not null)
                {
                    operation.ReportDiagnostic(Diagnostic.Create(Rule, operation.Operation.Syntax.GetLocation()));
                }
            },
            calls: ["log"]);

    /// <summary>The x of <c>log(1 + x)</c>; softplus, <c>log(1 + exp(x))</c>, is another rule's.</summary>
    internal static IOperation? Match(IOperation operation, TorchSharpContext torch) =>
        TensorCalls.Of(operation, "log", torch) is { } log
        && TensorCalls.OtherAddend(log.Input, 1, torch) is { } x
        && TensorCalls.Of(x, "exp", torch) is null
            ? x
            : null;
}
