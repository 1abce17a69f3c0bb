using System.Runtime.CompilerServices;
using Microsoft.CodeAnalysis;

namespace ModelGen.Analyzers;

/// <summary>Tells which module classes can only be roots: no other module of the compilation could have one as a child. Asked for classes that register nothing; the answers are kept.</summary>
internal static class RootFacts
{
    private static readonly ConditionalWeakTable<INamedTypeSymbol, StrongBox<bool>> s_known = new();

    /// <summary>
    /// True when no other module class mentions the class or derives from it, and none takes modules of a general type from outside. A public class of a library may be the child of a module that
    /// is not known here.
    /// </summary>
    public static bool IsNeverAChild(INamedTypeSymbol type, Compilation compilation, TorchSharpContext torch, CancellationToken cancellation)
    {
        INamedTypeSymbol definition = type.OriginalDefinition;
        if (s_known.TryGetValue(definition, out StrongBox<bool> known))
        {
            return known.Value;
        }

        bool never = (!IsVisibleOutside(definition) || compilation.Options.OutputKind is OutputKind.ConsoleApplication or OutputKind.WindowsApplication)
            && SymbolEqualityComparer.Default.Equals(definition.ContainingAssembly, compilation.Assembly)
            && !TypesIn(compilation.Assembly.GlobalNamespace).Any(other =>
                !SymbolEqualityComparer.Default.Equals(other, definition) && torch.IsUserModule(other) && MayHold(other, definition, torch, cancellation));
        return s_known.GetValue(definition, _ => new StrongBox<bool>(never)).Value;
    }

    /// <summary>True when a class of the compilation derives from the class.</summary>
    public static bool HasDerived(INamedTypeSymbol type, Compilation compilation) => TypesIn(compilation.Assembly.GlobalNamespace).Any(other =>
        !SymbolEqualityComparer.Default.Equals(other, type.OriginalDefinition) && TorchSharpContext.DerivesFrom(other, type.OriginalDefinition));

    private static bool IsVisibleOutside(INamedTypeSymbol type)
    {
        for (INamedTypeSymbol? current = type; current is not null; current = current.ContainingType)
        {
            if (current.DeclaredAccessibility is not (Accessibility.Public or Accessibility.Protected or Accessibility.ProtectedOrInternal))
            {
                return false;
            }
        }

        return true;
    }

    private static bool MayHold(INamedTypeSymbol other, INamedTypeSymbol type, TorchSharpContext torch, CancellationToken cancellation)
    {
        List<string> names = [];
        for (INamedTypeSymbol? current = type; current is not null && !torch.Owns(current); current = current.BaseType)
        {
            names.Add(current.Name);
            names.AddRange(current.Interfaces.Where(contract => !torch.Owns(contract)).Select(contract => contract.Name));
        }

        return TorchSharpContext.DerivesFrom(other, type) || RegistrationFacts.Mentions(other, names, cancellation) || other.TypeParameters.Any(parameter => MayBeAModule(parameter, torch)) || other.GetMembers().Any(member => member switch
        {
            IMethodSymbol { MethodKind: MethodKind.Constructor or MethodKind.Ordinary or MethodKind.PropertySet, IsOverride: false } method => method.Parameters.Any(parameter => MayBeAModule(parameter.Type, torch)),
            IFieldSymbol { DeclaredAccessibility: not Accessibility.Private, IsReadOnly: false, IsConst: false } field => MayBeAModule(field.Type, torch),
            _ => false,
        });
    }

    /// <summary>A type through which a module of any class can come.</summary>
    private static bool MayBeAModule(ITypeSymbol type, TorchSharpContext torch) => type switch
    {
        ITypeParameterSymbol parameter => parameter.ConstraintTypes.IsEmpty || parameter.ConstraintTypes.Any(constraint => torch.IsModule(constraint)),
        IArrayTypeSymbol array => MayBeAModule(array.ElementType, torch),
        INamedTypeSymbol { SpecialType: SpecialType.System_Object } => true,
        INamedTypeSymbol named => (torch.Owns(named) && (named.IsAbstract || named.TypeKind == TypeKind.Interface) && named.Name is "Module" or "IModule") || named.TypeArguments.Any(argument => !torch.IsTensor(argument) && MayBeAModule(argument, torch)),
        _ => false,
    };

    private static IEnumerable<INamedTypeSymbol> TypesIn(INamespaceOrTypeSymbol space) => space.GetMembers().SelectMany(member => member switch
    {
        INamespaceSymbol inner => TypesIn(inner),
        INamedTypeSymbol type => TypesIn(type).Prepend(type),
        _ => [],
    });
}
