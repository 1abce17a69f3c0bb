using System.Collections.Immutable;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.FlowAnalysis;
using Microsoft.CodeAnalysis.Operations;

namespace ModelGen.Analyzers;

/// <summary>Finds uses of tensors on which <c>Dispose()</c> has been called.</summary>
/// <remarks>
/// Forward must-analysis: the state is the set of variables that are disposed on every path. It is intersected where paths meet, and empty at
/// the entry of a handler, which control may enter from any point of its try.
/// </remarks>
internal static class DisposedFlow
{
    /// <summary>True when the member disposes a tensor by name at all.</summary>
    public static bool MayMatter(IOperation body, TorchSharpContext torch) =>
        body.Descendants().Any(operation => operation is IInvocationOperation call && Disposed(call, torch) is not null);

    /// <summary>The uses of disposed tensors; in a chain of uses of one variable, all of them.</summary>
    public static IReadOnlyList<IOperation> FindUses(ControlFlowGraph graph, TorchSharpContext torch)
    {
        var none = new DisposedSet(ImmutableHashSet.Create<ISymbol>(SymbolEqualityComparer.Default));
        HashSet<ISymbol> untracked = FindUntracked(graph.OriginalOperation);
        DisposedSet?[] entry = ForwardFlow.Solve(
            graph,
            none,
            (block, state) => Transfer(block, ForwardFlow.IsHandlerEntry(block) ? none : state, untracked, torch, null),
            (known, incoming) => new DisposedSet(known.Variables.Intersect(incoming.Variables)));
        List<IOperation> uses = [];
        foreach (BasicBlock block in graph.Blocks)
        {
            if (entry[block.Ordinal] is { } state)
            {
                Transfer(block, ForwardFlow.IsHandlerEntry(block) ? none : state, untracked, torch, uses);
            }
        }

        return uses;
    }

    private static DisposedSet Transfer(BasicBlock block, DisposedSet state, HashSet<ISymbol> untracked, TorchSharpContext torch, List<IOperation>? uses)
    {
        ImmutableHashSet<ISymbol> disposed = state.Variables;
        foreach (IOperation operation in block.Operations)
        {
            Visit(operation, ref disposed, untracked, torch, uses);
        }

        if (block.BranchValue is { } value)
        {
            Visit(value, ref disposed, untracked, torch, uses);
            if (uses is not null && block.FallThroughSuccessor?.Semantics == ControlFlowBranchSemantics.Return && value.NamedVariable() is { } returned && disposed.Contains(returned))
            {
                uses.Add(value);
            }
        }

        return new DisposedSet(disposed);
    }

    /// <summary>Operands before the operation, as they are evaluated.</summary>
    private static void Visit(IOperation operation, ref ImmutableHashSet<ISymbol> disposed, HashSet<ISymbol> untracked, TorchSharpContext torch, List<IOperation>? uses)
    {
        if (operation is IFlowAnonymousFunctionOperation)
        {
            return;
        }

        foreach (IOperation child in operation.ChildOperations)
        {
            Visit(child, ref disposed, untracked, torch, uses);
        }

        if (operation is IInvocationOperation call && Disposed(call, torch) is { } gone)
        {
            if (!untracked.Contains(gone))
            {
                disposed = disposed.Add(gone);
            }
        }
        else if (operation is ILocalReferenceOperation or IParameterReferenceOperation && operation.NamedVariable() is { } variable && disposed.Contains(variable))
        {
            if (operation.IsWritten())
            {
                disposed = disposed.Remove(variable);
            }
            else if (uses is not null && operation.NeedsTensor(torch))
            {
                uses.Add(operation);
            }
        }
    }

    /// <summary>The local or parameter that a call disposes.</summary>
    private static ISymbol? Disposed(IInvocationOperation call, TorchSharpContext torch) =>
        call is { TargetMethod: { Name: "Dispose", Parameters.IsEmpty: true }, Instance: { } tensor } && torch.IsTensor(tensor.Type)
        && tensor.NamedVariable() is ILocalSymbol { IsRef: false } or IParameterSymbol { RefKind: RefKind.None }
            ? tensor.NamedVariable()
            : null;

    private static HashSet<ISymbol> FindUntracked(IOperation function)
    {
        HashSet<ISymbol> untracked = new(SymbolEqualityComparer.Default);
        foreach (IOperation nested in function.Descendants().Where(operation => operation is IAnonymousFunctionOperation or ILocalFunctionOperation))
        {
            untracked.UnionWith(nested.Descendants().Select(operation => operation.NamedVariable()).OfType<ISymbol>());
        }

        // The graph assigns a value with a branch in it through a capture of the variable.
        foreach (IAssignmentOperation assignment in function.Descendants().OfType<IAssignmentOperation>().Where(assignment => assignment is ICoalesceAssignmentOperation || assignment.Value.Branches()))
        {
            untracked.UnionWith(assignment.Target.DescendantsAndSelf().Select(target => target.NamedVariable()).OfType<ISymbol>());
        }

        return untracked;
    }

    private sealed class DisposedSet(ImmutableHashSet<ISymbol> variables)
    {
        public ImmutableHashSet<ISymbol> Variables { get; } = variables;

        public override bool Equals(object? other) => other is DisposedSet set && set.Variables.SetEquals(Variables);

        public override int GetHashCode() => Variables.Count;
    }
}
