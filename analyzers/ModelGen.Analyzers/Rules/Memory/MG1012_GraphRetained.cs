using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Diagnostics;
using Microsoft.CodeAnalysis.Operations;

namespace ModelGen.Analyzers.Rules.Memory;

/// <summary>Reports <c>backward(retain_graph: true)</c> in a loop with one backward pass a turn over a graph that is made anew at each turn.</summary>
[DiagnosticAnalyzer(LanguageNames.CSharp)]
internal sealed class MG1012_GraphRetained() : TorchAnalyzer(Rule)
{
    internal static readonly DiagnosticDescriptor Rule = new(
        RuleIds.GraphRetained,
        "The graph is retained although only one backward pass uses it",
        "Nothing goes back through this graph a second time, so 'retain_graph' only keeps its tensors in memory; remove it",
        RuleCategories.Memory,
        DiagnosticSeverity.Warning,
        isEnabledByDefault: true,
        "backward frees what the operations saved for it. With retain_graph that memory stays until the last tensor of the graph is disposed, and a second pass that needs it never comes.",
        RuleIds.HelpLink(RuleIds.GraphRetained));

    protected override void Register(RuleContext context, TorchSharpContext torch) =>
        context.OnOperations(
            operation =>
            {
                var call = (IInvocationOperation)operation.Operation;
                if (call.TargetMethod.Name == "backward" && torch.IsTensor(call.TargetMethod.ContainingType) && call.Given("retain_graph").IsConstant(true)
                    && call.Given("create_graph") is null && call.TrainingLoop(torch) is { } loop && call.EnclosingLoop() == loop && IsUsedOnce(call, loop, torch))
                {
                    operation.ReportDiagnostic(Diagnostic.Create(Rule, call.Syntax.GetLocation()));
                }
            },
            calls: ["backward"]);

    private static bool IsUsedOnce(IInvocationOperation backward, ILoopOperation loop, TorchSharpContext torch)
    {
        foreach (IOperation operation in backward.EnclosingFunction().Descendants())
        {
            bool mayNeedGraph = operation switch
            {
                IInvocationOperation other => other != backward && torch.IsBackward(other.TargetMethod),
                IAnonymousFunctionOperation or ILocalFunctionOperation => true,
                ILocalReferenceOperation { Local: { } local } => loop.Syntax.Span.Contains(operation.Syntax.Span) && MayCarryGraph(local, local.Type, loop, torch),
                IParameterReferenceOperation { Parameter: { } parameter } => loop.Syntax.Span.Contains(operation.Syntax.Span) && MayCarryGraph(parameter, parameter.Type, loop, torch),
                IFieldReferenceOperation { Field: { } field } => loop.Syntax.Span.Contains(operation.Syntax.Span) && MayCarryGraph(field, field.Type, loop, torch),
                _ => false,
            };
            if (mayNeedGraph)
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>A tensor from outside the loop may be part of a graph that is made before it; one that a factory of torch's made is not.</summary>
    private static bool MayCarryGraph(ISymbol variable, ITypeSymbol type, ILoopOperation loop, TorchSharpContext torch) =>
        (torch.IsTensor(type) || IsCollectionOfTensors(type, torch))
        && !variable.IsDeclaredIn(loop)
        && !(variable is ILocalSymbol local && local.OnlyValue(loop) is IInvocationOperation made && torch.IsTorchFunction(made.TargetMethod) && made.TargetMethod.Parameters.Any(parameter => parameter.Name == "requires_grad"));

    private static bool IsCollectionOfTensors(ITypeSymbol type, TorchSharpContext torch) => type switch
    {
        IArrayTypeSymbol array => torch.IsTensor(array.ElementType),
        INamedTypeSymbol { IsGenericType: true } named => !torch.Owns(named) && named.TypeArguments.Any(argument => torch.IsTensor(argument) || argument.IsTupleType),
        _ => false,
    };
}
