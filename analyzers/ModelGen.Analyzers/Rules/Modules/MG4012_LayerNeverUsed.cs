using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp.Syntax;
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

    protected override GeneratedCodeAnalysisFlags GeneratedCode => GeneratedCodeAnalysisFlags.None;

    protected override void Register(RuleContext context, TorchSharpContext torch) =>
        context.OnSymbols(
            symbol =>
            {
                var type = (INamedTypeSymbol)symbol.Symbol;
                if (type.DeclaringSyntaxReferences.Length != 1 || !torch.IsUserModule(type))
                {
                    return;
                }

                List<IFieldSymbol> layers = [.. type.GetMembers().OfType<IFieldSymbol>().Where(field =>
                    field is { IsStatic: false, IsImplicitlyDeclared: false, DeclaredAccessibility: Accessibility.Private }
                    && torch.IsModule(field.Type) && field.GetAttributes().IsEmpty)];
                if (layers.Count > 0 && MayBeUnread(layers, type.DeclaringSyntaxReferences[0].GetSyntax(symbol.CancellationToken))
                    && !RegistrationFacts.Mentions(type, s_walks, symbol.CancellationToken))
                {
                    Analyze(symbol, layers, torch);
                }
            },
            SymbolKind.NamedType);

    /// <summary>
    /// False when the spelling shows that all layers are read: <c>_layer.forward(x)</c> or <c>Run(_layer)</c>, in a class where nothing else is called <c>_layer</c>. This holds for nearly all modules, and saves binding their members again.
    /// </summary>
    private static bool MayBeUnread(List<IFieldSymbol> layers, SyntaxNode declaration)
    {
        var unread = new HashSet<string>(layers.Where(layer => layer.Name != layer.Type.Name).Select(layer => layer.Name));
        if (unread.Count < layers.Count)
        {
            return true;
        }

        var read = new HashSet<string>();
        foreach (SyntaxNode node in declaration.DescendantNodes())
        {
            switch (node)
            {
                case IdentifierNameSyntax { Parent: ArgumentSyntax or MemberAccessExpressionSyntax or ConditionalAccessExpressionSyntax } name when IsWholeOperand(name) && unread.Contains(name.Identifier.ValueText):
                    read.Add(name.Identifier.ValueText);
                    break;
                case BaseTypeDeclarationSyntax:
                case ParameterSyntax { Identifier.ValueText: var parameter } when unread.Contains(parameter):
                case VariableDeclaratorSyntax { Parent.Parent: not FieldDeclarationSyntax, Identifier.ValueText: var local } when unread.Contains(local):
                case SingleVariableDesignationSyntax { Identifier.ValueText: var designated } when unread.Contains(designated):
                case ForEachStatementSyntax { Identifier.ValueText: var element } when unread.Contains(element):
                case CatchDeclarationSyntax { Identifier.ValueText: var caught } when unread.Contains(caught):
                case LocalFunctionStatementSyntax { Identifier.ValueText: var function } when unread.Contains(function):
                case QueryExpressionSyntax:
                    return true;
            }
        }

        return read.Count < unread.Count;
    }

    private static bool IsWholeOperand(IdentifierNameSyntax name) => name.Parent switch
    {
        ArgumentSyntax argument => argument.Expression == name,
        MemberAccessExpressionSyntax access => access.Expression == name,
        ConditionalAccessExpressionSyntax access => access.Expression == name,
        _ => false,
    };

    private static void Analyze(SymbolAnalysisContext symbol, List<IFieldSymbol> layers, TorchSharpContext torch)
    {
        var set = new HashSet<ISymbol>(SymbolEqualityComparer.Default);
        var read = new HashSet<ISymbol>(SymbolEqualityComparer.Default);
        foreach (MemberCode member in TypeCode.MembersOf((INamedTypeSymbol)symbol.Symbol, symbol.Compilation, torch, symbol.CancellationToken))
        {
            foreach (IFieldReferenceOperation reference in member.Of(OperationKind.FieldReference))
            {
                bool isTarget = reference.MeaningfulParent() is ISimpleAssignmentOperation assignment && assignment.Target.Unwrap() == reference
                    && assignment.Parent is IExpressionStatementOperation;
                (isTarget ? set : read).Add(reference.Field);
            }

            set.UnionWith(member.Of(OperationKind.FieldInitializer).SelectMany(initializer => ((IFieldInitializerOperation)initializer).InitializedFields));
        }

        foreach (IFieldSymbol layer in layers.Where(layer => set.Contains(layer) && !read.Contains(layer)))
        {
            symbol.ReportDiagnostic(Diagnostic.Create(Rule, layer.Locations[0], layer.Name));
        }
    }
}
