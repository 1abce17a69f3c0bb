using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Diagnostics;

namespace ModelGen.Analyzers.Rules.Modules;

/// <summary>Reports an auto-property that holds a module or parameter without a component name.</summary>
[DiagnosticAnalyzer(LanguageNames.CSharp)]
internal sealed class MG4008_ModuleInAutoProperty() : TorchAnalyzer(Rule)
{
    internal static readonly DiagnosticDescriptor Rule = new(
        RuleIds.ModuleInAutoProperty,
        "A layer is kept in an auto-property",
        "The layer in '{0}' is saved under the name '<{0}>k__BackingField'; add '[field: ComponentName(Name = \"{0}\")]' or use a field",
        RuleCategories.Modules,
        DiagnosticSeverity.Warning,
        isEnabledByDefault: true,
        "RegisterComponents() names a component after its field. The field of an auto-property has a name that the C# compiler makes up, so that checkpoints fit neither PyTorch nor a class that uses a field.",
        RuleIds.HelpLink(RuleIds.ModuleInAutoProperty));

    protected override GeneratedCodeAnalysisFlags GeneratedCode => GeneratedCodeAnalysisFlags.None;

    protected override void Register(RuleContext context, TorchSharpContext torch) =>
        context.OnSymbols(
            symbol =>
            {
                var property = (IPropertySymbol)symbol.Symbol;
                if (property is { IsStatic: false, IsIndexer: false, ContainingType: { } type }
                    && (torch.IsModule(property.Type) || torch.IsParameter(property.Type))
                    && torch.IsUserModule(type)
                    && type.GetMembers().OfType<IFieldSymbol>().FirstOrDefault(field => SymbolEqualityComparer.Default.Equals(field.AssociatedSymbol, property)) is { } backing
                    && !backing.GetAttributes().Any(attribute => attribute.AttributeClass?.Name == "ComponentNameAttribute")
                    && !RegistrationFacts.RegistersByHand(type, property, symbol.CancellationToken))
                {
                    symbol.ReportDiagnostic(Diagnostic.Create(Rule, property.Locations[0], property.Name));
                }
            },
            SymbolKind.Property);
}
