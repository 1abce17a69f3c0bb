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
        context.OnFiles(file =>
        {
            var set = new HashSet<ISymbol>(SymbolEqualityComparer.Default);
            var read = new HashSet<ISymbol>(SymbolEqualityComparer.Default);
            foreach (IFieldReferenceOperation reference in file.Code.With(OperationKind.FieldReference).SelectMany(member => member.Of(OperationKind.FieldReference)))
            {
                if (IsPrivate(reference.Field))
                {
                    (IsSet(reference) ? set : read).Add(reference.Field.OriginalDefinition);
                }
            }

            foreach (IFieldInitializerOperation initializer in file.Code.With(OperationKind.FieldInitializer).SelectMany(member => member.Of(OperationKind.FieldInitializer)))
            {
                set.UnionWith(initializer.InitializedFields.Where(IsPrivate));
            }

            set.ExceptWith(read);
            foreach (IFieldSymbol layer in set)
            {
                if (IsLayerOfOnePart(layer, torch) && !RegistrationFacts.Mentions(layer.ContainingType, s_walks, file.CancellationToken))
                {
                    file.Report(Diagnostic.Create(Rule, layer.Locations[0], layer.Name), layer);
                }
            }
        });

    private static bool IsPrivate(IFieldSymbol field) => field is { IsStatic: false, IsImplicitlyDeclared: false, DeclaredAccessibility: Accessibility.Private };

    private static bool IsSet(IFieldReferenceOperation reference) =>
        reference.MeaningfulParent() is ISimpleAssignmentOperation { Parent: IExpressionStatementOperation } assignment && assignment.Target.Unwrap() == reference;

    /// <summary>A class in one part is seen as a whole with its file; only there can its private fields be read.</summary>
    private static bool IsLayerOfOnePart(IFieldSymbol field, TorchSharpContext torch) =>
        torch.IsModule(field.Type) && field.ContainingType.DeclaringSyntaxReferences.Length == 1 && torch.IsUserModule(field.ContainingType) && field.GetAttributes().IsEmpty;
}
