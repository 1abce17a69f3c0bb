using Microsoft.CodeAnalysis.FlowAnalysis;

namespace ModelGen.Analyzers;

/// <summary>The fixed point of a forward data-flow analysis over a control-flow graph.</summary>
internal static class ForwardFlow
{
    /// <summary>The state at the entry of each block, by its ordinal; null where control cannot come.</summary>
    /// <param name="graph">The function's graph.</param>
    /// <param name="start">The state at the function's entry.</param>
    /// <param name="transfer">The state at the end of a block, from that at its entry.</param>
    /// <param name="join">Where paths meet: the state of both. It must be monotone, and its results comparable with <c>Equals</c>.</param>
    public static TState?[] Solve<TState>(
        ControlFlowGraph graph, TState start, Func<BasicBlock, TState, TState> transfer, Func<TState, TState, TState> join)
        where TState : class
    {
        var entry = new TState?[graph.Blocks.Length];
        entry[0] = start;
        var work = new Queue<BasicBlock>([graph.Blocks[0]]);
        while (work.Count > 0)
        {
            BasicBlock block = work.Dequeue();
            TState exit = transfer(block, entry[block.Ordinal]!);
            foreach (BasicBlock next in Successors(block, graph))
            {
                TState joined = entry[next.Ordinal] is { } known ? join(known, exit) : exit;
                if (!joined.Equals(entry[next.Ordinal]))
                {
                    entry[next.Ordinal] = joined;
                    work.Enqueue(next);
                }
            }
        }

        return entry;
    }

    /// <summary>True for the first block of a catch, filter or finally, which control may enter from any point of its try.</summary>
    public static bool IsHandlerEntry(BasicBlock block)
    {
        for (ControlFlowRegion? region = block.EnclosingRegion; region is not null && region.FirstBlockOrdinal == block.Ordinal; region = region.EnclosingRegion)
        {
            if (region.Kind is ControlFlowRegionKind.Catch or ControlFlowRegionKind.Filter or ControlFlowRegionKind.Finally)
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>Control also enters a finally block, and a catch block from any point of its try; both see the try's states.</summary>
    private static IEnumerable<BasicBlock> Successors(BasicBlock block, ControlFlowGraph graph)
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
                yield return graph.Blocks[region.FirstBlockOrdinal];
            }
        }

        for (ControlFlowRegion? region = block.EnclosingRegion; region is not null; region = region.EnclosingRegion)
        {
            if (region is { Kind: ControlFlowRegionKind.Try, EnclosingRegion: { Kind: ControlFlowRegionKind.TryAndCatch } whole })
            {
                foreach (ControlFlowRegion handler in whole.NestedRegions.Where(nested => nested.Kind != ControlFlowRegionKind.Try))
                {
                    yield return graph.Blocks[handler.FirstBlockOrdinal];
                }
            }
        }
    }
}
