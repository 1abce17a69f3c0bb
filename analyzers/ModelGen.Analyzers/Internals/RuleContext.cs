using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Diagnostics;

namespace ModelGen.Analyzers;

/// <summary>
/// A compilation that starts, and how a rule asks for operations in it. The compiler would call every rule for every operation of a kind, or for every member, and with a hundred rules these
/// calls alone cost more than what the rules do in them; here it calls a rule once a file, and the rule takes the operations from the sorted <see cref="FileCode"/> that all share.
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

        OnFiles(file =>
        {
            foreach (string method in methods)
            {
                foreach (MemberCode member in file.Code.CallersOf(method))
                {
                    Run(member.CallsOf(method), member);
                }
            }

            foreach (MemberCode member in torchCalls ? file.Code.TorchCallers : [])
            {
                Run(member.TorchCalls, member);
            }

            foreach (OperationKind kind in wanted)
            {
                foreach (MemberCode member in file.Code.With(kind))
                {
                    Run(member.Of(kind), member);
                }
            }

            void Run(IReadOnlyList<IOperation> operations, MemberCode member)
            {
                if (inCallersOf is not null && !member.CallsAny(inCallersOf))
                {
                    return;
                }

                var context = new MemberContext(member, file);
                for (int index = 0; index < operations.Count; index++)
                {
                    action(new MemberOperation(operations[index], context));
                }
            }
        });
    }

    /// <summary>Runs the action for each member with code.</summary>
    /// <param name="action">Looks at one member.</param>
    /// <param name="inCallersOf">When given, only members count that call a method of one of these names.</param>
    public void OnMembers(Action<MemberContext, MemberCode> action, string[]? inCallersOf = null) => OnFiles(file =>
    {
        foreach (MemberCode member in inCallersOf is null ? file.Code.Members : file.Code.CallersOfAny(inCallersOf))
        {
            action(new MemberContext(member, file), member);
        }
    });

    /// <summary>Runs the action for each file.</summary>
    public void OnFiles(Action<FileContext> action) => start.RegisterSemanticModelAction(model => action(new FileContext(model, torch)));

    /// <summary>Runs the action for each declared symbol of the kinds.</summary>
    public void OnSymbols(Action<SymbolAnalysisContext> action, params SymbolKind[] kinds) => start.RegisterSymbolAction(action, kinds);
}
