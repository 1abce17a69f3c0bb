using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace ModelGen.Analyzers;

/// <summary>
/// The operations of all members of a type, for the few types in which a member alone does not decide. The compiler's way to see a whole type (actions at its start and its end) makes it
/// keep count of the members of every type in the compilation, which costs more than all rules do; binding the members of a suspected type once more costs nothing elsewhere.
/// </summary>
internal static class TypeCode
{
    /// <summary>The code of each member of the type, nested types included.</summary>
    public static IEnumerable<MemberCode> MembersOf(INamedTypeSymbol type, Compilation compilation, TorchSharpContext torch, CancellationToken cancellation)
    {
        foreach (SyntaxReference reference in type.DeclaringSyntaxReferences)
        {
            SyntaxNode declaration = reference.GetSyntax(cancellation);
#pragma warning disable RS1030 // Asked for suspected types only, see above.
            SemanticModel model = compilation.GetSemanticModel(declaration.SyntaxTree);
#pragma warning restore RS1030
            foreach (SyntaxNode member in declaration.DescendantNodes().Where(IsMemberWithCode))
            {
                if (model.GetOperation(member, cancellation) is { } operation)
                {
                    yield return new MemberCode([operation], torch);
                }
            }
        }
    }

    private static bool IsMemberWithCode(SyntaxNode node) => node switch
    {
        BaseMethodDeclarationSyntax or AccessorDeclarationSyntax or PrimaryConstructorBaseTypeSyntax => true,
        ArrowExpressionClauseSyntax { Parent: BasePropertyDeclarationSyntax } => true,
        EqualsValueClauseSyntax { Parent: PropertyDeclarationSyntax or VariableDeclaratorSyntax { Parent.Parent: BaseFieldDeclarationSyntax } } => true,
        _ => false,
    };
}
