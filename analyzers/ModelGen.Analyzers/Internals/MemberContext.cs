using System.Collections.Immutable;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Diagnostics;
using Microsoft.CodeAnalysis.FlowAnalysis;

namespace ModelGen.Analyzers;

/// <summary>A member that a rule is to look at, and where it reports what it finds there.</summary>
/// <param name="member">The member.</param>
/// <param name="file">The file that the member is in.</param>
internal readonly struct MemberContext(MemberCode member, FileContext file)
{
    public MemberCode Member { get; } = member;

    /// <summary>The method, accessor, field or property that the code belongs to.</summary>
    public ISymbol OwningSymbol => Member.Symbol(CancellationToken);

    /// <summary>The bodies, initializers, default values and attributes of the member.</summary>
    public ImmutableArray<IOperation> OperationBlocks => Member.Blocks;

    public Compilation Compilation => file.Compilation;

    public CancellationToken CancellationToken => file.CancellationToken;

    /// <summary>The control-flow graph of the function that a block is the body of.</summary>
    public ControlFlowGraph GetControlFlowGraph(IOperation block) => Member.Graph(block, CancellationToken);

    public void ReportDiagnostic(Diagnostic diagnostic) => file.Report(diagnostic, OwningSymbol);
}

/// <summary>A file that a rule is to look at.</summary>
/// <param name="context">The compiler's context.</param>
/// <param name="torch">The TorchSharp symbols.</param>
internal sealed class FileContext(SemanticModelAnalysisContext context, TorchSharpContext torch)
{
    /// <summary>The sorted members of the file.</summary>
    public FileCode Code { get; } = torch.CodeOf(context.SemanticModel, context.CancellationToken);

    public Compilation Compilation => context.SemanticModel.Compilation;

    public CancellationToken CancellationToken => context.CancellationToken;

    /// <summary>
    /// Reports, unless the symbol is generated or the place is hidden by <c>#line hidden</c>. The compiler leaves out generated files by itself; asked to look after these two as well, it searches
    /// all of a file at the first report in it.
    /// </summary>
    /// <param name="diagnostic">The report; its place is in the file that is looked at.</param>
    /// <param name="symbol">The member that the report is about.</param>
    public void Report(Diagnostic diagnostic, ISymbol symbol)
    {
        if (!torch.IsGenerated(symbol) && diagnostic.Location.SourceTree!.GetLineVisibility(diagnostic.Location.SourceSpan.Start, CancellationToken) != LineVisibility.Hidden)
        {
            context.ReportDiagnostic(diagnostic);
        }
    }
}
