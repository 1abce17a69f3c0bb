using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Diagnostics;
using Microsoft.CodeAnalysis.Operations;

namespace ModelGen.Analyzers.Rules.Modules;

/// <summary>Reports the assignment of one layer's parameter to another layer in a module.</summary>
[DiagnosticAnalyzer(LanguageNames.CSharp)]
internal sealed class MG4017_SharedParameter() : TorchAnalyzer(Rule)
{
    internal static readonly DiagnosticDescriptor Rule = new(
        RuleIds.SharedParameter,
        "Two layers share one parameter object",
        "Moving this module throws: '{0}' is then disposed while '{1}' still holds it; share the layer, or compute with one weight in forward",
        RuleCategories.Modules,
        DiagnosticSeverity.Warning,
        isEnabledByDefault: true,
        "TorchSharp replaces and disposes the parameters of a module that moves. A parameter object that two layers hold is disposed with the first and used by the second.",
        RuleIds.HelpLink(RuleIds.SharedParameter));

    protected override void Register(RuleContext context, TorchSharpContext torch) =>
        context.OnOperations(
            operation =>
            {
                var assignment = (ISimpleAssignmentOperation)operation.Operation;
                if (operation.ContainingSymbol.ContainingType is { } type && torch.IsUserModule(type)
                    && LayerParameter(assignment.Target, torch) && LayerParameter(assignment.Value.Unwrap(), torch))
                {
                    operation.ReportDiagnostic(Diagnostic.Create(Rule, assignment.Syntax.GetLocation(), assignment.Value.Syntax, assignment.Target.Syntax));
                }
            },
            kinds: [OperationKind.SimpleAssignment]);

    /// <summary>A parameter of a layer of TorchSharp that a field of this module holds.</summary>
    private static bool LayerParameter(IOperation value, TorchSharpContext torch) =>
        value is IPropertyReferenceOperation { Instance: { } layer, Property: { } property }
        && torch.IsParameter(property.Type) && torch.Owns(property) && torch.IsModule(property.ContainingType)
        && layer.Unwrap() is IFieldReferenceOperation { Instance: IInstanceReferenceOperation };
}
