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

    private static readonly HashSet<string> s_containers = ["Sequential", "ModuleList", "ModuleDict"];

    protected override void Register(RuleContext context, TorchSharpContext torch) =>
        context.OnOperations(
            operation =>
            {
                var assignment = (ISimpleAssignmentOperation)operation.Operation;
                if (assignment.Target is IFieldReferenceOperation { Instance: IInstanceReferenceOperation, Field: { IsStatic: false } container }
                    && torch.IsUserModule(container.ContainingType) && torch.IsModule(container.Type)
                    && IsContainer(assignment.Value.Unwrap(), torch)
                    && RegistrationFacts.Mentions(container.ContainingType, ["RegisterComponents"], operation.CancellationToken))
                {
                    foreach (IFieldReferenceOperation element in Elements(assignment.Value.Unwrap()).OfType<IFieldReferenceOperation>())
                    {
                        if (element is { Instance: IInstanceReferenceOperation, Field: { IsStatic: false } field } && torch.IsModule(field.Type)
                            && LayerFacts.HasWeights(element.Type as INamedTypeSymbol, torch))
                        {
                            operation.ReportDiagnostic(Diagnostic.Create(Rule, element.Syntax.GetLocation(), field.Name, container.Name));
                        }
                    }
                }
            },
            kinds: [OperationKind.SimpleAssignment]);

    private static bool IsContainer(IOperation value, TorchSharpContext torch) => value switch
    {
        IInvocationOperation call => torch.IsLayerFactory(call.TargetMethod) && s_containers.Contains(call.TargetMethod.Name),
        IObjectCreationOperation creation => torch.Owns(creation.Type) && s_containers.Contains(creation.Type!.Name),
        _ => false,
    };

    /// <summary>The values that are put into the container: arguments, and what arrays, collection expressions and tuples among them hold.</summary>
    private static IEnumerable<IOperation> Elements(IOperation value) => value switch
    {
        IInvocationOperation call => call.Arguments.SelectMany(argument => Elements(argument.Value.Unwrap())),
        IObjectCreationOperation creation => creation.Arguments.SelectMany(argument => Elements(argument.Value.Unwrap())),
        IArrayCreationOperation { Initializer: { } initializer } => initializer.ElementValues.SelectMany(element => Elements(element.Unwrap())),
        ICollectionExpressionOperation collection => collection.Elements.SelectMany(element => Elements(element.Unwrap())),
        ITupleOperation tuple => tuple.Elements.SelectMany(element => Elements(element.Unwrap())),
        _ => [value],
    };
}
