using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Diagnostics;
using Microsoft.CodeAnalysis.Operations;

namespace ModelGen.Analyzers.Rules.Autograd;

/// <summary>Reports <c>w = w - lr * w.grad</c> in a training loop.</summary>
[DiagnosticAnalyzer(LanguageNames.CSharp)]
internal sealed class MG3014_LeafReplacedByUpdate() : TorchAnalyzer(Rule)
{
    internal static readonly DiagnosticDescriptor Rule = new(
        RuleIds.LeafReplacedByUpdate,
        "An update by hand replaces the leaf",
        "'{0}' becomes the result of an operation here, so the next backward pass finds no leaf and '{0}.grad' is null; write '{0}.sub_(...)' under 'torch.no_grad()'",
        RuleCategories.Autograd,
        DiagnosticSeverity.Error,
        isEnabledByDefault: true,
        "Gradients arrive at leaves. After w = w - lr * w.grad, w is the result of an operation, and the tensor that was the leaf is gone.",
        RuleIds.HelpLink(RuleIds.LeafReplacedByUpdate));

    protected override void Register(RuleContext context, TorchSharpContext torch) =>
        context.OnOperations(
            operation =>
            {
                var assignment = (IAssignmentOperation)operation.Operation;
                if (assignment.Target.NamedVariable() is { } variable && torch.IsTensor(assignment.Target.Type)
                    && IsArithmetic(assignment, torch)
                    && assignment.Value.DescendantsAndSelf().Any(part => IsGradientOf(part, variable, torch))
                    && assignment.InnermostLoop() is { } loop
                    && loop.Body.Descendants().OfType<IInvocationOperation>().Any(call => call.TargetMethod.Name == "backward" && torch.IsBackward(call.TargetMethod) && call.InnermostLoop() == loop)
                    && !MakesLeafAgain(loop, variable, torch))
                {
                    operation.ReportDiagnostic(Diagnostic.Create(Rule, assignment.Syntax.GetLocation(), variable.Name));
                }
            },
            kinds: [OperationKind.SimpleAssignment, OperationKind.CompoundAssignment],
            inCallersOf: ["backward"]);

    private static bool IsArithmetic(IAssignmentOperation assignment, TorchSharpContext torch) => assignment switch
    {
        ICompoundAssignmentOperation { OperatorMethod: { } method } => torch.Owns(method),
        ISimpleAssignmentOperation => assignment.Value.Unwrap() is IBinaryOperation { OperatorMethod: { } method } && torch.Owns(method)
            || TensorCalls.Of(assignment.Value, torch) is { Name: "sub" or "add" or "addcmul" or "addcdiv" or "mul" },
        _ => false,
    };

    private static bool IsGradientOf(IOperation part, ISymbol variable, TorchSharpContext torch) =>
        part is IPropertyReferenceOperation { Property: { Name: "grad" } property, Instance: { } instance } && torch.Owns(property) && instance.Names(variable);

    /// <summary>True when the loop makes the variable a leaf again, or sets it to something else as well.</summary>
    private static bool MakesLeafAgain(ILoopOperation loop, ISymbol variable, TorchSharpContext torch) =>
        loop.Body.Descendants().Any(part => part switch
        {
            IPropertyReferenceOperation { Property.Name: "requires_grad", Instance: { } instance } => instance.Names(variable),
            IInvocationOperation { TargetMethod.Name: "requires_grad_" or "with_requires_grad" or "retain_grad" or "detach_" } call => call.Instance.Names(variable),
            ISimpleAssignmentOperation other => other.Target.Names(variable) && !IsArithmetic(other, torch),
            _ => false,
        });
}
