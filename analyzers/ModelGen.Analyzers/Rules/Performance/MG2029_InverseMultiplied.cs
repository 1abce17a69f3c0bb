using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Diagnostics;
using Microsoft.CodeAnalysis.Operations;

namespace ModelGen.Analyzers.Rules.Performance;

/// <summary>Reports <c>matmul(inv(a), b)</c>.</summary>
[DiagnosticAnalyzer(LanguageNames.CSharp)]
internal sealed class MG2029_InverseMultiplied() : TorchAnalyzer(Rule)
{
    internal static readonly DiagnosticDescriptor Rule = new(
        RuleIds.InverseMultiplied,
        "A matrix is inverted only to be multiplied",
        "The inverse is slower and less accurate than solving; write 'torch.linalg.solve(a, b)' instead of multiplying with it",
        RuleCategories.Performance,
        DiagnosticSeverity.Info,
        isEnabledByDefault: true,
        "Solving needs one factorization. The inverse needs the factorization and as many solutions as there are columns, and rounds twice.",
        RuleIds.HelpLink(RuleIds.InverseMultiplied));

    protected override void Register(RuleContext context, TorchSharpContext torch) =>
        context.OnOperations(
            operation =>
            {
                var product = (IInvocationOperation)operation.Operation;
                if (product.TargetMethod.Name is "matmul" or "mm" or "bmm" or "mv" && (torch.IsTensorMethod(product.TargetMethod) || torch.IsTorchFunction(product.TargetMethod))
                    && Left(product) is { } left && IsInverse(left, torch))
                {
                    operation.ReportDiagnostic(Diagnostic.Create(Rule, product.Syntax.GetLocation()));
                }
            },
            calls: ["matmul", "mm", "bmm", "mv"]);

    /// <summary>The left operand; a local counts when it is assigned once and mentioned nowhere else.</summary>
    private static IOperation? Left(IInvocationOperation product) => (product.Instance ?? product.Arguments.FirstOrDefault()?.Value)?.Unwrap() switch
    {
        ILocalReferenceOperation { Local: { } local } mention => mention.Root().MentionsOf(local).Count() == 1 ? local.OnlyValue(mention) : null,
        { } value => value,
        null => null,
    };

    private static bool IsInverse(IOperation value, TorchSharpContext torch) => value is IInvocationOperation { TargetMethod: { } method }
        && ((method.Name == "inv" && torch.IsLinalg(method)) || (method.Name == "inverse" && (torch.IsTensorMethod(method) || torch.IsTorchFunction(method))));
}
