using System.Collections.Immutable;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Diagnostics;

namespace ModelGen.Analyzers;

/// <summary>
/// Base of every rule: runs concurrently, leaves generated code alone, resolves the TorchSharp symbols once per
/// compilation, and does nothing in a compilation that does not reference TorchSharp.
/// </summary>
/// <param name="descriptor">The one diagnostic that the rule reports.</param>
internal abstract class TorchAnalyzer(DiagnosticDescriptor descriptor) : DiagnosticAnalyzer
{
    public sealed override ImmutableArray<DiagnosticDescriptor> SupportedDiagnostics { get; } = [descriptor];

    public sealed override void Initialize(AnalysisContext context)
    {
        context.EnableConcurrentExecution();
        context.ConfigureGeneratedCodeAnalysis(GeneratedCode);
        context.RegisterCompilationStartAction(start =>
        {
            if (TorchSharpContext.TryCreate(start.Compilation) is { } torch)
            {
                Register(new RuleContext(start, torch), torch);
            }
        });
    }

    /// <summary>
    /// Generated code is never looked at. A rule that reports at declarations, which may be in another file than what it looked at, returns <see cref="GeneratedCodeAnalysisFlags.None"/>: the
    /// compiler then checks the place of each report too.
    /// </summary>
    protected virtual GeneratedCodeAnalysisFlags GeneratedCode => GeneratedCodeAnalysisFlags.ReportDiagnostics;

    /// <summary>Registers the rule's actions for a compilation that references TorchSharp.</summary>
    protected abstract void Register(RuleContext context, TorchSharpContext torch);
}
