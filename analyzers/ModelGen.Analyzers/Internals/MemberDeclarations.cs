using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace ModelGen.Analyzers;

/// <summary>One declaration of a member, and the pieces of it that hold code: bodies, initializers, default values, attributes.</summary>
/// <param name="Declaration">What declares the member.</param>
/// <param name="Code">The pieces, in the order of the source.</param>
internal readonly record struct MemberDeclaration(SyntaxNode Declaration, List<SyntaxNode> Code);

/// <summary>Finds the members of a file, divided just as the compiler divides them into operation blocks. Attributes of the assembly, which hold constants alone, are left out.</summary>
internal static class MemberDeclarations
{
    /// <summary>The members with code in a compilation unit, a namespace or a type, nested types included.</summary>
    public static IReadOnlyList<MemberDeclaration> Of(SyntaxNode container)
    {
        var found = new List<MemberDeclaration>();
        Visit(container, found);
        return found;
    }

    private static void Visit(SyntaxNode node, List<MemberDeclaration> found)
    {
        switch (node)
        {
            case CompilationUnitSyntax unit:
                if (unit.Members.Any(SyntaxKind.GlobalStatement))
                {
                    found.Add(new MemberDeclaration(unit, [unit]));
                }

                VisitAll(unit.Members, found);
                break;
            case BaseNamespaceDeclarationSyntax @namespace:
                VisitAll(@namespace.Members, found);
                break;
            case TypeDeclarationSyntax type:
                AddAttributes(type, type.AttributeLists, type.TypeParameterList, found);
                if (type.ParameterList is { } parameters)
                {
                    List<SyntaxNode> code = [];
                    AddParameters(parameters, code);
                    Add(type, [.. code, .. type.BaseList?.Types.OfType<PrimaryConstructorBaseTypeSyntax>() ?? []], found);
                }

                VisitAll(type.Members, found);
                break;
            case EnumDeclarationSyntax @enum:
                AddAttributes(@enum, @enum.AttributeLists, null, found);
                foreach (EnumMemberDeclarationSyntax member in @enum.Members)
                {
                    AddPieces(member, found);
                }

                break;
            case BaseFieldDeclarationSyntax field:
                foreach (VariableDeclaratorSyntax variable in field.Declaration.Variables)
                {
                    List<SyntaxNode> code = [];
                    AddAttributes(field.AttributeLists, code);
                    Add(variable, [.. code, .. variable.Initializer is { } initializer ? [initializer] : (SyntaxNode[])[]], found);
                }

                break;
            case BasePropertyDeclarationSyntax property:
                AddProperty(property, found);
                break;
            case MemberDeclarationSyntax and not (GlobalStatementSyntax or IncompleteMemberSyntax):
                AddPieces(node, found);
                break;
        }
    }

    private static void VisitAll(SyntaxList<MemberDeclarationSyntax> members, List<MemberDeclaration> found)
    {
        foreach (MemberDeclarationSyntax member in members)
        {
            Visit(member, found);
        }
    }

    /// <summary>The accessors are members of their own; so is the getter that <c>=></c> stands for.</summary>
    private static void AddProperty(BasePropertyDeclarationSyntax property, List<MemberDeclaration> found)
    {
        List<SyntaxNode> code = [];
        AddAttributes(property.AttributeLists, code);
        if (property is IndexerDeclarationSyntax indexer)
        {
            AddParameters(indexer.ParameterList, code);
        }

        if (property is PropertyDeclarationSyntax { Initializer: { } initializer })
        {
            code.Add(initializer);
        }

        Add(property, code, found);
        if (property switch { PropertyDeclarationSyntax { ExpressionBody: { } body } => body, IndexerDeclarationSyntax { ExpressionBody: { } body } => body, _ => null } is { } getter)
        {
            found.Add(new MemberDeclaration(getter, [getter]));
        }

        foreach (AccessorDeclarationSyntax accessor in property.AccessorList?.Accessors ?? [])
        {
            AddPieces(accessor, found);
        }
    }

    private static void AddPieces(SyntaxNode member, List<MemberDeclaration> found)
    {
        List<SyntaxNode> code = [];
        foreach (SyntaxNode part in member.ChildNodes())
        {
            switch (part)
            {
                case AttributeListSyntax attributes:
                    code.AddRange(attributes.Attributes);
                    break;
                case BaseParameterListSyntax parameters:
                    AddParameters(parameters, code);
                    break;
                case TypeParameterListSyntax parameters:
                    AddTypeParameters(parameters, code);
                    break;
                case BlockSyntax or ArrowExpressionClauseSyntax or ConstructorInitializerSyntax or EqualsValueClauseSyntax:
                    code.Add(part);
                    break;
            }
        }

        Add(member, code, found);
    }

    private static void AddAttributes(SyntaxNode type, SyntaxList<AttributeListSyntax> attributes, TypeParameterListSyntax? parameters, List<MemberDeclaration> found)
    {
        List<SyntaxNode> code = [];
        AddAttributes(attributes, code);
        AddTypeParameters(parameters, code);
        Add(type, code, found);
    }

    private static void AddParameters(BaseParameterListSyntax parameters, List<SyntaxNode> code)
    {
        foreach (ParameterSyntax parameter in parameters.Parameters)
        {
            if (parameter.Default is { } value)
            {
                code.Add(value);
            }

            AddAttributes(parameter.AttributeLists, code);
        }
    }

    private static void AddTypeParameters(TypeParameterListSyntax? parameters, List<SyntaxNode> code)
    {
        foreach (TypeParameterSyntax parameter in parameters?.Parameters ?? [])
        {
            AddAttributes(parameter.AttributeLists, code);
        }
    }

    private static void AddAttributes(SyntaxList<AttributeListSyntax> lists, List<SyntaxNode> code)
    {
        foreach (AttributeListSyntax list in lists)
        {
            code.AddRange(list.Attributes);
        }
    }

    private static void Add(SyntaxNode declaration, List<SyntaxNode> code, List<MemberDeclaration> found)
    {
        if (code.Count > 0)
        {
            found.Add(new MemberDeclaration(declaration, code));
        }
    }
}
