using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace ModelGen.Analyzers;

/// <summary>What the source of a module class says about the registration of its components.</summary>
internal static class RegistrationFacts
{
    private static readonly HashSet<string> s_registering =
        ["RegisterComponents", "register_module", "add_module", "register_parameter", "register_buffer"];

    /// <summary>
    /// True when the class, or a base class of the user's, calls something that registers components. Unknown counts as
    /// yes: a base class in another assembly may register, and so may a partial part that is generated.
    /// </summary>
    public static bool MayRegister(INamedTypeSymbol type, TorchSharpContext torch, CancellationToken cancellation)
    {
        for (INamedTypeSymbol? current = type; current is not null && !torch.Owns(current); current = current.BaseType)
        {
            if (current.DeclaringSyntaxReferences.IsEmpty || Mentions(current, s_registering, cancellation))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>True when the source of the class mentions one of the names. Spelling only: it serves to stay silent.</summary>
    public static bool Mentions(INamedTypeSymbol type, ICollection<string> names, CancellationToken cancellation) =>
        type.DeclaringSyntaxReferences
            .SelectMany(reference => reference.GetSyntax(cancellation).DescendantNodes())
            .OfType<SimpleNameSyntax>()
            .Any(name => names.Contains(name.Identifier.ValueText));

    /// <summary>The instance fields, backing fields of properties included, that hold a module or a parameter.</summary>
    public static IEnumerable<IFieldSymbol> Components(INamedTypeSymbol type, TorchSharpContext torch)
    {
        for (INamedTypeSymbol? current = type; current is not null && !torch.Owns(current); current = current.BaseType)
        {
            foreach (IFieldSymbol field in current.GetMembers().OfType<IFieldSymbol>())
            {
                if (!field.IsStatic && (torch.IsModule(field.Type) || torch.IsParameter(field.Type)))
                {
                    yield return field;
                }
            }
        }
    }
}
