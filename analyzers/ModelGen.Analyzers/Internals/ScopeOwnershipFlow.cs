using System.Collections.Immutable;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.FlowAnalysis;
using Microsoft.CodeAnalysis.Operations;
using Microsoft.CodeAnalysis.Text;

namespace ModelGen.Analyzers;

/// <summary>
/// Follows tensors through one control-flow graph and finds the returned ones that a dispose scope of the same function owns.
/// </summary>
/// <remarks>
/// Forward may-analysis. Each local holds a set of <see cref="Owner"/> bits; sets are united where paths meet. A value that
/// may have been moved, or that something not understood has touched, is never reported.
/// </remarks>
internal sealed class ScopeOwnershipFlow
{
    private readonly ControlFlowGraph _graph;
    private readonly ImmutableArray<TextSpan> _scopes;
    private readonly TorchSharpContext _torch;
    private readonly ImmutableHashSet<ILocalSymbol> _untracked;

    private ScopeOwnershipFlow(ControlFlowGraph graph, ImmutableArray<TextSpan> scopes, ImmutableHashSet<ILocalSymbol> untracked, TorchSharpContext torch)
    {
        _graph = graph;
        _scopes = scopes;
        _untracked = untracked;
        _torch = torch;
    }

    /// <summary>The returned expressions whose tensor dies with a scope that is open at the <c>return</c>.</summary>
    /// <param name="graph">The function's graph.</param>
    /// <param name="scopes">The spans in which the function's own dispose scopes are open; at most 60 are considered.</param>
    /// <param name="untracked">Locals that other functions can change, or that are disposed by a <c>using</c> of their own.</param>
    /// <param name="torch">The TorchSharp symbols.</param>
    public static ImmutableArray<IOperation> FindReturned(
        ControlFlowGraph graph, ImmutableArray<TextSpan> scopes, ImmutableHashSet<ILocalSymbol> untracked, TorchSharpContext torch) =>
        scopes.Length > 60 ? [] : new ScopeOwnershipFlow(graph, scopes, untracked, torch).Run();

    private ImmutableArray<IOperation> Run()
    {
        var entry = new OwnershipState?[_graph.Blocks.Length];
        entry[0] = OwnershipState.Empty;
        var work = new Queue<BasicBlock>([_graph.Blocks[0]]);
        while (work.Count > 0)
        {
            BasicBlock block = work.Dequeue();
            OwnershipState exit = Transfer(block, entry[block.Ordinal]!, null);
            foreach (BasicBlock next in Successors(block))
            {
                OwnershipState joined = entry[next.Ordinal] is { } known ? known.Join(exit) : exit;
                if (!joined.Equals(entry[next.Ordinal]))
                {
                    entry[next.Ordinal] = joined;
                    work.Enqueue(next);
                }
            }
        }

        ImmutableArray<IOperation>.Builder found = ImmutableArray.CreateBuilder<IOperation>();
        foreach (BasicBlock block in _graph.Blocks)
        {
            if (entry[block.Ordinal] is { } state)
            {
                Transfer(block, state, found);
            }
        }

        return found.ToImmutable();
    }

    /// <summary>Control also enters a finally block, and a catch block from any point of its try; both see the try's entry state.</summary>
    private IEnumerable<BasicBlock> Successors(BasicBlock block)
    {
        foreach (ControlFlowBranch? branch in new[] { block.FallThroughSuccessor, block.ConditionalSuccessor })
        {
            if (branch is null)
            {
                continue;
            }

            if (branch.Destination is { } destination)
            {
                yield return destination;
            }

            foreach (ControlFlowRegion region in branch.FinallyRegions)
            {
                yield return _graph.Blocks[region.FirstBlockOrdinal];
            }
        }

        for (ControlFlowRegion? region = block.EnclosingRegion; region is not null; region = region.EnclosingRegion)
        {
            if (region is { Kind: ControlFlowRegionKind.Try, EnclosingRegion: { Kind: ControlFlowRegionKind.TryAndCatch } whole })
            {
                foreach (ControlFlowRegion handler in whole.NestedRegions.Where(nested => nested.Kind != ControlFlowRegionKind.Try))
                {
                    yield return _graph.Blocks[handler.FirstBlockOrdinal];
                }
            }
        }
    }

    private OwnershipState Transfer(BasicBlock block, OwnershipState state, ImmutableArray<IOperation>.Builder? found)
    {
        var evaluator = new OwnershipEvaluator(state, _scopes, _untracked, _torch);
        foreach (IOperation operation in block.Operations)
        {
            evaluator.Evaluate(operation);
        }

        if (block.BranchValue is { } value)
        {
            bool returns = block is { FallThroughSuccessor.Semantics: ControlFlowBranchSemantics.Return, ConditionKind: ControlFlowConditionKind.None };
            foreach (IOperation part in returns && value.Unwrap() is ITupleOperation tuple ? tuple.Elements : [value])
            {
                if (Owner.DiesAt(evaluator.Evaluate(part), part, _scopes) && returns && _torch.IsTensor(part.Unwrap().Type))
                {
                    found?.Add(part);
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
}
