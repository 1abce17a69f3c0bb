using Microsoft.CodeAnalysis;

namespace ModelGen.Analyzers;

/// <summary>
/// The code of methods of the user's that a member calls: helpers that make a module, move one, or set its fields. Binding a method once more costs time, so rules ask only where a call already
/// looks as if it mattered.
/// </summary>
internal static class MethodCode
{
    /// <summary>The operation of the method's declaration. Null when no source is known, or when another body may run instead.</summary>
    /// <param name="method">A method or local function.</param>
    /// <param name="caller">An operation of the member that calls it.</param>
    /// <param name="cancellation">The token of the analysis.</param>
    public static IOperation? BodyOf(IMethodSymbol method, IOperation caller, CancellationToken cancellation)
    {
        method = (method.ReducedFrom ?? method).OriginalDefinition;
        return method.IsAbstract || method.IsVirtual || (method.IsOverride && !method.IsSealed && !method.ContainingType.IsSealed) ? null : DeclarationOf(method, caller, cancellation);
    }

    /// <summary>The operation of exactly this method's declaration, for an object whose class is known. Null when no source is known.</summary>
    /// <param name="method">A method or local function, as it is declared.</param>
    /// <param name="caller">An operation of the member that calls it.</param>
    /// <param name="cancellation">The token of the analysis.</param>
    public static IOperation? DeclarationOf(IMethodSymbol method, IOperation caller, CancellationToken cancellation)
    {
        if (method.DeclaringSyntaxReferences is not [{ } reference]
            || caller.SemanticModel?.Compilation is not { } compilation || !compilation.ContainsSyntaxTree(reference.SyntaxTree))
        {
            return null;
        }

#pragma warning disable RS1030 // Asked for suspected calls only, see above.
        return compilation.GetSemanticModel(reference.SyntaxTree).GetOperation(reference.GetSyntax(cancellation), cancellation);
#pragma warning restore RS1030
    }

    /// <summary>What the method may return, when all of it is known; empty otherwise.</summary>
    public static IReadOnlyList<IOperation> ReturnedBy(IMethodSymbol method, IOperation caller, CancellationToken cancellation) =>
        BodyOf(method, caller, cancellation) is { } body
            ? [.. body.ReturnedValues()]
            : [];
}
