using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Diagnostics;
using Microsoft.CodeAnalysis.Operations;

namespace ModelGen.Analyzers.Rules.Autograd;

/// <summary>Reports the use of <c>grad</c> on the result of an operation.</summary>
[DiagnosticAnalyzer(LanguageNames.CSharp)]
internal sealed class MG3016_GradientOfNonLeaf() : TorchAnalyzer(Rule)
{
    internal static readonly DiagnosticDescriptor Rule = new(
        RuleIds.GradientOfNonLeaf,
        "The gradient of a tensor that is no leaf",
        "'{0}' is the result of an operation, so '{0}.grad' is null; call '{0}.retain_grad()' before the backward pass, or read the gradient of the leaf",
        RuleCategories.Autograd,
        DiagnosticSeverity.Warning,
        isEnabledByDefault: true,
        "Autograd stores gradients at leaves only, unless retain_grad() was called.",
        RuleIds.HelpLink(RuleIds.GradientOfNonLeaf));

    protected override void Register(RuleContext context, TorchSharpContext torch) =>
        context.OnOperations(
            operation =>
            {
                var gradient = (IPropertyReferenceOperation)operation.Operation;
                if (gradient.Property.Name == "grad" && torch.Owns(gradient.Property) && torch.IsTensor(gradient.Property.ContainingType)
                    && gradient.Instance?.Unwrap() is ILocalReferenceOperation { Local: { } local }
                    && !IsWrittenTo(gradient)
                    && LocalValues.InitialValue(local, gradient.Root()) is { } value && IsResult(value.Unwrap(), torch)
                    && !gradient.Root().Descendants().Any(part => part is IInvocationOperation { TargetMethod.Name: "retain_grad" or "requires_grad_" or "with_requires_grad" } call && call.Instance.Names(local))
                    && gradient.Root().Descendants().OfType<IInvocationOperation>().Any(call => torch.IsBackward(call.TargetMethod)))
                {
                    operation.ReportDiagnostic(Diagnostic.Create(Rule, gradient.Syntax.GetLocation(), local.Name));
                }
            },
            kinds: [OperationKind.PropertyReference],
            inCallersOf: ["backward", "grad"]);

    private static bool IsWrittenTo(IPropertyReferenceOperation gradient) =>
        gradient.Parent is IAssignmentOperation assignment && assignment.Target == gradient;

    /// <summary>The result of arithmetic, or of a function that always makes a new tensor out of another.</summary>
    private static bool IsResult(IOperation value, TorchSharpContext torch) => value switch
    {
        IBinaryOperation { OperatorMethod: { } method } => torch.Owns(method),
        IUnaryOperation { OperatorMethod: { } method } => torch.Owns(method),
        IInvocationOperation call => TensorOrigins.Of(call, torch) == TensorOrigin.New && TensorCalls.Of(call, torch) is { Name: not ("detach" or "alias") } && !torch.IsFactory(call)
            && !call.TargetMethod.Name.EndsWith("_like", StringComparison.Ordinal) && !call.TargetMethod.Name.StartsWith("new_", StringComparison.Ordinal),
        _ => false,
    };
}
