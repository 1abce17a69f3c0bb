using System.Collections.Immutable;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.FlowAnalysis;
using Microsoft.CodeAnalysis.Operations;

namespace ModelGen.Analyzers;

/// <summary>What happened last to the gradients that an optimizer works with.</summary>
internal enum GradientEvent
{
    /// <summary>They may have been computed, or it is not known.</summary>
    Unknown,

    /// <summary>They were cleared.</summary>
    Cleared,

    /// <summary>The optimizer has used them.</summary>
    Used,
}

/// <summary>
/// Follows <c>zero_grad</c>, <c>backward</c> and <c>step</c> through one control-flow graph: at each call it knows the last
/// event that all paths to the call agree on. Code that it cannot see into makes everything unknown.
/// </summary>
internal sealed class GradientFlow
{
    private readonly ControlFlowGraph _graph;
    private readonly TorchSharpContext _torch;
    private readonly Action<IInvocationOperation, ImmutableDictionary<ISymbol, GradientEvent>> _visit;

    private GradientFlow(ControlFlowGraph graph, TorchSharpContext torch, Action<IInvocationOperation, ImmutableDictionary<ISymbol, GradientEvent>> visit)
    {
        _graph = graph;
        _torch = torch;
        _visit = visit;
    }

    /// <summary>True for a step that computes no gradients itself.</summary>
    public static bool IsStep(IInvocationOperation call, TorchSharpContext torch) =>
        call.TargetMethod.Name == "step" && torch.IsOptimizer(call.Instance?.Type) && call.Arguments.All(argument => argument.ArgumentKind != ArgumentKind.Explicit);

    /// <summary>Visits every call of the body with the events that hold just before it. Bodies with nested functions are not analyzed.</summary>
    public static void Visit(IOperation body, TorchSharpContext torch, Func<IOperation, ControlFlowGraph> graph, Action<IInvocationOperation, ImmutableDictionary<ISymbol, GradientEvent>> visit)
    {
        if (body.Descendants().Any(operation => operation is IAnonymousFunctionOperation or ILocalFunctionOperation && MentionsTraining(operation, torch)))
        {
            return;
        }

        new GradientFlow(graph(body), torch, visit).Run();
    }

    /// <summary>
    /// True when the call certainly comes after a backward pass, with no event of an optimizer's in between: statements of one block run one after the other. Where this holds, no graph is needed.
    /// </summary>
    public static bool FollowsBackward(IInvocationOperation call, TorchSharpContext torch)
    {
        if (call.StatementInBlock() is not var (statement, block) || HasOtherEvents(statement, call))
        {
            return false;
        }

        for (int index = block.Operations.IndexOf(statement) - 1; index >= 0; index--)
        {
            IOperation earlier = block.Operations[index];
            if (earlier is IExpressionStatementOperation { Operation: IInvocationOperation pass } && torch.IsBackward(pass.TargetMethod))
            {
                return true;
            }

            if (HasOtherEvents(earlier, call))
            {
                return false;
            }
        }

        return false;
    }

    /// <summary>Labels count too: a jump to one may come from anywhere.</summary>
    private static bool HasOtherEvents(IOperation statement, IInvocationOperation call) => statement.DescendantsAndSelf().Any(part =>
        part is ILabeledOperation || (part is IInvocationOperation { TargetMethod.Name: "step" or "zero_grad" } && part != call));

    private static bool MentionsTraining(IOperation function, TorchSharpContext torch) =>
        function.Descendants().OfType<IInvocationOperation>().Any(call => torch.IsBackward(call.TargetMethod) || torch.IsOptimizer(call.Instance?.Type));

