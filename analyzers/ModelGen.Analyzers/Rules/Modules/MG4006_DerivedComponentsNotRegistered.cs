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
            if (block.OwningSymbol is not IMethodSymbol { MethodKind: MethodKind.Constructor or MethodKind.Ordinary, IsStatic: false, IsVirtual: false, IsOverride: false, ContainingType: { BaseType: { } parent } type } method
                || !torch.IsUserModule(type) || torch.Owns(parent))
            {
                return;
            }

            List<ComponentAssignment> assignments = [.. ComponentAssignments.In(member, torch).Where(assignment => assignment.Target.Instance is IInstanceReferenceOperation { ReferenceKind: InstanceReferenceKind.ContainingTypeInstance })];
            if (assignments.Count == 0
                || RegistrationFacts.RegisteringBase(type, torch, block.CancellationToken) is not { } registering
                || (method.MethodKind == MethodKind.Ordinary && !RegistrationFacts.MayRunInConstructor(method, type, block.CancellationToken)))
            {
                return;
            }

            // What the constructor assigns after its own call is MG4002's.
            int ownRegistration = method.MethodKind == MethodKind.Constructor
                ? block.OperationBlocks.OfType<IBlockOperation>().Select(body => RegistrationFacts.FindRegistration(body, torch, block.CancellationToken)?.Start()).FirstOrDefault(start => start is not null) ?? int.MaxValue
                : int.MaxValue;
            foreach (ComponentAssignment assignment in assignments)
            {
                if (assignment.Assignment.Start() < ownRegistration
                    && IsUnregistered(assignment, method, type, registering, torch, block.CancellationToken)
                    && !RegistrationFacts.RegistersByHand(type, assignment.Component, block.CancellationToken)
                    && assignment.Assignment.EnclosingFunction() is not (IAnonymousFunctionOperation or ILocalFunctionOperation))
                {
                    block.ReportDiagnostic(Diagnostic.Create(Rule, assignment.Location, registering.Name, assignment.Component.Name));
                }
            }
        });

    /// <summary>
    /// A component of the class itself, or one that the base had registered, or seen as null, before. Where the base class declares it, and where a method sets it that runs later too, the value
    /// must be new.
    /// </summary>
    private static bool IsUnregistered(
        in ComponentAssignment assignment, IMethodSymbol method, INamedTypeSymbol type, INamedTypeSymbol registering, TorchSharpContext torch, CancellationToken cancellation)
    {
        INamedTypeSymbol declaring = assignment.Component.ContainingType;
        if (SymbolEqualityComparer.Default.Equals(declaring, type) && method.MethodKind == MethodKind.Constructor)
        {
            return !RegistrationFacts.KeepsTheObject(assignment.Value, assignment.Component, torch);
        }

        return (SymbolEqualityComparer.Default.Equals(declaring, type) || SymbolEqualityComparer.Default.Equals(declaring.OriginalDefinition, registering.OriginalDefinition))
            && NewComponents.IsNew(assignment.Value, torch, cancellation);
    }
}
