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

    private static readonly string[] s_registering = ["register_module", "add_module", "register_parameter"];

    protected override void Register(RuleContext context, TorchSharpContext torch) =>
        context.OnMembers((block, member) =>
        {
            foreach (ComponentAssignment assignment in ComponentAssignments.In(member, torch))
            {
                if (torch.IsUserModule(assignment.Component.ContainingType)
                    && IsKept(assignment.Target, block.CancellationToken)
                    && (assignment.Target.Instance is IInstanceReferenceOperation { ReferenceKind: InstanceReferenceKind.ContainingTypeInstance }
                        ? RunsAfterRegistration(block.OwningSymbol, torch, block.CancellationToken)
                        : !member.CallsAny(s_registering) && IsRegistered(assignment.Component.ContainingType, torch, block.CancellationToken))
                    && NewComponents.IsNew(assignment.Value, torch, block.CancellationToken)
                    && !RegistrationFacts.RegistersByHand(assignment.Component.ContainingType, assignment.Component, block.CancellationToken))
                {
                    block.ReportDiagnostic(Diagnostic.Create(Rule, assignment.Location, assignment.Component.Name));
                }
            }
        });

    /// <summary>A method of the class that no constructor reaches; overrides and virtual methods may be called by a base class before.</summary>
    private static bool RunsAfterRegistration(ISymbol member, TorchSharpContext torch, CancellationToken cancellation) =>
        member is IMethodSymbol { MethodKind: MethodKind.Ordinary or MethodKind.PropertySet, IsStatic: false, IsVirtual: false, ContainingType: { } type } method
        && torch.IsUserModule(type)
        && (!method.IsOverride || method.Name == "forward")
        && IsRegistered(type, torch, cancellation)
        && !RegistrationFacts.MayRunInConstructor(method, type, cancellation);

    /// <summary>True when an object of the class has registered its components as soon as it exists.</summary>
    private static bool IsRegistered(INamedTypeSymbol type, TorchSharpContext torch, CancellationToken cancellation) =>
        RegistrationFacts.RegistersInEveryConstructor(type.OriginalDefinition, cancellation) || RegistrationFacts.RegisteringBase(type, torch, cancellation) is not null;

    /// <summary>A field, or a property that keeps its value: an auto-property, or one whose setter assigns the value itself.</summary>
    private static bool IsKept(IMemberReferenceOperation target, CancellationToken cancellation) =>
        target is not IPropertyReferenceOperation { Property: { } property }
        || property.SetMethod?.DeclaringSyntaxReferences is not [{ } reference]
        || reference.GetSyntax(cancellation) is not AccessorDeclarationSyntax { Body: var body, ExpressionBody: var arrow } accessor
        || (body is null && arrow is null)
        || accessor.DescendantNodes().OfType<AssignmentExpressionSyntax>().Any(assignment => assignment.Right is IdentifierNameSyntax { Identifier.ValueText: "value" });
}
