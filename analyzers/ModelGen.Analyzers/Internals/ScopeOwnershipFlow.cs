using System.Collections.Immutable;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.FlowAnalysis;
using Microsoft.CodeAnalysis.Operations;
using Microsoft.CodeAnalysis.Text;

namespace ModelGen.Analyzers;

/// <summary>What one function does with the tensors of its dispose scopes that must not be done.</summary>
internal sealed class ScopeFindings
{
    /// <summary>The returned expressions whose tensor dies with a scope that is open at the <c>return</c>.</summary>
    public List<IOperation> Returned { get; } = [];

    /// <summary>The tensors that are stored, undetached, in a field or added to a collection, with the field or collection.</summary>
    public List<(IOperation Value, ISymbol Variable)> Kept { get; } = [];

    /// <summary>The uses of a local whose tensor died with a scope that is closed there on every path.</summary>
    public List<ILocalReferenceOperation> UsedAfter { get; } = [];
}

/// <summary>
/// Follows tensors through one control-flow graph and finds those that are used beyond the dispose scope of the same function that owns them.
/// </summary>
/// <remarks>
/// Forward may-analysis. Each local holds a set of <see cref="Owner"/> bits; sets are united where paths meet. A value that
/// may have been moved, or that something not understood has touched, is never reported.
/// </remarks>
internal static class ScopeOwnershipFlow
{
    /// <param name="graph">The function's graph.</param>
    /// <param name="scopes">The spans in which the function's own dispose scopes are open; at most 60 are considered.</param>
    /// <param name="untracked">Locals that other functions can change, or that are disposed by a <c>using</c> of their own.</param>
    /// <param name="torch">The TorchSharp symbols.</param>
    public static ScopeFindings Analyze(
        ControlFlowGraph graph, ImmutableArray<TextSpan> scopes, ImmutableHashSet<ILocalSymbol> untracked, TorchSharpContext torch)
    {
        var findings = new ScopeFindings();
        if (scopes.Length > 60)
        {
            return findings;
        }

        OwnershipState?[] entry = ForwardFlow.Solve(
            graph,
            OwnershipState.Empty,
            (block, state) => Transfer(block, state, scopes, untracked, torch, null),
            (known, incoming) => known.Join(incoming));
        foreach (BasicBlock block in graph.Blocks)
        {
            if (entry[block.Ordinal] is { } state)
            {
                Transfer(block, state, scopes, untracked, torch, findings);
            }
        }

        return findings;
    }

    private static OwnershipState Transfer(
        BasicBlock block, OwnershipState state, ImmutableArray<TextSpan> scopes, ImmutableHashSet<ILocalSymbol> untracked, TorchSharpContext torch, ScopeFindings? findings)
    {
        var evaluator = new OwnershipEvaluator(state, scopes, untracked, torch, findings);
        foreach (IOperation operation in block.Operations)
        {
            evaluator.Evaluate(operation);
        }

        if (block.BranchValue is { } value)
        {
            bool returns = block is { FallThroughSuccessor.Semantics: ControlFlowBranchSemantics.Return, ConditionKind: ControlFlowConditionKind.None };
            foreach (IOperation part in returns && value.Unwrap() is ITupleOperation tuple ? tuple.Elements : [value])
            {
                if (Owner.DiesAt(evaluator.Evaluate(part), part, scopes) && returns && torch.IsTensor(part.Unwrap().Type))
                {
                    findings?.Returned.Add(part);
                }
            }
        }

        return evaluator.State;
    }
}

/// <summary>The bits of a value's ownership set. A set without scope bits is nobody's business here.</summary>
internal static class Owner
{
    public const ulong None = 0;

    /// <summary>Moved to another scope, detached, or touched by code that is not understood.</summary>
    public const ulong Released = 1;

    public const ulong Unknown = 2;

    private const int FirstScopeBit = 2;

    public static ulong Scope(int index) => 1UL << (index + FirstScopeBit);

    public static bool IsScoped(ulong owner) => owner >> FirstScopeBit != 0;

    /// <summary>True when some scope owns the value on some path, nothing released it, and all such scopes are still open there.</summary>
    public static bool DiesAt(ulong owner, IOperation place, ImmutableArray<TextSpan> scopes)
    {
        if (!IsScoped(owner) || (owner & Released) != 0)
        {
            return false;
        }

        for (int index = 0; index < scopes.Length; index++)
        {
            if ((owner & Scope(index)) != 0 && !scopes[index].Contains(place.Syntax.Span))
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>True when the value belongs to scopes alone, on every path, and all of them are closed at the place.</summary>
    public static bool IsDeadAt(ulong owner, IOperation place, ImmutableArray<TextSpan> scopes)
    {
        if (!IsScoped(owner) || (owner & (Released | Unknown)) != 0)
        {
            return false;
        }

        for (int index = 0; index < scopes.Length; index++)
        {
            if ((owner & Scope(index)) != 0 && scopes[index].Contains(place.Syntax.Span))
            {
                return false;
            }
        }

        return true;
    }
}
