using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Diagnostics;
using Microsoft.CodeAnalysis.Operations;

namespace ModelGen.Analyzers.Rules.Performance;

/// <summary>Reports <c>to(device, non_blocking: true)</c> of a tensor that is made by a factory in sight and never pinned.</summary>
[DiagnosticAnalyzer(LanguageNames.CSharp)]
internal sealed class MG2014_NonBlockingWithoutPinning() : TorchAnalyzer(Rule)
{
    internal static readonly DiagnosticDescriptor Rule = new(
        RuleIds.NonBlockingWithoutPinning,
        "A non-blocking copy is made from memory that is not pinned",
        "'non_blocking' has no effect here: the tensor is in pageable memory, so the copy blocks all the same; call 'pin_memory()' on it first",
        RuleCategories.Performance,
        DiagnosticSeverity.Info,
        isEnabledByDefault: true,
        "The GPU can fetch data by itself only from pinned memory. From any other memory the copy goes through a staging buffer and the host waits.",
        RuleIds.HelpLink(RuleIds.NonBlockingWithoutPinning));

    protected override void Register(RuleContext context, TorchSharpContext torch) =>
        context.OnOperations(
            operation =>
            {
                var move = (IInvocationOperation)operation.Operation;
                if (move.TargetMethod.Name is "to" or "cuda" && torch.IsTensorMethod(move.TargetMethod) && move.Given("non_blocking").IsConstant(true)
                    && move.TargetMethod.Parameters[0].Type.Name != "Tensor" && Origin(move.Instance?.Unwrap()) is { } made && IsPageable(made, torch))
                {
                    operation.ReportDiagnostic(Diagnostic.Create(Rule, move.Syntax.GetLocation()));
                }
            },
            calls: ["to", "cuda"]);

    private static IInvocationOperation? Origin(IOperation? tensor) => tensor switch
    {
        IInvocationOperation call => call,
        ILocalReferenceOperation { Local: { } local } => local.OnlyValue(tensor) as IInvocationOperation,
        _ => null,
    };

    private static bool IsPageable(IInvocationOperation made, TorchSharpContext torch) =>
        torch.IsTorchFunction(made.TargetMethod) && made.TargetMethod.Parameters.Any(parameter => parameter.Name == "device")
        && made.Given("device") is null && made.Given("pin_memory") is null;
}
