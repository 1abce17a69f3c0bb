using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Diagnostics;

namespace ModelGen.Analyzers.Rules.Modules;

/// <summary>Reports a static field or auto-property with a layer that has weights, in a module.</summary>
[DiagnosticAnalyzer(LanguageNames.CSharp)]
internal sealed class MG4013_StaticLayer() : TorchAnalyzer(Rule)
{
    internal static readonly DiagnosticDescriptor Rule = new(
        RuleIds.StaticLayer,
        "A layer is kept in a static field",
        "'{0}' is static, so RegisterComponents() does not see it: it is not trained, moved or saved; make it an instance field",
        RuleCategories.Modules,
        DiagnosticSeverity.Warning,
        isEnabledByDefault: true,
        "RegisterComponents() looks at instance fields. A static layer is shared by all objects of the class and belongs to none.",
        RuleIds.HelpLink(RuleIds.StaticLayer));

    protected override GeneratedCodeAnalysisFlags GeneratedCode => GeneratedCodeAnalysisFlags.None;

    protected override void Register(RuleContext context, TorchSharpContext torch) =>
        context.OnSymbols(
            symbol =>
            {
                ISymbol member = symbol.Symbol;
                if (!member.IsStatic)
                {
                    return;
                }

                ITypeSymbol? type = member switch
                {
                    IFieldSymbol field => field.Type,
                    IPropertySymbol property when IsAuto(property) => property.Type,
                    _ => null,
                };
                if (type is not null && torch.IsUserModule(member.ContainingType)
                    && (torch.IsParameter(type) || (torch.Owns(type) && LayerFacts.HasWeights(type as INamedTypeSymbol, torch)))
                    && !RegistrationFacts.RegistersByHand(member.ContainingType, member, symbol.CancellationToken))
                {
                    symbol.ReportDiagnostic(Diagnostic.Create(Rule, member.Locations[0], member.Name));
                }
            },
            SymbolKind.Field,
            SymbolKind.Property);

    private static bool IsAuto(IPropertySymbol property) =>
        property.ContainingType.GetMembers().OfType<IFieldSymbol>().Any(field => SymbolEqualityComparer.Default.Equals(field.AssociatedSymbol, property));
}
