using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Diagnostics;
using Microsoft.CodeAnalysis.Operations;

namespace ModelGen.Analyzers.Rules.Modules;

/// <summary>Reports layers that a derived constructor sets after the base constructor has registered the components.</summary>
[DiagnosticAnalyzer(LanguageNames.CSharp)]
internal sealed class MG4006_DerivedComponentsNotRegistered() : TorchAnalyzer(Rule)
{
    internal static readonly DiagnosticDescriptor Rule = new(
        RuleIds.DerivedComponentsNotRegistered,
        "A derived class adds layers after its base has registered",
        "The constructor of '{0}' has called RegisterComponents() already and a second call does nothing, so '{1}' is not trained, moved or saved; register it by name",
        RuleCategories.Modules,
        DiagnosticSeverity.Error,
        isEnabledByDefault: true,
        "RegisterComponents() works once per object. When the constructor of the base class calls it, fields that a derived constructor sets later are never registered, also when it calls RegisterComponents() itself.",
        RuleIds.HelpLink(RuleIds.DerivedComponentsNotRegistered));

    protected override void Register(RuleContext context, TorchSharpContext torch) =>
        context.OnMembers((block, member) =>
        {
            if (member.Of(OperationKind.SimpleAssignment).Count == 0
                || block.OwningSymbol is not IMethodSymbol { MethodKind: MethodKind.Constructor, ContainingType: { BaseType: { } parent } type }
                || !torch.IsUserModule(type) || torch.Owns(parent)
                || RegisteringBase(parent, torch, block.CancellationToken) is not { } registering)
            {
                return;
            }

            foreach (IBlockOperation body in block.OperationBlocks.OfType<IBlockOperation>())
            {
                int ownRegistration = RegistrationFacts.FindRegistration(body, torch)?.Start() ?? int.MaxValue;
                foreach (ISimpleAssignmentOperation assignment in body.Descendants().OfType<ISimpleAssignmentOperation>())
                {
                    if (assignment.Start() < ownRegistration
                        && Component(assignment.Target.Unwrap()) is { IsStatic: false } component
                        && SymbolEqualityComparer.Default.Equals(component.ContainingType, type)
                        && (component is IFieldSymbol field ? field.Type : ((IPropertySymbol)component).Type) is var componentType
                        && (torch.IsModule(componentType) || torch.IsParameter(componentType))
                        && !RegistrationFacts.KeepsTheObject(assignment.Value, component, torch)
                        && !RegistrationFacts.RegistersByHand(type, component, block.CancellationToken)
                        && assignment.EnclosingFunction() is not (IAnonymousFunctionOperation or ILocalFunctionOperation))
                    {
                        block.ReportDiagnostic(Diagnostic.Create(Rule, assignment.Syntax.GetLocation(), registering.Name, component.Name));
                    }
                }
            }
        });

    private static ISymbol? Component(IOperation target) => target switch
    {
        IFieldReferenceOperation { Instance: IInstanceReferenceOperation } field => field.Field,
        IPropertyReferenceOperation { Instance: IInstanceReferenceOperation, Property: { IsIndexer: false } property } => property,
        _ => null,
    };

    /// <summary>The nearest base class, in source, whose constructors all register.</summary>
    private static INamedTypeSymbol? RegisteringBase(INamedTypeSymbol parent, TorchSharpContext torch, CancellationToken cancellation)
    {
        for (INamedTypeSymbol? current = parent; current is not null && !torch.Owns(current) && !current.DeclaringSyntaxReferences.IsEmpty; current = current.BaseType)
        {
            if (RegistrationFacts.RegistersInEveryConstructor(current.OriginalDefinition, cancellation))
            {
                return current;
            }
        }

        return null;
    }
}
