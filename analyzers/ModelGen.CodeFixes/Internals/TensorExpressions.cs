using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Microsoft.CodeAnalysis.Simplification;

namespace ModelGen.CodeFixes;

/// <summary>Writes calls on tensors.</summary>
internal static class TensorExpressions
{
    /// <summary><c>receiver.method(arguments)</c>, with the receiver in parentheses where it needs them.</summary>
    public static ExpressionSyntax Call(SyntaxNode receiver, string method, params ArgumentSyntax[] arguments) =>
        SyntaxFactory.InvocationExpression(
            SyntaxFactory.MemberAccessExpression(SyntaxKind.SimpleMemberAccessExpression, AsReceiver((ExpressionSyntax)receiver), (SimpleNameSyntax)SyntaxFactory.ParseName(method)),
            List(arguments));

    /// <summary>A call of a function of <c>torch.nn.functional</c>, as short as the file's usings allow.</summary>
    public static ExpressionSyntax Functional(string method, params ArgumentSyntax[] arguments) => Static("TorchSharp.torch.nn.functional", method, arguments);

    /// <summary>A call of a static method of a type, as short as the file's usings allow.</summary>
    public static ExpressionSyntax Static(string type, string method, params ArgumentSyntax[] arguments) =>
        SyntaxFactory.InvocationExpression(
            SyntaxFactory.MemberAccessExpression(
                SyntaxKind.SimpleMemberAccessExpression,
                SyntaxFactory.ParseExpression(type).WithAdditionalAnnotations(Simplifier.Annotation),
                SyntaxFactory.IdentifierName(method)),
            List(arguments));

    public static ArgumentSyntax Argument(SyntaxNode value, string? name = null)
    {
        ArgumentSyntax argument = SyntaxFactory.Argument(((ExpressionSyntax)value).WithoutTrivia());
        return name is null ? argument : argument.WithNameColon(Named(name));
    }

    /// <summary><c>name: value</c>, spaced.</summary>
    public static ArgumentSyntax NamedArgument(string name, string value) =>
        SyntaxFactory.Argument(SyntaxFactory.ParseExpression(value)).WithNameColon(Named(name));

    /// <summary>The call with one more argument at the end.</summary>
    public static ExpressionSyntax AddArgument(ExpressionSyntax call, ArgumentSyntax argument) => call switch
    {
        InvocationExpressionSyntax invocation => invocation.WithArgumentList(Append(invocation.ArgumentList, argument)),
        BaseObjectCreationExpressionSyntax creation => creation.WithArgumentList(Append(creation.ArgumentList ?? SyntaxFactory.ArgumentList(), argument)),
        _ => call,
    };

    public static ExpressionSyntax AsReceiver(ExpressionSyntax expression) => expression.WithoutTrivia() switch
    {
        IdentifierNameSyntax or InvocationExpressionSyntax or MemberAccessExpressionSyntax or ElementAccessExpressionSyntax or ParenthesizedExpressionSyntax or ThisExpressionSyntax
            => expression.WithoutTrivia(),
        { } other => SyntaxFactory.ParenthesizedExpression(other),
    };

    private static NameColonSyntax Named(string name) =>
        SyntaxFactory.NameColon(SyntaxFactory.IdentifierName(name)).WithTrailingTrivia(SyntaxFactory.Space);

    private static ArgumentListSyntax Append(ArgumentListSyntax list, ArgumentSyntax argument) =>
        list.WithArguments(List([.. list.Arguments, argument]).Arguments);

    private static ArgumentListSyntax List(IReadOnlyList<ArgumentSyntax> arguments) =>
        SyntaxFactory.ArgumentList(SyntaxFactory.SeparatedList(
            arguments,
            Enumerable.Repeat(SyntaxFactory.Token(SyntaxKind.CommaToken).WithTrailingTrivia(SyntaxFactory.Space), Math.Max(0, arguments.Count - 1))));
}
