using System.Composition;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CodeFixes;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using ModelGen.Analyzers;

namespace ModelGen.CodeFixes.Rules.Numerics;

/// <summary>Assigns the result to the variable that the operation was called on, where it can be assigned.</summary>
[ExportCodeFixProvider(LanguageNames.CSharp), Shared]
internal sealed class MG5021_ResultLostFix() : TorchCodeFix(RuleIds.ResultLost, "Assign the result")
{
    protected override Task<Func<CancellationToken, Task<Solution>>?> PrepareAsync(FixRequest request)
    {
        if (request.Node.FirstAncestorOrSelf<InvocationExpressionSyntax>() is not { Expression: MemberAccessExpressionSyntax access, Parent: ExpressionStatementSyntax } call
            || access.Expression is not (IdentifierNameSyntax or MemberAccessExpressionSyntax { Expression: ThisExpressionSyntax })
            || TorchSharpContext.TryCreate(request.Model.Compilation) is not { } torch
            || !CanBeAssigned(request.Model.GetSymbolInfo(access.Expression, request.Cancellation).Symbol, torch, request))
        {
            return NotFixable;
        }

        ExpressionSyntax assignment = SyntaxFactory.AssignmentExpression(
            SyntaxKind.SimpleAssignmentExpression,
            access.Expression.WithoutTrivia().WithTrailingTrivia(SyntaxFactory.Space),
            SyntaxFactory.Token(SyntaxKind.EqualsToken).WithTrailingTrivia(SyntaxFactory.Space),
            call.WithoutTrivia());
        return Fixable(Replace(request, call, assignment.WithTriviaFrom(call)));
    }

    private static bool CanBeAssigned(ISymbol? variable, TorchSharpContext torch, FixRequest request) => variable switch
    {
        ILocalSymbol local => !local.IsUsing && !local.IsForEach && local.RefKind == RefKind.None && IsPlainTensor(local.Type, torch) && !IsOfUsingStatement(local, request),
        IParameterSymbol parameter => parameter.RefKind is RefKind.None or RefKind.Ref or RefKind.Out && IsPlainTensor(parameter.Type, torch),
        IFieldSymbol field => !field.IsReadOnly && IsPlainTensor(field.Type, torch),
        _ => false,
    };

    private static bool IsPlainTensor(ITypeSymbol type, TorchSharpContext torch) => SymbolEqualityComparer.Default.Equals(type, torch.Tensor);

    private static bool IsOfUsingStatement(ILocalSymbol local, FixRequest request) =>
        local.DeclaringSyntaxReferences is not [{ } reference] || reference.GetSyntax(request.Cancellation) is not VariableDeclaratorSyntax { Parent: VariableDeclarationSyntax { Parent: LocalDeclarationStatementSyntax } };
}
