using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Diagnostics;
using Microsoft.CodeAnalysis.Operations;

namespace ModelGen.Analyzers.Rules.Modules;

/// <summary>Reports <c>Parameter(torch.randn(n, requires_grad: true) * 0.01)</c>.</summary>
[DiagnosticAnalyzer(LanguageNames.CSharp)]
internal sealed class MG4018_ParameterOfNonLeaf() : TorchAnalyzer(Rule)
{
    internal static readonly DiagnosticDescriptor Rule = new(
        RuleIds.ParameterOfNonLeaf,
        "A parameter is made of a tensor that records gradients",
        "The tensor in this Parameter is the result of an operation on '{0}', which requires gradients, so the parameter is not a leaf: its gradient is null and no optimizer trains it; detach the tensor",
        RuleCategories.Modules,
        DiagnosticSeverity.Error,
        isEnabledByDefault: true,
        "Gradients arrive at leaves. A Parameter around the result of a recorded operation is no leaf: the gradient goes to the tensor it was computed from, which nobody knows.",
        RuleIds.HelpLink(RuleIds.ParameterOfNonLeaf));

    protected override void Register(RuleContext context, TorchSharpContext torch) =>
        context.OnOperations(
            operation =>
            {
                if (torch.IsParameterCreation(operation.Operation)
                    && Data(operation.Operation) is { } data
                    && Source(data.Unwrap(), torch) is { } source && source != data.Unwrap()
                    && !operation.Operation.Root().DescendantsAndSelf().OfType<IInvocationOperation>().Any(call => torch.IsGradMode(call.TargetMethod)))
                {
                    operation.ReportDiagnostic(Diagnostic.Create(Rule, data.Syntax.GetLocation(), source.Syntax));
                }
            },
            calls: ["Parameter"],
            kinds: [OperationKind.ObjectCreation]);

    private static IOperation? Data(IOperation creation) =>
        (creation is IInvocationOperation call ? call.Arguments : ((IObjectCreationOperation)creation).Arguments).FirstOrDefault(argument => argument.Parameter?.Ordinal == 0)?.Value;

    /// <summary>The tensor with gradients that recorded operations lead back to.</summary>
    private static IOperation? Source(IOperation value, TorchSharpContext torch)
    {
        if (torch.MakesTrainableLeaf(value) || torch.IsParameter(value.Type))
        {
            return value;
        }

        return value switch
        {
            IBinaryOperation { OperatorMethod: { } method } binary when torch.Owns(method) => Source(binary.LeftOperand.Unwrap(), torch) ?? Source(binary.RightOperand.Unwrap(), torch),
            IUnaryOperation { OperatorMethod: { } method } unary when torch.Owns(method) => Source(unary.Operand.Unwrap(), torch),
            IInvocationOperation call when TensorOrigins.Of(call, torch) == TensorOrigin.New && TensorCalls.Of(call, torch) is { Name: not ("detach" or "alias") } tensorCall && !IsCutting(tensorCall.Name)
                => Source(tensorCall.Input, torch),
            _ => null,
        };
    }

    private static bool IsCutting(string name) =>
        name.EndsWith("_like", StringComparison.Ordinal) || name.StartsWith("new_", StringComparison.Ordinal) || name.StartsWith("arg", StringComparison.Ordinal)
        || name is "eq" or "ne" or "lt" or "le" or "gt" or "ge" or "round" or "floor" or "ceil" or "sign";
}
