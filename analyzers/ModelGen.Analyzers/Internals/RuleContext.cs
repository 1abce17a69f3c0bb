using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Diagnostics;

namespace ModelGen.Analyzers;

/// <summary>
/// A compilation that starts, and how a rule asks for operations in it. The compiler would call every rule for every operation of a kind, and with a hundred rules these calls alone cost more
/// than what the rules do in them; here it calls a rule once a member, and the rule takes the operations from the sorted <see cref="MemberCode"/> that all share.
/// </summary>
/// <param name="start">The compiler's context.</param>
/// <param name="torch">The TorchSharp symbols.</param>
internal sealed class RuleContext(CompilationStartAnalysisContext start, TorchSharpContext torch)
{
    public Compilation Compilation => start.Compilation;

    public CancellationToken CancellationToken => start.CancellationToken;

    /// <summary>Runs the action for each operation that is asked for.</summary>
    /// <param name="action">Looks at one operation.</param>
    /// <param name="calls">The names of the methods whose calls are wanted, whoever declares them.</param>
    /// <param name="torchCalls">True when all calls of methods that TorchSharp declares are wanted.</param>
    /// <param name="kinds">The kinds of operations that are wanted.</param>
    /// <param name="inCallersOf">When given, only members count that call a method of one of these names.</param>
    public void OnOperations(
        Action<MemberOperation> action, IEnumerable<string>? calls = null, bool torchCalls = false, OperationKind[]? kinds = null, string[]? inCallersOf = null)
    {
        string[] methods = [.. calls ?? []];
        OperationKind[] wanted = kinds ?? [];
        if (wanted.FirstOrDefault(kind => !MemberCode.Sorts(kind)) is not OperationKind.None and var unsorted)
        {
            throw new ArgumentException($"{nameof(MemberCode)} does not sort operations of the kind {unsorted}; add it there.", nameof(kinds));
        }

        OnMembers((block, member) =>
        {
            if (inCallersOf is not null && !member.CallsAny(inCallersOf))
            {
                return;
            }

            foreach (string method in methods)
            {
                Run(member.CallsOf(method), member, block, action);
            }

            if (torchCalls)
            {
                Run(member.TorchCalls, member, block, action);
            }

            foreach (OperationKind kind in wanted)
            {
                Run(member.Of(kind), member, block, action);
            }
        });
    }

    /// <summary>Runs the action for each member with code.</summary>
    public void OnMembers(Action<OperationBlockAnalysisContext, MemberCode> action) => start.RegisterOperationBlockAction(block => action(block, torch.MemberOf(block)));

    /// <summary>Runs the action for each declared symbol of the kinds.</summary>
    public void OnSymbols(Action<SymbolAnalysisContext> action, params SymbolKind[] kinds) => start.RegisterSymbolAction(action, kinds);

    private static void Run(IReadOnlyList<IOperation> operations, MemberCode member, OperationBlockAnalysisContext block, Action<MemberOperation> action)
    {
        for (int index = 0; index < operations.Count; index++)
        {
            action(new MemberOperation(operations[index], member, block));
        }
    }
}
