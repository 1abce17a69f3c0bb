using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Diagnostics;
using Microsoft.CodeAnalysis.Operations;

namespace ModelGen.Analyzers.Rules.Performance;

/// <summary>Reports <c>total += loss.item()</c> at every turn of a training loop, in a program that mentions CUDA.</summary>
[DiagnosticAnalyzer(LanguageNames.CSharp)]
internal sealed class MG2001_LossReadEveryStep() : TorchAnalyzer(Rule)
{
    internal static readonly DiagnosticDescriptor Rule = new(
        RuleIds.LossReadEveryStep,
        "A number is read from the GPU at every step only to be summed up",
        "Reading '{0}' waits until the GPU has finished the step; add up detached tensors on the device, and read the sum after the loop",
        RuleCategories.Performance,
        DiagnosticSeverity.Warning,
        isEnabledByDefault: true,
        "A GPU works behind the program, as long as nobody asks for a result. Reading a number at every step makes both wait for each other.",
        RuleIds.HelpLink(RuleIds.LossReadEveryStep));

    protected override void Register(RuleContext context, TorchSharpContext torch) =>
        context.OnOperations(
            operation =>
            {
                var sum = (ICompoundAssignmentOperation)operation.Operation;
                if (sum.OperatorKind == BinaryOperatorKind.Add && sum.OperatorMethod is null && FindRead(sum.Value, torch) is { } read
                    && sum.TrainingLoop(torch) is { } loop && sum.RunsEveryTurn(loop) && sum.Target.NamedVariable() is { } total && !total.IsDeclaredIn(loop)
                    && loop.MentionsOf(total).Count() == 1 && !WaitsAnyway(loop, torch) && torch.MentionsCuda)
                {
                    operation.ReportDiagnostic(Diagnostic.Create(Rule, read.Syntax.GetLocation(), HostReads.Tensor(read, torch)!.Syntax.ToString()));
                }
            },
            kinds: [OperationKind.CompoundAssignment],
            inCallersOf: ["backward"]);

    private static IOperation? FindRead(IOperation value, TorchSharpContext torch) =>
        value.DescendantsAndSelf().FirstOrDefault(operation => HostReads.Tensor(operation, torch) is not null);

    /// <summary>True when the loop reads something else at every turn, or clips gradients by their norm, which TorchSharp returns as a number.</summary>
    private static bool WaitsAnyway(ILoopOperation loop, TorchSharpContext torch) => loop.Body.Descendants().Any(operation =>
        operation is IInvocationOperation { TargetMethod.Name: "clip_grad_norm_" }
        || (HostReads.Tensor(operation, torch) is not null && operation.RunsEveryTurn(loop) && !IsSummed(operation)));

    private static bool IsSummed(IOperation read)
    {
        IOperation? current = read.Parent;
        while (current is IConversionOperation or IBinaryOperation { OperatorMethod: null } or IParenthesizedOperation)
        {
            current = current.Parent;
        }

        return current is ICompoundAssignmentOperation;
    }
}
