using System.Collections.Concurrent;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Diagnostics;
using Microsoft.CodeAnalysis.Operations;

namespace ModelGen.Analyzers.Rules.Modules;

/// <summary>Reports a private layer that is set and never read.</summary>
[DiagnosticAnalyzer(LanguageNames.CSharp)]
internal sealed class MG4012_LayerNeverUsed() : TorchAnalyzer(Rule)
{
    internal static readonly DiagnosticDescriptor Rule = new(
        RuleIds.LayerNeverUsed,
        "A layer is never used",
        "Nothing uses '{0}': its weights are saved, moved and given to the optimizer, but never get a gradient; use it in forward or remove it",
        RuleCategories.Modules,
        DiagnosticSeverity.Warning,
        isEnabledByDefault: true,
        "A registered layer that no method touches costs memory and space in checkpoints, and is usually a forgotten line in forward.",
        RuleIds.HelpLink(RuleIds.LayerNeverUsed));

    private static readonly HashSet<string> s_walks = ["children", "named_children", "modules", "named_modules", "GetField", "GetFields"];

    protected override void Register(RuleContext context, TorchSharpContext torch) =>
        context.OnTypes(
            start =>
            {
                var type = (INamedTypeSymbol)start.Symbol;
                if (type.DeclaringSyntaxReferences.Length != 1 || !torch.IsUserModule(type))
                {
                    return;
                }

                List<IFieldSymbol> layers = [.. type.GetMembers().OfType<IFieldSymbol>().Where(field =>
                    field is { IsStatic: false, IsImplicitlyDeclared: false, DeclaredAccessibility: Accessibility.Private }
                    && torch.IsModule(field.Type) && field.GetAttributes().IsEmpty)];
                if (layers.Count > 0 && !RegistrationFacts.Mentions(type, s_walks, start.CancellationToken))
                {
                    Watch(start, layers, torch);
                }
            });

    private static void Watch(SymbolStartAnalysisContext start, List<IFieldSymbol> layers, TorchSharpContext torch)
    {
        var set = new ConcurrentDictionary<ISymbol, bool>(SymbolEqualityComparer.Default);
        var read = new ConcurrentDictionary<ISymbol, bool>(SymbolEqualityComparer.Default);
        start.RegisterOperationBlockAction(block =>
        {
            MemberCode member = torch.MemberOf(block);
            foreach (IFieldReferenceOperation reference in member.Of(OperationKind.FieldReference))
            {
                bool isTarget = reference.MeaningfulParent() is ISimpleAssignmentOperation assignment && assignment.Target.Unwrap() == reference
                    && assignment.Parent is IExpressionStatementOperation;
                (isTarget ? set : read)[reference.Field] = true;
            }

            foreach (IFieldSymbol field in member.Of(OperationKind.FieldInitializer).SelectMany(initializer => ((IFieldInitializerOperation)initializer).InitializedFields))
            {
                set[field] = true;
            }
        });
        start.RegisterSymbolEndAction(end =>
        {
            foreach (IFieldSymbol layer in layers.Where(layer => set.ContainsKey(layer) && !read.ContainsKey(layer)))
            {
                end.ReportDiagnostic(Diagnostic.Create(Rule, layer.Locations[0], layer.Name));
            }
        });
    }
}
