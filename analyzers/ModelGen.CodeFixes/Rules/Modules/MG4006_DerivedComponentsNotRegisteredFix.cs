using System.Composition;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Microsoft.CodeAnalysis.CodeFixes;
using ModelGen.Analyzers;

namespace ModelGen.CodeFixes.Rules.Modules;

/// <summary>Registers the component in the statement after its assignment.</summary>
[ExportCodeFixProvider(LanguageNames.CSharp), Shared]
internal sealed class MG4006_DerivedComponentsNotRegisteredFix() : TorchCodeFix(RuleIds.DerivedComponentsNotRegistered, "Register it by name")
{
    protected override Task<Func<CancellationToken, Task<Solution>>?> PrepareAsync(FixRequest request)
    {
        if (request.Node.FirstAncestorOrSelf<AssignmentExpressionSyntax>() is not { Parent: ExpressionStatementSyntax { Parent: BlockSyntax block } statement } assignment
            || TorchSharpContext.TryCreate(request.Model.Compilation) is not { } torch
            || request.Model.GetSymbolInfo(assignment.Left, request.Cancellation).Symbol is not { } component
            || IsOfTheBase(component, assignment, request))
        {
            return NotFixable;
        }

        string method = torch.IsParameter((component as IFieldSymbol)?.Type ?? (component as IPropertySymbol)?.Type) ? "register_parameter" : "register_module";
        StatementSyntax registration = SyntaxFactory.ParseStatement($"{method}(nameof({component.Name}), {component.Name});").LikeNeighbour(statement);
        return Fixable(Replace(request, block, block.WithStatements(block.Statements.Insert(block.Statements.IndexOf(statement) + 1, registration))));
    }

    /// <summary>A component of the base class has its name in the registry already.</summary>
    private static bool IsOfTheBase(ISymbol component, AssignmentExpressionSyntax assignment, FixRequest request) =>
        !SymbolEqualityComparer.Default.Equals(component.ContainingType, request.Model.GetEnclosingSymbol(assignment.SpanStart, request.Cancellation)?.ContainingType);
}
