using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Microsoft.CodeAnalysis.Diagnostics;
using Microsoft.CodeAnalysis.Operations;

namespace ModelGen.Analyzers.Rules.Modules;

/// <summary>Reports a field of a module that holds a plain tensor when the components are registered.</summary>
[DiagnosticAnalyzer(LanguageNames.CSharp)]
internal sealed class MG4005_TensorFieldIsBuffer() : TorchAnalyzer(Rule)
{
    internal static readonly DiagnosticDescriptor Rule = new(
        RuleIds.TensorFieldIsBuffer,
        "A tensor field becomes a buffer",
        "'{0}' is registered as a buffer: it is moved with the module and saved in its state_dict; if it is not part of the model, keep it elsewhere",
        RuleCategories.Modules,
        DiagnosticSeverity.Info,
        isEnabledByDefault: false,
        "In PyTorch a tensor attribute is just an attribute. In TorchSharp RegisterComponents() registers every tensor in a field as a persistent buffer.",
        RuleIds.HelpLink(RuleIds.TensorFieldIsBuffer));

    protected override GeneratedCodeAnalysisFlags GeneratedCode => GeneratedCodeAnalysisFlags.None;

    protected override void Register(RuleContext context, TorchSharpContext torch) =>
        context.OnOperations(
            operation =>
            {
                (IFieldSymbol? field, IOperation? value) = operation.Operation switch
                {
                    IFieldInitializerOperation initializer => (initializer.InitializedFields[0], initializer.Value),
                    ISimpleAssignmentOperation { Target: IFieldReferenceOperation { Instance: IInstanceReferenceOperation } target } assignment
                        when assignment.Syntax.FirstAncestorOrSelf<MemberDeclarationSyntax>() is ConstructorDeclarationSyntax => (target.Field, assignment.Value),
                    _ => (null, (IOperation?)null),
                };
                if (field is { IsStatic: false } && value?.Unwrap() is { ConstantValue.HasValue: false } assigned
                    && SymbolEqualityComparer.Default.Equals(field.Type, torch.Tensor)
                    && torch.IsUserModule(field.ContainingType)
                    && !torch.IsParameter(assigned.Type)
                    && RegistrationFacts.Mentions(field.ContainingType, ["RegisterComponents"], operation.CancellationToken)
                    && !RegistrationFacts.Mentions(field.ContainingType, ["register_buffer"], operation.CancellationToken)
                    && !IsSetAfterRegistration(operation.Operation, torch, operation.CancellationToken))
                {
                    operation.ReportDiagnostic(Diagnostic.Create(Rule, field.Locations[0], field.Name));
                }
            },
            kinds: [OperationKind.SimpleAssignment, OperationKind.FieldInitializer]);

    /// <summary>The field is still null when the components are registered, so it is not among them.</summary>
    private static bool IsSetAfterRegistration(IOperation assignment, TorchSharpContext torch, CancellationToken cancellation) =>
        assignment.Root() is IConstructorBodyOperation { BlockBody: { } body }
        && RegistrationFacts.FindRegistration(body, torch, cancellation) is { } registration && registration.Start() < assignment.Start();
}
