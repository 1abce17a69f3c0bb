using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Microsoft.CodeAnalysis.Diagnostics;
using Microsoft.CodeAnalysis.Operations;

namespace ModelGen.Analyzers.Rules.Modules;

/// <summary>Reports a field that holds a tensor with <c>requires_grad: true</c> in place of a parameter.</summary>
[DiagnosticAnalyzer(LanguageNames.CSharp)]
internal sealed class MG4004_TrainableTensorField() : TorchAnalyzer(Rule)
{
    internal static readonly DiagnosticDescriptor Rule = new(
        RuleIds.TrainableTensorField,
        "A trainable tensor is kept in a Tensor field",
        "'{0}' is a Tensor that requires gradients, so it becomes a buffer that no optimizer gets; make it a Parameter",
        RuleCategories.Modules,
        DiagnosticSeverity.Warning,
        isEnabledByDefault: true,
        "RegisterComponents() takes a tensor in a field as a buffer, whatever its requires_grad, and as a parameter only when it is a Parameter. Buffers are saved and moved, but parameters() does not list them.",
        RuleIds.HelpLink(RuleIds.TrainableTensorField));

    private static readonly HashSet<string> s_ownWays = ["register_parameter", "parameters", "named_parameters"];

    protected override void Register(RuleContext context, TorchSharpContext torch) =>
        context.OnOperations(
            operation =>
            {
                if (Target(operation.Operation) is ({ IsStatic: false } field, { } value)
                    && SymbolEqualityComparer.Default.Equals(field.Type, torch.Tensor)
                    && torch.IsUserModule(field.ContainingType)
                    && (torch.MakesTrainableLeaf(value.Unwrap()) || IsMadeTrainable(value, torch))
                    && !OverridesParameters(field.ContainingType, operation.CancellationToken))
                {
                    operation.ReportDiagnostic(Diagnostic.Create(Rule, value.Syntax.GetLocation(), [field.Locations[0]], field.AssociatedSymbol?.Name ?? field.Name));
                }
            },
            kinds: [OperationKind.SimpleAssignment, OperationKind.FieldInitializer]);

    /// <summary>The field that is set in a constructor or where it is declared, and its value.</summary>
    private static (IFieldSymbol? Field, IOperation? Value) Target(IOperation operation) => operation switch
    {
        IFieldInitializerOperation initializer => (initializer.InitializedFields[0], initializer.Value),
        ISimpleAssignmentOperation { Target: IFieldReferenceOperation { Instance: IInstanceReferenceOperation } target } assignment
            when assignment.Syntax.FirstAncestorOrSelf<MemberDeclarationSyntax>() is ConstructorDeclarationSyntax => (target.Field, assignment.Value),
        _ => (null, null),
    };

    private static bool IsMadeTrainable(IOperation value, TorchSharpContext torch) =>
        TensorCalls.Of(value, torch) is { Name: "requires_grad_" or "with_requires_grad" } call && call.Argument("requires_grad") is null or { ConstantValue: { HasValue: true, Value: true } };

    private static bool OverridesParameters(INamedTypeSymbol type, CancellationToken cancellation) =>
        RegistrationFacts.Mentions(type, ["register_parameter"], cancellation) || type.GetMembers().Any(member => member.IsOverride && s_ownWays.Contains(member.Name));
}
