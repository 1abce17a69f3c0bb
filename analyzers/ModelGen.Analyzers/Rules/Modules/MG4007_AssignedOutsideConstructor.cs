using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Microsoft.CodeAnalysis.Diagnostics;
using Microsoft.CodeAnalysis.Operations;

namespace ModelGen.Analyzers.Rules.Modules;

/// <summary>Reports a component field that a method sets to a new layer, in a class whose constructors register.</summary>
[DiagnosticAnalyzer(LanguageNames.CSharp)]
internal sealed class MG4007_AssignedOutsideConstructor() : TorchAnalyzer(Rule)
{
    internal static readonly DiagnosticDescriptor Rule = new(
        RuleIds.AssignedOutsideConstructor,
        "A layer is made after the components were registered",
        "'{0}' gets a new layer after the constructor has registered the components, so this layer is not trained, moved or saved; make it in the constructor or register it by name",
        RuleCategories.Modules,
        DiagnosticSeverity.Warning,
        isEnabledByDefault: true,
        "RegisterComponents() registers what the fields hold when the constructor calls it. A layer that another method makes is unknown to the module; where the field held one before, that one stays in the state_dict.",
        RuleIds.HelpLink(RuleIds.AssignedOutsideConstructor));

    protected override void Register(RuleContext context, TorchSharpContext torch) =>
        context.OnMembers((block, member) =>
        {
            if (member.Of(OperationKind.SimpleAssignment).Count + member.Of(OperationKind.CoalesceAssignment).Count == 0
                || block.OwningSymbol is not IMethodSymbol { MethodKind: MethodKind.Ordinary or MethodKind.PropertySet, IsStatic: false, ContainingType: { } type } method
                || !torch.IsUserModule(type)
                || (method.IsOverride && method.Name != "forward")
                || method.IsVirtual)
            {
                return;
            }

            List<(IAssignmentOperation Assignment, ISymbol Component)> replaced =
            [
                .. member.Of(OperationKind.SimpleAssignment).Concat(member.Of(OperationKind.CoalesceAssignment)).Cast<IAssignmentOperation>()
                    .Select(assignment => (assignment, Component(assignment, torch)!)).Where(pair => pair.Item2 is not null),
            ];
            if (replaced.Count == 0
                || !RegistrationFacts.RegistersInEveryConstructor(type, block.CancellationToken)
                || MayRunInConstructor(method, type, block.CancellationToken))
            {
                return;
            }

            foreach ((IAssignmentOperation assignment, ISymbol component) in replaced)
            {
                if (!RegistrationFacts.RegistersByHand(type, component, block.CancellationToken))
                {
                    block.ReportDiagnostic(Diagnostic.Create(Rule, assignment.Syntax.GetLocation(), component.Name));
                }
            }
        });

    /// <summary>The field or property of the object that is set to a new module or parameter.</summary>
    private static ISymbol? Component(IAssignmentOperation assignment, TorchSharpContext torch) =>
        assignment.Target.NamedVariable() is { IsStatic: false } component and (IFieldSymbol or IPropertySymbol)
        && (component is IFieldSymbol field ? field.Type : ((IPropertySymbol)component).Type) is var type
        && (torch.IsModule(type) || torch.IsParameter(type))
        && MakesComponent(assignment.Value.Unwrap(), torch)
            ? component
            : null;

    private static bool MakesComponent(IOperation value, TorchSharpContext torch) =>
        torch.IsParameterCreation(value) || value is IObjectCreationOperation && torch.IsModule(value.Type) || LayerFacts.Factory(value, torch) is not null;

    /// <summary>True when a constructor mentions the method, or a method that a constructor may reach mentions it.</summary>
    private static bool MayRunInConstructor(IMethodSymbol method, INamedTypeSymbol type, CancellationToken cancellation)
    {
        var reached = new HashSet<string>();
        var work = new Queue<SyntaxNode>(type.InstanceConstructors.SelectMany(constructor => constructor.DeclaringSyntaxReferences).Select(reference => reference.GetSyntax(cancellation)));
        while (work.Count > 0)
        {
            foreach (SimpleNameSyntax name in work.Dequeue().DescendantNodes().OfType<SimpleNameSyntax>())
            {
                if (reached.Add(name.Identifier.ValueText))
                {
                    foreach (ISymbol member in type.GetMembers(name.Identifier.ValueText).Where(member => member is IMethodSymbol or IPropertySymbol))
                    {
                        member.DeclaringSyntaxReferences.Select(reference => reference.GetSyntax(cancellation)).ToList().ForEach(work.Enqueue);
                    }
                }
            }
        }

        return reached.Contains(method.AssociatedSymbol?.Name ?? method.Name);
    }
}
