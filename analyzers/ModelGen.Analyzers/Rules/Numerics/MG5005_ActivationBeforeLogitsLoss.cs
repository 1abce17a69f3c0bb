using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Diagnostics;
using Microsoft.CodeAnalysis.Operations;

namespace ModelGen.Analyzers.Rules.Numerics;

/// <summary>Reports softmax before cross entropy, and sigmoid before the binary cross entropy that takes logits.</summary>
[DiagnosticAnalyzer(LanguageNames.CSharp)]
internal sealed class MG5005_ActivationBeforeLogitsLoss() : TorchAnalyzer(Rule)
{
    internal static readonly DiagnosticDescriptor Rule = new(
        RuleIds.ActivationBeforeLogitsLoss,
        "An activation is applied before a loss that applies it itself",
        "'{0}' applies {1} itself and expects raw scores; pass the input of '{2}' instead",
        RuleCategories.Numerics,
        DiagnosticSeverity.Warning,
        isEnabledByDefault: true,
        "Cross entropy contains log-softmax, and binary cross entropy with logits contains the sigmoid. Applied twice, the activation flattens the gradients: the model learns slowly and its loss cannot reach zero.",
        RuleIds.HelpLink(RuleIds.ActivationBeforeLogitsLoss));

    protected override void Register(RuleContext context, TorchSharpContext torch) =>
        context.OnOperations(
            operation =>
            {
                var loss = (IInvocationOperation)operation.Operation;
                if (Expected(loss, torch) is not { } wanted || loss.Arguments.FirstOrDefault(IsInput) is not { } input)
                {
                    return;
                }

                if (FindActivation(input.Value, wanted, torch) is { } activation)
                {
                    operation.ReportDiagnostic(Diagnostic.Create(
                        Rule, input.Value.Syntax.GetLocation(), [activation.Syntax.GetLocation()], LossName(loss, torch), wanted, ActivationName(activation, torch)));
                }
                else if (input.Value.ValueAt() is IInvocationOperation call && ModelOutput.ActivationOf(call, torch, operation.CancellationToken) is { } last && Contains(wanted, last))
                {
                    operation.ReportDiagnostic(Diagnostic.Create(
                        Rule, input.Value.Syntax.GetLocation(), [call.Syntax.GetLocation()], LossName(loss, torch), wanted, $"{last}' at the end of '{(torch.IsUserModule(call.Instance!.Type) ? call.Instance.Type!.Name : call.Instance.Syntax.ToString())}"));
                }
            },
            calls: ["cross_entropy", "binary_cross_entropy_with_logits", "forward", "call"]);

    private static bool IsInput(IArgumentOperation argument) => argument.Parameter?.Ordinal == 0;

    /// <summary>The activation that a loss contains, or null when the call is no such loss.</summary>
    private static string? Expected(IInvocationOperation loss, TorchSharpContext torch) => LossName(loss, torch) switch
    {
        "cross_entropy" or "CrossEntropyLoss" => "softmax",
        "binary_cross_entropy_with_logits" or "BCEWithLogitsLoss" => "sigmoid",
        _ => null,
    };

    private static string? LossName(IInvocationOperation loss, TorchSharpContext torch) =>
        torch.IsFunctional(loss.TargetMethod) ? loss.TargetMethod.Name
        : torch.IsForward(loss.TargetMethod) && loss.Instance is { } module && torch.Owns(module.Type) ? module.Resolve().Type?.Name
        : null;

    /// <summary>True when the loss that contains the one activation must not get the result of the other.</summary>
    private static bool Contains(string wanted, string activation) => activation == wanted || (wanted == "softmax" && activation == "log_softmax");

    /// <summary>The activation call that makes the value: the value itself, or what its local starts as and is never assigned again.</summary>
    private static IInvocationOperation? FindActivation(IOperation value, string wanted, TorchSharpContext torch)
    {
        value = value.Unwrap();
        if (value is ILocalReferenceOperation { Local: { } local })
        {
            List<IOperation> operations = [.. value.Root().Descendants()];
            bool reassigned = operations.OfType<IAssignmentOperation>().Any(assignment => assignment.Target.Names(local));
            return reassigned
                ? null
                : operations.OfType<IVariableDeclaratorOperation>()
                    .FirstOrDefault(declarator => SymbolEqualityComparer.Default.Equals(declarator.Symbol, local))
                    ?.GetVariableInitializer()?.Value.Unwrap() is IInvocationOperation initial && IsActivation(initial, wanted, torch) ? initial : null;
        }

        return value is IInvocationOperation call && IsActivation(call, wanted, torch) ? call : null;
    }

    private static bool IsActivation(IInvocationOperation call, string wanted, TorchSharpContext torch) =>
        torch.Owns(call.TargetMethod) && ActivationName(call, torch) switch
        {
            "softmax" or "log_softmax" or "Softmax" or "LogSoftmax" => wanted == "softmax",
            "sigmoid" or "Sigmoid" => wanted == "sigmoid",
            _ => false,
        };

    private static string ActivationName(IInvocationOperation call, TorchSharpContext torch) =>
        torch.IsForward(call.TargetMethod) ? call.Instance?.Type?.Name ?? call.TargetMethod.Name : call.TargetMethod.Name;
}
