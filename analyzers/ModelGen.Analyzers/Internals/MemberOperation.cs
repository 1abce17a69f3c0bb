using Microsoft.CodeAnalysis;

namespace ModelGen.Analyzers;

/// <summary>One operation that a rule is to look at, with the member that it is in.</summary>
/// <param name="operation">The operation.</param>
/// <param name="context">The member.</param>
internal readonly struct MemberOperation(IOperation operation, MemberContext context)
{
    public IOperation Operation { get; } = operation;

    public MemberCode Member => context.Member;

    public ISymbol ContainingSymbol => context.OwningSymbol;

    public CancellationToken CancellationToken => context.CancellationToken;

    public void ReportDiagnostic(Diagnostic diagnostic) => context.ReportDiagnostic(diagnostic);
}
