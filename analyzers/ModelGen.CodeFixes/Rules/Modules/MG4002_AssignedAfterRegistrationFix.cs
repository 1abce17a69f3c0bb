using System.Composition;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CodeFixes;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using ModelGen.Analyzers;

namespace ModelGen.CodeFixes.Rules.Modules;

/// <summary>Moves the call of <c>RegisterComponents()</c> to the end of the constructor.</summary>
[ExportCodeFixProvider(LanguageNames.CSharp), Shared]
internal sealed class MG4002_AssignedAfterRegistrationFix() : TorchCodeFix(RuleIds.AssignedAfterRegistration, "Call RegisterComponents() last")
{
    protected override Task<Func<CancellationToken, Task<Solution>>?> PrepareAsync(FixRequest request)
    {
        if (request.Root.FindNode(request.Diagnostic.AdditionalLocations[0].SourceSpan).FirstAncestorOrSelf<StatementSyntax>() is not { Parent: BlockSyntax { Parent: ConstructorDeclarationSyntax } body } registration)
        {
            return NotFixable;
        }

        List<StatementSyntax> later = [.. body.Statements.Where(statement => statement.SpanStart > registration.Span.End)];
        if (later.Any(statement => UsesTheModule(statement) || statement.DescendantNodesAndSelf().OfType<ReturnStatementSyntax>().Any()))
        {
            return NotFixable;
        }

        BlockSyntax changed = body.WithStatements(body.Statements.Remove(registration).Add(registration));
        return Fixable(Replace(request, body, changed));
    }

    /// <summary>True when a statement may depend on the registration: it uses <c>this</c> as a value, or calls a method without a receiver.</summary>
    private static bool UsesTheModule(StatementSyntax statement) =>
        statement.DescendantNodes().OfType<ThisExpressionSyntax>().Any(self =>
            self.Parent is not MemberAccessExpressionSyntax { Parent: AssignmentExpressionSyntax assignment } access || assignment.Left != access)
        || statement.DescendantNodes().OfType<InvocationExpressionSyntax>().Any(call =>
            call.Expression is IdentifierNameSyntax { Identifier.ValueText: "RegisterComponents" or "parameters" or "named_parameters" or "state_dict" or "apply" or "train" or "eval" or "load" });
}
