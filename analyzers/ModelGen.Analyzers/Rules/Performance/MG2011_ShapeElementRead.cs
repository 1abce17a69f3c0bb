using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Diagnostics;
using Microsoft.CodeAnalysis.Operations;

namespace ModelGen.Analyzers.Rules.Performance;

/// <summary>Reports <c>x.shape[1]</c> with a constant index.</summary>
[DiagnosticAnalyzer(LanguageNames.CSharp)]
internal sealed class MG2011_ShapeElementRead() : TorchAnalyzer(Rule)
{
    internal static readonly DiagnosticDescriptor Rule = new(
        RuleIds.ShapeElementRead,
        "The whole shape is read for one of its dimensions",
        "'shape' copies all dimensions into a new array; write 'size({0})'",
        RuleCategories.Performance,
        DiagnosticSeverity.Info,
        isEnabledByDefault: false,
        "shape asks the native library for all sizes and allocates an array at every use.",
        RuleIds.HelpLink(RuleIds.ShapeElementRead));

    protected override void Register(RuleContext context, TorchSharpContext torch) =>
        context.OnOperations(
            operation =>
            {
                var element = (IArrayElementReferenceOperation)operation.Operation;
                if (element.ArrayReference.Unwrap() is IPropertyReferenceOperation { Property: { Name: "shape" } shape } && SymbolEqualityComparer.Default.Equals(shape.ContainingType, torch.Tensor)
                    && element.Indices is [{ ConstantValue: { HasValue: true, Value: int dimension } }])
                {
                    operation.ReportDiagnostic(Diagnostic.Create(Rule, element.Syntax.GetLocation(), dimension));
                }
            },
            kinds: [OperationKind.ArrayElementReference]);
}
