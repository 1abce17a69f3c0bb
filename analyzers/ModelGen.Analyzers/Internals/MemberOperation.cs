using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Diagnostics;

namespace ModelGen.Analyzers;

/// <summary>One operation that a rule is to look at, with the member that it is in.</summary>
/// <param name="operation">The operation.</param>
/// <param name="member">All operations of the member.</param>
/// <param name="block">The compiler's context of the member.</param>
internal readonly struct MemberOperation(IOperation operation, MemberCode member, OperationBlockAnalysisContext block)
{
    public IOperation Operation { get; } = operation;

    public MemberCode Member { get; } = member;

    public ISymbol ContainingSymbol => block.OwningSymbol;

    public CancellationToken CancellationToken => block.CancellationToken;

    public void ReportDiagnostic(Diagnostic diagnostic) => block.ReportDiagnostic(diagnostic);
}
