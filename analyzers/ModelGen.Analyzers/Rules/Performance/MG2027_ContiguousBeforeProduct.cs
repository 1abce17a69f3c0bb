using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Diagnostics;
using Microsoft.CodeAnalysis.Operations;

namespace ModelGen.Analyzers.Rules.Performance;

/// <summary>Reports <c>contiguous()</c> directly in an operand of a matrix product.</summary>
[DiagnosticAnalyzer(LanguageNames.CSharp)]
internal sealed class MG2027_ContiguousBeforeProduct() : TorchAnalyzer(Rule)
{
    internal static readonly DiagnosticDescriptor Rule = new(
        RuleIds.ContiguousBeforeProduct,
        "A tensor is copied before a matrix product that does not need it",
        "'{0}' takes transposed operands as they are; leave 'contiguous()' out",
        RuleCategories.Performance,
        DiagnosticSeverity.Info,
        isEnabledByDefault: true,
        "Matrix products read their operands through strides: a transposed matrix is a flag of the routine below.",
        RuleIds.HelpLink(RuleIds.ContiguousBeforeProduct));

    protected override void Register(RuleContext context, TorchSharpContext torch) =>
        context.OnOperations(
            operation =>
            {
                var copy = (IInvocationOperation)operation.Operation;
                if (copy.TargetMethod.Name == "contiguous" && torch.IsTensorMethod(copy.TargetMethod) && IsTransposed(copy.Instance?.Unwrap(), torch) && Product(copy, torch) is { } product)
                {
                    operation.ReportDiagnostic(Diagnostic.Create(Rule, copy.Syntax.GetLocation(), product.Name));
                }
            },
            calls: ["contiguous"]);

    private static IMethodSymbol? Product(IInvocationOperation operand, TorchSharpContext torch)
    {
        IInvocationOperation? call = operand.MeaningfulParent() switch
        {
            IInvocationOperation receiver => receiver,
            IArgumentOperation { Parent: IInvocationOperation argument } => argument,
            _ => null,
        };
        return call?.TargetMethod is { Name: "matmul" or "mm" or "bmm" } method && (torch.IsTensorMethod(method) || torch.IsTorchFunction(method)) ? method : null;
    }

    private static bool IsTransposed(IOperation? value, TorchSharpContext torch) => value switch
    {
        IInvocationOperation { TargetMethod: { Name: "transpose" or "t" or "swapaxes" or "swapdims" } method } => torch.Owns(method),
        IPropertyReferenceOperation { Property: { Name: "T" or "mT" } property } => torch.Owns(property),
        _ => false,
    };
}
