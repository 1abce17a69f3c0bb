using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Microsoft.CodeAnalysis.Diagnostics;
using Microsoft.CodeAnalysis.Operations;

namespace ModelGen.Analyzers.Rules.Autograd;

/// <summary>Reports a loop with <c>backward()</c> and <c>optimizer.step()</c> in which nothing clears the gradients.</summary>
[DiagnosticAnalyzer(LanguageNames.CSharp)]
internal sealed class MG3002_GradientsNeverCleared() : TorchAnalyzer(Rule)
{
    internal static readonly DiagnosticDescriptor Rule = new(
        RuleIds.GradientsNeverCleared,
        "A training loop never clears the gradients",
        "Nothing in this loop clears the gradients, so each step uses the sum of all gradients so far; call '{0}.zero_grad()' before the backward pass",
        RuleCategories.Autograd,
        DiagnosticSeverity.Warning,
        isEnabledByDefault: true,
        "backward() adds to the gradients that are there already. Without zero_grad() every step is taken with the gradients of all earlier batches added in.",
        RuleIds.HelpLink(RuleIds.GradientsNeverCleared));

    protected override void Register(RuleContext context, TorchSharpContext torch) =>
        context.OnOperations(
            operation =>
            {
                var loop = (ILoopOperation)operation.Operation;
                if (!operation.Member.CallsAny("step") || operation.Member.CallsAny("zero_grad"))
                {
                    return;
                }

                List<IInvocationOperation> calls = [.. loop.Body.Descendants().OfType<IInvocationOperation>()];
                if (calls.FirstOrDefault(call => IsStep(call, torch)) is { Instance: { } optimizer } step
                    && InnermostLoop(step) == loop
                    && calls.FirstOrDefault(call => call.TargetMethod.Name == "backward" && torch.IsBackward(call.TargetMethod) && InnermostLoop(call) == loop) is { } backward
                    && optimizer.NamedVariable() is not null
                    && !MayClear(optimizer.Root(), operation.CancellationToken))
                {
                    operation.ReportDiagnostic(Diagnostic.Create(
                        Rule, backward.Syntax.GetLocation(), [optimizer.Syntax.GetLocation()], optimizer.Syntax.ToString()));
                }
            },
            kinds: [OperationKind.Loop],
            inCallersOf: ["backward"]);

    private static bool IsStep(IInvocationOperation call, TorchSharpContext torch) =>
        call is { TargetMethod.Name: "step", Arguments: var arguments } && torch.IsOptimizer(call.Instance?.Type) && arguments.All(argument => argument.IsImplicit);

    private static ILoopOperation? InnermostLoop(IOperation operation)
    {
        IOperation? current = operation.Parent;
        while (current is not (null or ILoopOperation or IAnonymousFunctionOperation or ILocalFunctionOperation))
        {
            current = current.Parent;
        }

        return current as ILoopOperation;
    }

    /// <summary>
    /// True when the member mentions a way to clear gradients, or calls code that might: a method whose source mentions one,
    /// or one of another assembly (not TorchSharp's, not the framework's).
    /// </summary>
    private static bool MayClear(IOperation member, CancellationToken cancellation) =>
        MentionsClearing(member.Syntax)
        || member.Descendants().OfType<IInvocationOperation>().Any(call =>
            call.TargetMethod.DeclaringSyntaxReferences.Any(reference => MentionsClearing(reference.GetSyntax(cancellation)))
            || (call.TargetMethod.DeclaringSyntaxReferences.IsEmpty && !IsKnown(call.TargetMethod)));

    private static bool MentionsClearing(SyntaxNode node) =>
        node.DescendantNodes().OfType<SimpleNameSyntax>().Any(name => name.Identifier.ValueText is "zero_grad" or "grad" or "set_to_none" or "zero_");

    private static bool IsKnown(IMethodSymbol method) =>
        method.ContainingAssembly?.Name is { } name
        && (name == "TorchSharp" || name.StartsWith("System.", StringComparison.Ordinal) || name is "mscorlib" or "netstandard" or "System");
}
