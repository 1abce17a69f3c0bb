using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Microsoft.CodeAnalysis.Text;

namespace ModelGen.Coverage;

/// <summary>Marks a class of somebody's source as a model. No line moves, so diagnostics keep the lines of the original.</summary>
internal static class Rewriter
{
    /// <summary>The declaration of the class that has the forward method.</summary>
    public static ClassDeclarationSyntax? Find(Compilation compilation, string name)
    {
        ClassDeclarationSyntax[] found = [.. compilation.SyntaxTrees.SelectMany(static tree => tree.GetRoot().DescendantNodes().OfType<ClassDeclarationSyntax>())
            .Where(node => FullName(compilation, node) is string full && (full == name || full.EndsWith("." + name, StringComparison.Ordinal)))];
        return found.FirstOrDefault(static node => Forwards(node).Any()) ?? found.FirstOrDefault();
    }

    public static string FullName(Compilation compilation, ClassDeclarationSyntax node) =>
        compilation.GetSemanticModel(node.SyntaxTree).GetDeclaredSymbol(node)!.ToDisplayString(SymbolDisplayFormat.CSharpErrorMessageFormat);

    /// <summary>The class's name as reflection spells it.</summary>
    public static string MetadataName(Compilation compilation, string name)
    {
        INamedTypeSymbol type = compilation.GetSemanticModel(Find(compilation, name)!.SyntaxTree).GetDeclaredSymbol(Find(compilation, name)!)!;
        string text = type.MetadataName;
        for (INamedTypeSymbol? outer = type.ContainingType; outer is not null; outer = outer.ContainingType)
        {
            text = outer.MetadataName + "+" + text;
        }

        return type.ContainingNamespace.IsGlobalNamespace ? text : type.ContainingNamespace.ToDisplayString() + "." + text;
    }

    /// <summary>The method that gets the shapes: the forward with a parameter for every input.</summary>
    public static MethodDeclarationSyntax? Forward(ClassDeclarationSyntax node, CaseFile file) =>
        Forwards(node).FirstOrDefault(method => file.Inputs.Keys.All(name => method.ParameterList.Parameters.Any(parameter => parameter.Identifier.ValueText == name)));

    /// <summary>The tree with the attributes added and the class and its containers partial.</summary>
    public static SyntaxTree Mark(ClassDeclarationSyntax node, MethodDeclarationSyntax forward, CaseFile file, bool train)
    {
        var changes = new List<TextChange>();

        // The attributes first: a class without modifiers gets both at one place.
        Insert(node.GetFirstToken().SpanStart, $"[global::ModelGen.Model({file.Model})] " + (train ? "[global::ModelGen.Train(global::ModelGen.Loss.MSE, global::ModelGen.Optimizer.SGD)] " : ""));
        foreach (TypeDeclarationSyntax type in node.AncestorsAndSelf().OfType<TypeDeclarationSyntax>().Where(static type => !type.Modifiers.Any(SyntaxKind.PartialKeyword)))
        {
            Insert(type.Keyword.SpanStart, "partial ");
        }

        foreach (ParameterSyntax parameter in forward.ParameterList.Parameters.Where(parameter => file.Inputs.ContainsKey(parameter.Identifier.ValueText)))
        {
            Insert(parameter.SpanStart, $"[global::ModelGen.Shape({file.Inputs[parameter.Identifier.ValueText].AttributeArguments()})] ");
        }

        AddExtra(node, file, changes);
        return Apply(node.SyntaxTree, changes);

        void Insert(int position, string text) => changes.Add(new TextChange(new TextSpan(position, 0), text));
    }

    /// <summary>The tree as it is, with the case's extra members.</summary>
    public static SyntaxTree Extend(ClassDeclarationSyntax node, CaseFile file)
    {
        var changes = new List<TextChange>();
        AddExtra(node, file, changes);
        return Apply(node.SyntaxTree, changes);
    }

    private static void AddExtra(ClassDeclarationSyntax node, CaseFile file, List<TextChange> changes)
    {
        string members = string.Join(" ", new[] { file.Extra.ReplaceLineEndings(" "), CoverageFactory.Member(node.Identifier.ValueText, file) }.Where(static text => text.Length > 0));
        if (members.Length > 0)
        {
            changes.Add(new TextChange(new TextSpan(node.OpenBraceToken.Span.End, 0), " " + members + " "));
        }
    }

    private static SyntaxTree Apply(SyntaxTree tree, List<TextChange> changes) =>
        tree.WithChangedText(tree.GetText().WithChanges(changes.OrderBy(static change => change.Span.Start)));

    private static IEnumerable<MethodDeclarationSyntax> Forwards(ClassDeclarationSyntax node) =>
        node.Members.OfType<MethodDeclarationSyntax>().Where(static method => method.Identifier.ValueText is "forward" && method.Modifiers.Any(SyntaxKind.OverrideKeyword));
}
