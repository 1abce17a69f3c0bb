using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Microsoft.CodeAnalysis.Operations;

namespace ModelGen.CodeFixes;

/// <summary>Small changes of a call's syntax.</summary>
internal static class CallRewriting
{
    /// <summary><c>receiver.method()</c>, with parentheses around a receiver that needs them.</summary>
    public static InvocationExpressionSyntax Call(this ExpressionSyntax receiver, string method)
    {
        ExpressionSyntax bare = receiver.WithoutTrivia();
        if (receiver is not (IdentifierNameSyntax or InvocationExpressionSyntax or MemberAccessExpressionSyntax or ElementAccessExpressionSyntax or ParenthesizedExpressionSyntax))
        {
            bare = SyntaxFactory.ParenthesizedExpression(bare);
        }

        return SyntaxFactory.InvocationExpression(SyntaxFactory.MemberAccessExpression(
            SyntaxKind.SimpleMemberAccessExpression, bare, SyntaxFactory.IdentifierName(method)));
    }

    /// <summary>The call with one more argument, by name, at the end.</summary>
    public static InvocationExpressionSyntax With(this InvocationExpressionSyntax call, string parameter, ExpressionSyntax value)
    {
        ArgumentSyntax argument = SyntaxFactory.Argument(
            SyntaxFactory.NameColon(SyntaxFactory.IdentifierName(parameter)).WithColonToken(SyntaxFactory.Token(SyntaxKind.ColonToken).WithTrailingTrivia(SyntaxFactory.Space)),
            default,
            value.WithoutTrivia());
        SeparatedSyntaxList<ArgumentSyntax> arguments = call.ArgumentList.Arguments;
        return call.WithArgumentList(call.ArgumentList.WithArguments(arguments.Count == 0
            ? SyntaxFactory.SingletonSeparatedList(argument)
            : SyntaxFactory.SeparatedList(
                arguments.Add(argument),
                arguments.GetSeparators().Append(SyntaxFactory.Token(SyntaxKind.CommaToken).WithTrailingTrivia(SyntaxFactory.Space)))));
    }

    /// <summary>
    /// The call without the argument of one parameter; null when the source does not give it, or when the positional arguments after it would
    /// then belong to other parameters.
    /// </summary>
    public static InvocationExpressionSyntax? Without(this InvocationExpressionSyntax call, SemanticModel model, string parameter)
    {
        ArgumentSyntax? removed = call.ArgumentList.Arguments.FirstOrDefault(argument =>
            model.GetOperation(argument) is IArgumentOperation { Parameter: { } known } && known.Name == parameter);
        if (removed is null)
        {
            return null;
        }

        int index = call.ArgumentList.Arguments.IndexOf(removed);
        return call.ArgumentList.Arguments.Skip(index + 1).All(later => later.NameColon is not null)
            ? call.WithArgumentList(call.ArgumentList.WithArguments(call.ArgumentList.Arguments.RemoveAt(index)))
            : null;
    }
}
