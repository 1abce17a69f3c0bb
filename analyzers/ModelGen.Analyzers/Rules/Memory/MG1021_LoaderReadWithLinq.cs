using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Diagnostics;
using Microsoft.CodeAnalysis.Operations;

namespace ModelGen.Analyzers.Rules.Memory;

/// <summary>Reports <c>First</c>, <c>Last</c>, <c>ToList</c> and the like on a data loader that disposes its batches.</summary>
[DiagnosticAnalyzer(LanguageNames.CSharp)]
internal sealed class MG1021_LoaderReadWithLinq() : TorchAnalyzer(Rule)
{
    internal static readonly DiagnosticDescriptor Rule = new(
        RuleIds.LoaderReadWithLinq,
        "A batch of a data loader is read with LINQ",
        "'{0}' ends the iteration, and with it the loader disposes the batch that is returned; iterate with foreach, or make the loader with 'disposeBatch: false'",
        RuleCategories.Memory,
        DiagnosticSeverity.Error,
        isEnabledByDefault: true,
        "A data loader disposes a batch when the iteration goes on or ends. First() and ToList() return after that, so their batches are empty handles.",
        RuleIds.HelpLink(RuleIds.LoaderReadWithLinq));

    private static readonly HashSet<string> s_methods =
        ["First", "FirstOrDefault", "Last", "LastOrDefault", "Single", "SingleOrDefault", "ElementAt", "ElementAtOrDefault", "ToList", "ToArray"];

    protected override void Register(RuleContext context, TorchSharpContext torch)
    {
        INamedTypeSymbol? enumerable = context.Compilation.GetTypeByMetadataName("System.Linq.Enumerable");
        context.OnOperations(
            operation =>
            {
                var call = (IInvocationOperation)operation.Operation;
                if (s_methods.Contains(call.TargetMethod.Name) && SymbolEqualityComparer.Default.Equals(call.TargetMethod.ContainingType, enumerable)
                    && call.Receiver()?.Unwrap() is { } loader && torch.IsDataLoader(loader.Type) && LoaderFacts.DisposesBatches(loader, torch))
                {
                    operation.ReportDiagnostic(Diagnostic.Create(Rule, call.Syntax.GetLocation(), call.TargetMethod.Name));
                }
            },
            calls: s_methods);
    }
}
