using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Diagnostics;
using Microsoft.CodeAnalysis.Operations;

namespace ModelGen.Analyzers.Rules.Memory;

/// <summary>Reports a tensor made with <c>requires_grad: true</c> that is only given to models and losses in a function that trains.</summary>
[DiagnosticAnalyzer(LanguageNames.CSharp)]
internal sealed class MG1024_DataRequiresGrad() : TorchAnalyzer(Rule)
{
    internal static readonly DiagnosticDescriptor Rule = new(
        RuleIds.DataRequiresGrad,
        "Gradients are computed for data",
        "'{0}' is only data here, yet its gradient is computed and kept at every backward pass; remove 'requires_grad: true'",
        RuleCategories.Memory,
        DiagnosticSeverity.Warning,
        isEnabledByDefault: true,
        "Parameters require gradients by themselves. For an input, requires_grad makes every backward pass compute and store one more gradient, as large as the input.",
        RuleIds.HelpLink(RuleIds.DataRequiresGrad));

    protected override void Register(RuleContext context, TorchSharpContext torch) =>
        context.OnOperations(
            operation =>
            {
                var call = (IInvocationOperation)operation.Operation;
                if (call.Given("requires_grad") is { } argument && argument.IsConstant(true) && torch.IsTorchFunction(call.TargetMethod)
                    && call.MeaningfulParent() is IVariableInitializerOperation { Parent: IVariableDeclaratorOperation { Symbol: { } local } }
                    && IsOnlyData(local, call.Root(), torch) && Trains(call.EnclosingFunction(), torch))
                {
                    operation.ReportDiagnostic(Diagnostic.Create(Rule, argument.Syntax.Parent!.GetLocation(), local.Name));
                }
            },
            torchCalls: true,
            inCallersOf: ["backward"]);

    /// <summary>Every mention is an argument of a model or of a loss; at least one is. Its <c>grad</c>, lists of leaves and other code are not among them.</summary>
    private static bool IsOnlyData(ILocalSymbol local, IOperation root, TorchSharpContext torch)
    {
        List<IOperation> mentions = [.. root.MentionsOf(local)];
        return mentions.Count > 0 && mentions.All(mention =>
            mention.MeaningfulParent() is IArgumentOperation { Parent: IInvocationOperation call }
            && (torch.IsForward(call.TargetMethod) || torch.IsFunctional(call.TargetMethod)));
    }

    private static bool Trains(IOperation function, TorchSharpContext torch)
    {
        List<IInvocationOperation> calls = [.. function.Descendants().OfType<IInvocationOperation>()];
        return calls.Any(call => torch.IsStep(call.TargetMethod))
            && calls.Any(call => call.TargetMethod.Name == "backward" && torch.IsBackward(call.TargetMethod))
            && !calls.Any(call => call.TargetMethod.Name == "grad" && torch.IsBackward(call.TargetMethod));
    }
}
