using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Diagnostics;
using Microsoft.CodeAnalysis.Operations;

namespace ModelGen.Analyzers.Rules.Autograd;

/// <summary>Reports <c>backward()</c> on a loss from a <c>no_grad</c> region.</summary>
[DiagnosticAnalyzer(LanguageNames.CSharp)]
internal sealed class MG3008_LossWithoutGraph() : TorchAnalyzer(Rule)
{
    internal static readonly DiagnosticDescriptor Rule = new(
        RuleIds.LossWithoutGraph,
        "backward() of a loss that was computed without gradients",
        "backward() throws here: '{0}' was computed while gradients were switched off by '{1}'",
        RuleCategories.Autograd,
        DiagnosticSeverity.Error,
        isEnabledByDefault: true,
        "Under no_grad() and inference_mode() no graph is recorded, so that there is nothing to go backward through.",
        RuleIds.HelpLink(RuleIds.LossWithoutGraph));

    protected override void Register(RuleContext context, TorchSharpContext torch) =>
        context.OnOperations(
            operation =>
            {
                var backward = (IInvocationOperation)operation.Operation;
                if (torch.IsBackward(backward.TargetMethod) && backward.Instance is { } loss
                    && Definition(loss) is { } definition && IsComputed(definition, torch)
                    && TrainingFacts.RegionsWithoutGradients(definition.EnclosingFunction(), torch).Contains(definition)
                    && !SwitchesOn(backward.Root(), torch))
                {
                    operation.ReportDiagnostic(Diagnostic.Create(Rule, backward.Syntax.GetLocation(), loss.Syntax, ModeName(definition, torch)));
                }
            },
            calls: ["backward"],
            inCallersOf: ["no_grad", "inference_mode"]);

    /// <summary>What computes the loss: the receiver itself, or the one value that is ever written to its local.</summary>
    private static IOperation? Definition(IOperation loss)
    {
        if (loss.Unwrap() is not ILocalReferenceOperation { Local: { } local })
        {
            return loss.Unwrap();
        }

        List<IOperation> operations = [.. loss.Root().Descendants()];
        List<IOperation> values =
        [
            .. operations.OfType<IVariableDeclaratorOperation>().Where(declarator => SymbolEqualityComparer.Default.Equals(declarator.Symbol, local))
                .Select(declarator => declarator.GetVariableInitializer()?.Value.Unwrap()).OfType<IOperation>().Where(value => value.ConstantValue is not { HasValue: true, Value: null }),
            .. operations.OfType<ISimpleAssignmentOperation>().Where(assignment => assignment.Target.Names(local)).Select(assignment => assignment.Value.Unwrap()),
        ];
        int writes = operations.Count(operation => LocalValues.Writes(operation, local));
        int initial = values.Count - operations.OfType<ISimpleAssignmentOperation>().Count(assignment => assignment.Target.Names(local));
        return values.Count == 1 && writes + initial == 1 ? values[0] : null;
    }

    /// <summary>The result of an operation on other tensors; a factory may make a leaf that requires gradients all the same.</summary>
    private static bool IsComputed(IOperation value, TorchSharpContext torch) => value switch
    {
        IBinaryOperation { OperatorMethod: { } method } => torch.Owns(method),
        IUnaryOperation { OperatorMethod: { } method } => torch.Owns(method),
        IInvocationOperation call => torch.Owns(call.TargetMethod) && TensorCalls.Of(call, torch) is { Name: not ("requires_grad_" or "with_requires_grad") } && !TensorOrigins.IsInPlace(call.TargetMethod),
        _ => false,
    };

    private static bool SwitchesOn(IOperation root, TorchSharpContext torch) =>
        root.DescendantsAndSelf().OfType<IInvocationOperation>().Any(call => call.TargetMethod.Name is "enable_grad" or "set_grad_enabled" && torch.IsGradMode(call.TargetMethod));

    private static string ModeName(IOperation definition, TorchSharpContext torch) =>
        definition.Root().DescendantsAndSelf().OfType<IInvocationOperation>().First(call => call.TargetMethod.Name is "no_grad" or "inference_mode" && torch.IsGradMode(call.TargetMethod)).TargetMethod.Name;
}
