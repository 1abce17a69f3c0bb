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
                || !torch.IsUserModule(type)
                || !RegistrationFacts.Mentions(type, ["RegisterComponents"], block.CancellationToken)
                || RegistrationFacts.Mentions(type, ["register_module", "add_module", "register_parameter"], block.CancellationToken))
            {
                return;
            }

            if (RegisteringConstructor(member, type, block.CancellationToken) is { } chained)
            {
                Report(member, chained, block, torch);
                return;
            }

            foreach (IBlockOperation body in block.OperationBlocks.OfType<IBlockOperation>())
            {
                if (RegistrationFacts.FindRegistration(body, torch, block.CancellationToken) is { } registration)
                {
                    Report(member, registration, block, torch);
                }
            }
        });

    /// <summary>The call <c>: this(...)</c> of another constructor of the class that registers.</summary>
    private static IOperation? RegisteringConstructor(MemberCode member, INamedTypeSymbol type, CancellationToken cancellation) =>
        member.CallsOf(".ctor").Cast<IInvocationOperation>().FirstOrDefault(call =>
            SymbolEqualityComparer.Default.Equals(call.TargetMethod.ContainingType, type) && RegistrationFacts.Registers(call.TargetMethod, cancellation));

    private static void Report(MemberCode member, IOperation registration, MemberContext context, TorchSharpContext torch)
    {
        foreach (ComponentAssignment assignment in ComponentAssignments.In(member, torch))
        {
            if (assignment.Assignment.Start() > registration.Start()
                && IsOfThisObject(assignment)
                && !RegistrationFacts.KeepsTheObject(assignment.Value, assignment.Component, torch)
                && assignment.Assignment.EnclosingFunction() is not (IAnonymousFunctionOperation or ILocalFunctionOperation))
            {
                context.ReportDiagnostic(Diagnostic.Create(Rule, assignment.Location, [registration.Syntax.GetLocation()], assignment.Component.Name));
            }
        }

        foreach (IInvocationOperation call in member.Of(OperationKind.Invocation).Cast<IInvocationOperation>())
        {
            if (call.Start() > registration.Start()
                && call is { Parent: IExpressionStatementOperation, Instance: IInstanceReferenceOperation, TargetMethod.MethodKind: MethodKind.Ordinary }
                && SetByHelper(call, torch, context.CancellationToken) is { } component)
            {
                context.ReportDiagnostic(Diagnostic.Create(Rule, call.Syntax.GetLocation(), [registration.Syntax.GetLocation()], component.Name));
            }
        }
    }

    /// <summary>A component that a method of the same class makes.</summary>
    private static ISymbol? SetByHelper(IInvocationOperation call, TorchSharpContext torch, CancellationToken cancellation) =>
        !torch.Owns(call.TargetMethod) && MethodCode.BodyOf(call.TargetMethod, call, cancellation) is { } body
            ? ComponentAssignments.In(body, torch)
                .FirstOrDefault(assignment => IsOfThisObject(assignment) && assignment.Assignment.EnclosingFunction() == body && NewComponents.IsNew(assignment.Value, torch, cancellation)).Component
            : null;

    private static bool IsOfThisObject(in ComponentAssignment assignment) => assignment.Target.Instance is IInstanceReferenceOperation { ReferenceKind: InstanceReferenceKind.ContainingTypeInstance };
}
