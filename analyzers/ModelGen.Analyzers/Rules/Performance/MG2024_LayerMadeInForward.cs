using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Diagnostics;
using Microsoft.CodeAnalysis.Operations;

namespace ModelGen.Analyzers.Rules.Performance;

/// <summary>Reports a layer with weights that is made in <c>forward</c> and used only there.</summary>
[DiagnosticAnalyzer(LanguageNames.CSharp)]
internal sealed class MG2024_LayerMadeInForward() : TorchAnalyzer(Rule)
{
    internal static readonly DiagnosticDescriptor Rule = new(
        RuleIds.LayerMadeInForward,
        "A layer is made in forward",
        "This '{0}' gets new random weights at every call and is never trained; make it in the constructor and keep it in a field",
        RuleCategories.Performance,
        DiagnosticSeverity.Error,
        isEnabledByDefault: true,
        "A layer that forward makes is initialized anew at every call and is not registered: its weights cannot be trained, moved or saved.",
        RuleIds.HelpLink(RuleIds.LayerMadeInForward));

    protected override void Register(RuleContext context, TorchSharpContext torch) =>
        context.OnMembers((block, member) =>
        {
            if (!member.IsMethod("forward")
                || block.OwningSymbol is not IMethodSymbol { Name: "forward", IsOverride: true } || !torch.IsUserModule(block.OwningSymbol.ContainingType))
            {
                return;
            }

            foreach (IOperation operation in member.TorchCalls.Concat(member.Of(OperationKind.ObjectCreation)))
            {
                if (IsCreation(operation, torch) && LayerFacts.HasWeights(operation.Type as INamedTypeSymbol, torch) && !MayBeKept(operation))
                {
                    block.ReportDiagnostic(Diagnostic.Create(Rule, operation.Syntax.GetLocation(), operation.Type!.Name));
                }
            }
        });

    private static bool IsCreation(IOperation operation, TorchSharpContext torch) => operation switch
    {
        IObjectCreationOperation => torch.IsModule(operation.Type),
        IInvocationOperation call => torch.Owns(call.TargetMethod) && call.TargetMethod is { IsStatic: true, IsExtensionMethod: false }
            && torch.IsModule(call.Type) && call.TargetMethod.Name == call.Type!.Name,
        _ => false,
    };

    /// <summary>True when the layer goes to a field, to other code, or into a local that does, or whose weights are set.</summary>
    private static bool MayBeKept(IOperation creation) => creation.MeaningfulParent() switch
    {
        IInvocationOperation => false,
        IExpressionStatementOperation => false,
        IVariableInitializerOperation { Parent: IVariableDeclaratorOperation { Symbol: { } local } } =>
            creation.Root().Descendants().OfType<ILocalReferenceOperation>().Any(reference =>
                SymbolEqualityComparer.Default.Equals(reference.Local, local)
                && reference.MeaningfulParent() is not IInvocationOperation { TargetMethod.Name: "forward" or "call" or "Dispose" }),
        _ => true,
    };
}
