using System.Collections.Immutable;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Diagnostics;
using Microsoft.CodeAnalysis.FlowAnalysis;
using Microsoft.CodeAnalysis.Operations;
using Microsoft.CodeAnalysis.Text;

namespace ModelGen.Analyzers.Rules.Memory;

/// <summary>Reports a tensor that is returned although a dispose scope of the same function disposes it on the way out.</summary>
[DiagnosticAnalyzer(LanguageNames.CSharp)]
internal sealed class MG1006_TensorReturnedFromScope() : TorchAnalyzer(Rule)
{
    internal static readonly DiagnosticDescriptor Rule = new(
        RuleIds.TensorReturnedFromScope,
        "A tensor is returned from the dispose scope that owns it",
        "This tensor is made inside a dispose scope that ends with this return, so the caller gets a disposed tensor; return '{0}.MoveToOuterDisposeScope()'",
        RuleCategories.Memory,
        DiagnosticSeverity.Error,
        isEnabledByDefault: true,
        "A dispose scope disposes every tensor made while it was open, the returned one included, unless the tensor is moved to the outer scope or detached.",
        RuleIds.HelpLink(RuleIds.TensorReturnedFromScope));

    protected override void Register(CompilationStartAnalysisContext context, TorchSharpContext torch) =>
        context.RegisterOperationBlockAction(block =>
        {
            foreach (IOperation body in block.OperationBlocks)
            {
                if (ScopeRegions.Calls(body, torch.IsNewDisposeScope))
                {
                    Analyze(block.GetControlFlowGraph(body), block, torch);
                }
            }
        });

    private static void Analyze(ControlFlowGraph graph, OperationBlockAnalysisContext context, TorchSharpContext torch)
    {
        ImmutableArray<TextSpan> scopes = ScopeRegions.Find(graph.OriginalOperation, resource => AlwaysOpens(resource, torch));
        if (!scopes.IsEmpty)
        {
            foreach (IOperation returned in ScopeOwnershipFlow.FindReturned(graph, scopes, FindUntracked(graph.OriginalOperation), torch))
            {
                context.ReportDiagnostic(Diagnostic.Create(Rule, returned.Syntax.GetLocation(), Describe(returned)));
            }
        }

        foreach (IMethodSymbol function in graph.LocalFunctions)
        {
            Analyze(graph.GetLocalFunctionControlFlowGraph(function, context.CancellationToken), context, torch);
        }

        foreach (IFlowAnonymousFunctionOperation lambda in FindLambdas(graph))
        {
            Analyze(graph.GetAnonymousFunctionControlFlowGraph(lambda, context.CancellationToken), context, torch);
        }
    }

    /// <summary>False for a scope that is opened only on a condition: the return may well be on the other branch of the same condition.</summary>
    private static bool AlwaysOpens(IOperation resource, TorchSharpContext torch) =>
        ScopeRegions.Calls(resource, torch.IsNewDisposeScope)
        && !resource.DescendantsAndSelf().Any(operation => operation is IConditionalOperation or ICoalesceOperation or ISwitchExpressionOperation);

    private static IEnumerable<IFlowAnonymousFunctionOperation> FindLambdas(ControlFlowGraph graph) =>
        graph.Blocks
            .SelectMany(block => block.BranchValue is { } value ? block.Operations.Add(value) : block.Operations)
            .SelectMany(operation => operation.DescendantsAndSelf())
            .OfType<IFlowAnonymousFunctionOperation>();

    /// <summary>Locals that a nested function mentions (it may run at any time) and locals that a using of their own disposes.</summary>
    private static ImmutableHashSet<ILocalSymbol> FindUntracked(IOperation function)
    {
        ImmutableHashSet<ILocalSymbol>.Builder untracked = ImmutableHashSet.CreateBuilder<ILocalSymbol>(SymbolEqualityComparer.Default);
        foreach (IOperation operation in function.Descendants())
        {
            if (operation is IAnonymousFunctionOperation or ILocalFunctionOperation)
            {
                untracked.UnionWith(operation.Descendants().OfType<ILocalReferenceOperation>().Select(reference => reference.Local));
            }
            else if (operation is IVariableDeclaratorOperation { Symbol: { } local } && (local.IsUsing || local.IsRef))
            {
                untracked.Add(local);
            }
        }

        return untracked.ToImmutable();
    }

    private static string Describe(IOperation returned)
    {
        string text = returned.Syntax.ToString();
        return returned.Unwrap() is ILocalReferenceOperation or IInvocationOperation && text.Length <= 40 ? text : "(...)";
    }
}
