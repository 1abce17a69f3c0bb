using Microsoft.CodeAnalysis;

namespace ModelGen.Analyzers;

/// <summary>
/// The operations of all members of a type, for the few types in which a member alone does not decide. The compiler's way to see a whole type (actions at its start and its end) makes it
/// keep count of the members of every type in the compilation, which costs more than all rules do; here they come from the files that all rules share.
/// </summary>
internal static class TypeCode
{
    /// <summary>The code of each member of the type, nested types included.</summary>
    public static IEnumerable<MemberCode> MembersOf(INamedTypeSymbol type, Compilation compilation, TorchSharpContext torch, CancellationToken cancellation)
    {
        foreach (SyntaxReference reference in type.DeclaringSyntaxReferences)
        {
            SyntaxNode declaration = reference.GetSyntax(cancellation);
#pragma warning disable RS1030 // The driver's compilation gives out the model that it works with itself.
            SemanticModel model = compilation.GetSemanticModel(declaration.SyntaxTree);
#pragma warning restore RS1030
            foreach (MemberCode member in torch.CodeOf(model, cancellation).Members)
            {
                if (declaration.Span.Contains(member.Declaration.Span))
                {
                    yield return member;
                }
            }
        }
    }
}
