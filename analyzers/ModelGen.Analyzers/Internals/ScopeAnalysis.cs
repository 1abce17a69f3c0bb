using System.Collections.Immutable;
using System.Runtime.CompilerServices;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.FlowAnalysis;
using Microsoft.CodeAnalysis.Operations;
using Microsoft.CodeAnalysis.Text;

namespace ModelGen.Analyzers;

/// <summary>
/// The findings of <see cref="ScopeOwnershipFlow"/> for a member and for each local function and lambda in it; computed once and shared by the
/// rules that ask.
/// </summary>
internal static class ScopeAnalysis
{
    private static readonly ConditionalWeakTable<IOperation, IReadOnlyList<(IOperation Function, ScopeFindings Findings)>> s_known = new();

    /// <summary>The findings of the functions of one operation block that open dispose scopes.</summary>
    public static IReadOnlyList<(IOperation Function, ScopeFindings Findings)> Find(IOperation body, MemberContext context, TorchSharpContext torch) =>
        context.Member.CallsAny("NewDisposeScope")
            ? s_known.GetValue(body, key => ScopeEscapes.MayHappen(context.Member, torch) ? [.. ControlFlowGraphs.Of(key, context).Select(graph => (graph.OriginalOperation, Analyze(graph, torch)))] : [])
            : [];

    /// <summary>
    /// Locals that a nested function mentions (it may run at any time), that a using of their own disposes, or that are assigned a value with a
    /// branch in it: the graph assigns those through a capture of the variable.
    /// </summary>
    public static ImmutableHashSet<ILocalSymbol> FindUntracked(IOperation function)
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
            else if (operation is IAssignmentOperation { Target: ILocalReferenceOperation { Local: { } target } } assignment && (assignment is ICoalesceAssignmentOperation || assignment.Value.Branches()))
            {
                untracked.Add(target);
            }
        }

        return untracked.ToImmutable();
    }

    private static ScopeFindings Analyze(ControlFlowGraph graph, TorchSharpContext torch)
    {
        ImmutableArray<TextSpan> scopes = ScopeRegions.Find(graph.OriginalOperation, resource => AlwaysOpens(resource, torch));
        return scopes.IsEmpty ? new ScopeFindings() : ScopeOwnershipFlow.Analyze(graph, scopes, FindUntracked(graph.OriginalOperation), torch);
    }

    /// <summary>False for a scope that is opened only on a condition: the return may well be on the other branch of the same condition.</summary>
    private static bool AlwaysOpens(IOperation resource, TorchSharpContext torch) =>
        ScopeRegions.Calls(resource, torch.IsNewDisposeScope)
        && !resource.DescendantsAndSelf().Any(operation => operation is IConditionalOperation or ICoalesceOperation or ISwitchExpressionOperation);
}

/// <summary>The control-flow graphs of a member and of the functions nested in it.</summary>
internal static class ControlFlowGraphs
{
    public static IEnumerable<ControlFlowGraph> Of(IOperation body, MemberContext context) =>
        WithNested(context.GetControlFlowGraph(body), context.CancellationToken);

    private static IEnumerable<ControlFlowGraph> WithNested(ControlFlowGraph graph, CancellationToken cancellation)
    {
        yield return graph;
        IEnumerable<ControlFlowGraph> nested = graph.LocalFunctions.Select(function => graph.GetLocalFunctionControlFlowGraph(function, cancellation))
            .Concat(Lambdas(graph).Select(lambda => graph.GetAnonymousFunctionControlFlowGraph(lambda, cancellation)));
        foreach (ControlFlowGraph inner in nested.SelectMany(function => WithNested(function, cancellation)))
        {
            yield return inner;
        }
    }

    private static IEnumerable<IFlowAnonymousFunctionOperation> Lambdas(ControlFlowGraph graph) =>
        graph.Blocks
            .SelectMany(block => block.BranchValue is { } value ? block.Operations.Add(value) : block.Operations)
            .SelectMany(operation => operation.DescendantsAndSelf())
            .OfType<IFlowAnonymousFunctionOperation>();
}
