using System.Collections.Immutable;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Diagnostics;
using Microsoft.CodeAnalysis.Operations;

namespace ModelGen.Analyzers.Rules.Modules;

/// <summary>Reports a field that keeps new modules or parameters in a list, array, dictionary or tuple, where TorchSharp does not look for them.</summary>
[DiagnosticAnalyzer(LanguageNames.CSharp)]
internal sealed class MG4003_ModuleCollectionNotRegistered() : TorchAnalyzer(Rule)
{
    internal static readonly DiagnosticDescriptor Rule = new(
        RuleIds.ModuleCollectionNotRegistered,
        "A collection of modules is never registered",
        "The {1} in '{0}' are never registered, so they are not trained, moved or saved; use {2}",
        RuleCategories.Modules,
        DiagnosticSeverity.Warning,
        isEnabledByDefault: true,
        "RegisterComponents() looks at fields that are modules or parameters. It does not look inside lists, arrays, dictionaries and tuples.",
        RuleIds.HelpLink(RuleIds.ModuleCollectionNotRegistered));

    private static readonly HashSet<string> s_registering = ["register_module", "add_module", "register_parameter"];

    private static readonly HashSet<string> s_parameterMethods = ["parameters", "named_parameters", "named_children", "children", "named_modules", "modules", "_toEpilog"];

    protected override GeneratedCodeAnalysisFlags GeneratedCode => GeneratedCodeAnalysisFlags.None;

    protected override void Register(RuleContext context, TorchSharpContext torch) =>
        context.OnSymbols(
            symbol =>
            {
                var type = (INamedTypeSymbol)symbol.Symbol;
                if (!torch.IsUserModule(type))
                {
                    return;
                }

                ImmutableArray<ISymbol> fields = [.. type.GetMembers().Where(member => ComponentTypeIn(member, torch) is not null)];
                if (!fields.IsEmpty && !RegistersByHand(type, torch, symbol.CancellationToken))
                {
                    Analyze(symbol, fields, torch);
                }
            },
            SymbolKind.NamedType);

    private static void Analyze(SymbolAnalysisContext symbol, ImmutableArray<ISymbol> fields, TorchSharpContext torch)
    {
        var filled = new HashSet<ISymbol>(SymbolEqualityComparer.Default);
        var escaped = new HashSet<ISymbol>(SymbolEqualityComparer.Default);
        foreach (MemberCode member in TypeCode.MembersOf((INamedTypeSymbol)symbol.Symbol, symbol.Compilation, torch, symbol.CancellationToken))
        {
            foreach (IOperation reference in member.Of(OperationKind.FieldReference).Concat(member.Of(OperationKind.PropertyReference)))
            {
                if (reference.NamedVariable() is { } variable && fields.Contains(variable, SymbolEqualityComparer.Default))
                {
                    CollectionUse use = CollectionUses.Classify(reference, torch, symbol.CancellationToken);
                    if (use != CollectionUse.Neutral)
                    {
                        (use == CollectionUse.Escapes ? escaped : filled).Add(variable);
                    }
                }
            }

            foreach (ISymbolInitializerOperation initializer in member.Of(OperationKind.FieldInitializer).Concat(member.Of(OperationKind.PropertyInitializer)))
            {
                IEnumerable<ISymbol> targets = initializer is IFieldInitializerOperation field
                    ? field.InitializedFields
                    : ((IPropertyInitializerOperation)initializer).InitializedProperties;
                foreach (ISymbol target in targets.Where(target => CollectionUses.MakesComponent(initializer.Value, torch, symbol.CancellationToken)))
                {
                    filled.Add(target);
                }
            }
        }

        foreach (ISymbol field in fields.Where(field => filled.Contains(field) && !escaped.Contains(field)))
        {
            symbol.ReportDiagnostic(Diagnostic.Create(
                Rule, field.Locations[0], field.Name, torch.IsParameter(ComponentTypeIn(field, torch)) ? "parameters" : "modules", Instead(field, torch)));
        }
    }

    private static bool RegistersByHand(INamedTypeSymbol type, TorchSharpContext torch, CancellationToken cancellation)
    {
        for (INamedTypeSymbol? current = type; current is not null && !torch.Owns(current); current = current.BaseType)
        {
            if (RegistrationFacts.Mentions(current, s_registering, cancellation)
                || current.GetMembers().Any(member => member.IsOverride && s_parameterMethods.Contains(member.Name)))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>What a registered collection would be called, and a tuple's replacement.</summary>
    private static string Instead(ISymbol member, TorchSharpContext torch) => Instead(TypeOf(member)!, torch);

    private static string Instead(ITypeSymbol type, TorchSharpContext torch)
    {
        ITypeSymbol elements = CollectionUses.ElementsOf(type)!;
        if (elements.IsTupleType)
        {
            return "a field for each";
        }

        string kind = type is INamedTypeSymbol { TypeArguments.Length: 2 } ? "Dict" : "List";
        return torch.IsParameter(elements) ? "Parameter" + kind : $"Module{kind}<{(torch.IsModule(elements) ? elements.Name : Instead(elements, torch))}>";
    }

    /// <summary>The type of the modules or parameters, for an instance field or auto-property that is an ordinary collection or a tuple.</summary>
    private static ITypeSymbol? ComponentTypeIn(ISymbol member, TorchSharpContext torch) => CollectionUses.ComponentTypeIn(TypeOf(member), torch);

    private static ITypeSymbol? TypeOf(ISymbol member) => member switch
    {
        IFieldSymbol { IsStatic: false, IsImplicitlyDeclared: false } field => field.Type,
        IPropertySymbol { IsStatic: false, IsIndexer: false } property when IsAuto(property) => property.Type,
        _ => null,
    };

    private static bool IsAuto(IPropertySymbol property) =>
        property.ContainingType.GetMembers().OfType<IFieldSymbol>().Any(field => SymbolEqualityComparer.Default.Equals(field.AssociatedSymbol, property));
}