    private void Run()
    {
        var entry = new ImmutableDictionary<ISymbol, GradientEvent>?[_graph.Blocks.Length];
        entry[0] = ImmutableDictionary.Create<ISymbol, GradientEvent>(SymbolEqualityComparer.Default);
        var work = new Queue<BasicBlock>([_graph.Blocks[0]]);
        while (work.Count > 0)
        {
            BasicBlock block = work.Dequeue();
            ImmutableDictionary<ISymbol, GradientEvent> exit = Transfer(block, entry[block.Ordinal]!, visit: false);
            foreach (BasicBlock next in Successors(block))
            {
                ImmutableDictionary<ISymbol, GradientEvent> joined = entry[next.Ordinal] is { } known ? Join(known, exit) : exit;
                if (entry[next.Ordinal] is not { } old || old.Count != joined.Count)
                {
                    entry[next.Ordinal] = joined;
                    work.Enqueue(next);
                }
            }
        }

        foreach (BasicBlock block in _graph.Blocks)
        {
            if (entry[block.Ordinal] is { } state)
            {
                Transfer(block, state, visit: true);
            }
        }
    }

    /// <summary>What both sides agree on. Joining only ever removes entries, so that the analysis ends.</summary>
    private static ImmutableDictionary<ISymbol, GradientEvent> Join(ImmutableDictionary<ISymbol, GradientEvent> left, ImmutableDictionary<ISymbol, GradientEvent> right) =>
        left.RemoveRange(left.Where(entry => !right.TryGetValue(entry.Key, out GradientEvent other) || other != entry.Value).Select(entry => entry.Key));

    private IEnumerable<BasicBlock> Successors(BasicBlock block)
    {
        foreach (ControlFlowBranch? branch in new[] { block.FallThroughSuccessor, block.ConditionalSuccessor })
        {
            if (branch?.Destination is { } destination)
            {
                yield return destination;
            }

            foreach (ControlFlowRegion region in branch?.FinallyRegions ?? [])
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

    private ImmutableDictionary<ISymbol, GradientEvent> Transfer(BasicBlock block, ImmutableDictionary<ISymbol, GradientEvent> state, bool visit)
    {
        foreach (IOperation operation in block.Operations.Concat(block.BranchValue is { } branch ? [branch] : []))
        {
            foreach (IOperation part in InOrder(operation))
            {
                if (part is IInvocationOperation call)
                {
                    if (visit)
                    {
                        _visit(call, state);
                    }

                    state = After(call, state);
                }
                else if (part is IPropertyReferenceOperation { Property.Name: "grad" } or IDynamicInvocationOperation or IObjectCreationOperation { Constructor.DeclaringSyntaxReferences.IsEmpty: false })
                {
                    state = state.Clear();
                }
            }
        }

        return state;
    }

    /// <summary>The operations in the order in which they are evaluated: operands before what uses them.</summary>
    private static IEnumerable<IOperation> InOrder(IOperation operation)
    {
        foreach (IOperation child in operation.ChildOperations)
        {
            foreach (IOperation part in InOrder(child))
            {
                yield return part;
            }
        }

        yield return operation;
    }

    private ImmutableDictionary<ISymbol, GradientEvent> After(IInvocationOperation call, ImmutableDictionary<ISymbol, GradientEvent> state)
    {
        if (_torch.IsOptimizer(call.Instance?.Type) && call.Instance.NamedVariable() is { } optimizer)
        {
            return call.TargetMethod.Name == "zero_grad" ? state.SetItem(optimizer, GradientEvent.Cleared)
                : IsStep(call, _torch) ? state.SetItem(optimizer, GradientEvent.Used)
                : call.TargetMethod.Name == "step" ? state.Clear()
                : state;
        }

        return _torch.IsBackward(call.TargetMethod) || !IsHarmless(call) ? state.Clear() : state;
    }

    /// <summary>Calls that certainly compute no gradients: TorchSharp's own, the framework's, and a model's forward.</summary>
    private bool IsHarmless(IInvocationOperation call) =>
        _torch.Owns(call.TargetMethod)
        || _torch.IsForward(call.TargetMethod)
        || (call.TargetMethod.MethodKind != MethodKind.DelegateInvoke
            && call.TargetMethod.ContainingAssembly?.Name is { } assembly
            && (assembly.StartsWith("System.", StringComparison.Ordinal) || assembly is "mscorlib" or "netstandard" or "System"));
}
