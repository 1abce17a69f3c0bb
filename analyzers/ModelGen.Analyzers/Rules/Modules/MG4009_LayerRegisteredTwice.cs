using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Diagnostics;
using Microsoft.CodeAnalysis.Operations;

namespace ModelGen.Analyzers.Rules.Modules;

/// <summary>Reports a component field that is also put into a container which another field holds.</summary>
[DiagnosticAnalyzer(LanguageNames.CSharp)]
internal sealed class MG4009_LayerRegisteredTwice() : TorchAnalyzer(Rule)
{
    internal static readonly DiagnosticDescriptor Rule = new(
        RuleIds.LayerRegisteredTwice,
        "A layer is registered under two names",
        "'{0}' is a component of its own and an element of '{1}', so the state_dict holds its weights twice; keep it in one of them, in a local variable until then",
        RuleCategories.Modules,
        DiagnosticSeverity.Info,
        isEnabledByDefault: true,
        "RegisterComponents() registers every component field. A layer that is in a field of its own and inside a Sequential or ModuleList in another field gets two names: parameters() lists it once, the state_dict twice.",
        RuleIds.HelpLink(RuleIds.LayerRegisteredTwice));

    protected override void Register(RuleContext context, TorchSharpContext torch) =>
        context.OnOperations(
            operation =>
            {
                if (torch.IsUserModule(operation.ContainingSymbol.ContainingType)
                    && Container(operation.Operation, torch) is { } container
                    && RegistrationFacts.Mentions(operation.ContainingSymbol.ContainingType, ["RegisterComponents"], operation.CancellationToken))
                {
                    foreach (IOperation element in ContainerElements.Of(operation.Operation))
                    {
                        if (Component(element, torch) is { } component && !SymbolEqualityComparer.Default.Equals(component, container))
                        {
                            operation.ReportDiagnostic(Diagnostic.Create(Rule, element.Syntax.GetLocation(), component.Name, container.Name));
                        }
                    }
                }
            },
            calls: ContainerElements.Calls,
            kinds: [OperationKind.ObjectCreation]);

    /// <summary>The component that keeps the container which is made here, or added to.</summary>
    private static ISymbol? Container(IOperation operation, TorchSharpContext torch) =>
        ContainerElements.IsCreation(operation, torch) ? KeptAs(operation, torch)
        : ContainerElements.IsAddition(operation, torch) ? ComponentNamed(((IInvocationOperation)operation).Instance!) ?? (((IInvocationOperation)operation).Instance!.Unwrap() is ILocalReferenceOperation local ? KeptAs(local.Local, local) : null)
        : null;

    /// <summary>The component that a new container becomes: itself, by a local, or as a part of another container.</summary>
    private static ISymbol? KeptAs(IOperation creation, TorchSharpContext torch)
    {
        IOperation current = creation;
        while (true)
        {
            switch (current.MeaningfulParent())
            {
                case ISimpleAssignmentOperation assignment when assignment.Value.Unwrap() == current:
                    return ComponentNamed(assignment.Target);
                case IVariableInitializerOperation { Parent: IVariableDeclaratorOperation declarator }:
                    return KeptAs(declarator.Symbol, current);
                case ITupleOperation or IArrayInitializerOperation or IArrayCreationOperation or IArgumentOperation:
                    current = current.MeaningfulParent()!;
                    break;
                case { } outer when ContainerElements.IsCreation(outer, torch):
                    current = outer;
                    break;
                default:
                    return null;
            }
        }
    }

    private static ISymbol? KeptAs(ILocalSymbol local, IOperation mention) =>
        mention.Root().Descendants().OfType<ISimpleAssignmentOperation>().FirstOrDefault(assignment => assignment.Value.Names(local) && ComponentNamed(assignment.Target) is not null) is { } kept
            ? ComponentNamed(kept.Target)
            : null;

    /// <summary>The component of this object that the element is, when it has weights for certain.</summary>
    private static ISymbol? Component(IOperation element, TorchSharpContext torch)
    {
        element = element.Unwrap();
        ISymbol? component = element switch
        {
            ISimpleAssignmentOperation assignment => ComponentNamed(assignment.Target),
            ILocalReferenceOperation { Local: { } local } => torch.IsModule(local.Type) && element.Resolve() != element ? KeptAs(local, element) : null,
            _ => ComponentNamed(element),
        };
        return component is not null && torch.IsModule(element.Type) && HasWeights(element, component, torch) ? component : null;
    }

    private static bool HasWeights(IOperation element, ISymbol component, TorchSharpContext torch) =>
        LayerFacts.HasWeights(element.Type as INamedTypeSymbol, torch)
        || LayerFacts.HasWeights(element.Resolve().Type as INamedTypeSymbol, torch)
        || (element.Root().Descendants().OfType<ISimpleAssignmentOperation>().Where(assignment => assignment.Target.Names(component)).ToList() is [{ } only]
            && LayerFacts.HasWeights(only.Value.Unwrap().Type as INamedTypeSymbol, torch));

    /// <summary>The field or auto-property of this object that an operation names.</summary>
    private static ISymbol? ComponentNamed(IOperation operation) => operation.Unwrap() switch
    {
        IFieldReferenceOperation { Instance: IInstanceReferenceOperation, Field: { IsStatic: false } field } => field,
        IPropertyReferenceOperation { Instance: IInstanceReferenceOperation, Property: { IsStatic: false, IsIndexer: false } property } =>
            property.ContainingType.GetMembers().OfType<IFieldSymbol>().Any(field => SymbolEqualityComparer.Default.Equals(field.AssociatedSymbol, property)) ? property : null,
        _ => null,
    };
}
