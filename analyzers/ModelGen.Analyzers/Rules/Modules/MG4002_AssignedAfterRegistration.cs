using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Diagnostics;
using Microsoft.CodeAnalysis.Operations;

namespace ModelGen.Analyzers.Rules.Modules;

/// <summary>Reports a layer or parameter field that the constructor assigns after it has called <c>RegisterComponents()</c>.</summary>
[DiagnosticAnalyzer(LanguageNames.CSharp)]
internal sealed class MG4002_AssignedAfterRegistration() : TorchAnalyzer(Rule)
{
    internal static readonly DiagnosticDescriptor Rule = new(
        RuleIds.AssignedAfterRegistration,
        "A component is assigned after registration",
        "'{0}' is assigned after RegisterComponents(), so the new value is not trained, moved or saved; call RegisterComponents() after the last assignment",
        RuleCategories.Modules,
        DiagnosticSeverity.Error,
        isEnabledByDefault: true,
        "RegisterComponents() registers what the fields hold at that moment, and a second call does nothing. A field that is still null is never registered; a field that is assigned again keeps its old layer in the registry while forward uses the new one.",
        RuleIds.HelpLink(RuleIds.AssignedAfterRegistration));

    protected override void Register(RuleContext context, TorchSharpContext torch) =>
        context.OnMembers((block, member) =>
        {
            if (block.OwningSymbol is not IMethodSymbol { MethodKind: MethodKind.Constructor, ContainingType: { } type }
                || !torch.IsUserModule(type))
            {
                return;
            }

            foreach (IBlockOperation body in block.OperationBlocks.OfType<IBlockOperation>())
            {
                if (RegistrationFacts.FindRegistration(body, torch) is { } registration)
                {
                    Report(member, registration, type, block, torch);
                }
            }
        },
        inCallersOf: ["RegisterComponents"]);

    private static void Report(MemberCode member, IOperation registration, INamedTypeSymbol type, MemberContext context, TorchSharpContext torch)
    {
        foreach (ISimpleAssignmentOperation assignment in member.Of(OperationKind.SimpleAssignment))
        {
            if (assignment.Start() > registration.Start()
                && assignment.Target.Unwrap() is IMemberReferenceOperation { Instance: IInstanceReferenceOperation, Member: { IsStatic: false } component } target
                && target is IFieldReferenceOperation or IPropertyReferenceOperation { Property.IsIndexer: false }
                && (torch.IsModule(target.Type) || torch.IsParameter(target.Type))
                && !RegistrationFacts.KeepsTheObject(assignment.Value, component, torch)
                && assignment.EnclosingFunction() is not (IAnonymousFunctionOperation or ILocalFunctionOperation)
                && !RegistrationFacts.Mentions(type, ["register_module", "add_module", "register_parameter"], context.CancellationToken))
            {
                context.ReportDiagnostic(Diagnostic.Create(Rule, assignment.Syntax.GetLocation(), [registration.Syntax.GetLocation()], component.Name));
            }
        }
    }
}
