using System.Collections.Immutable;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CodeActions;
using Microsoft.CodeAnalysis.CodeFixes;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using ModelGen.Analyzers;

namespace ModelGen.CodeFixes;

/// <summary>
/// Base of every code fix: one rule, one action, Fix-All by merging. A fix is offered only when <see cref="PrepareAsync"/>
/// has checked that it can be carried out.
/// </summary>
/// <param name="id">The rule that it mends.</param>
/// <param name="title">What the user reads in the light-bulb menu.</param>
internal abstract class TorchCodeFix(string id, string title) : CodeFixProvider
{
    public sealed override ImmutableArray<string> FixableDiagnosticIds { get; } = [id];

    public sealed override FixAllProvider GetFixAllProvider() => WellKnownFixAllProviders.BatchFixer;

    public sealed override async Task RegisterCodeFixesAsync(CodeFixContext context)
    {
        if (await context.Document.GetSyntaxRootAsync(context.CancellationToken).ConfigureAwait(false) is not { } root
            || await context.Document.GetSemanticModelAsync(context.CancellationToken).ConfigureAwait(false) is not { } model)
        {
            return;
        }

        foreach (Diagnostic diagnostic in context.Diagnostics)
        {
            SyntaxNode node = root.FindNode(diagnostic.Location.SourceSpan, getInnermostNodeForTie: true);
            var request = new FixRequest(context.Document, root, model, node, diagnostic, context.CancellationToken);
            if (await PrepareAsync(request).ConfigureAwait(false) is { } apply)
            {
                context.RegisterCodeFix(CodeAction.Create(title, apply, equivalenceKey: id), diagnostic);
            }
        }
    }

    /// <summary>Checks every condition of the fix; returns how to apply it, or null when it cannot be applied safely.</summary>
    protected abstract Task<Func<CancellationToken, Task<Solution>>?> PrepareAsync(FixRequest request);

    /// <summary>The marked expression, what it does, and the TorchSharp symbols.</summary>
    protected static (ExpressionSyntax Syntax, IOperation Operation, TorchSharpContext Torch)? Marked(FixRequest request)
    {
        SyntaxNode node = request.Node is ArgumentSyntax argument ? argument.Expression : request.Node;
        return node is ExpressionSyntax expression
            && request.Model.GetOperation(expression, request.Cancellation) is { } operation
            && TorchSharpContext.TryCreate(request.Model.Compilation) is { } torch
            ? (expression, operation, torch)
            : null;
    }

    /// <summary>The fix that swaps one node of the document for another.</summary>
    protected static Func<CancellationToken, Task<Solution>> Replace(FixRequest request, SyntaxNode old, SyntaxNode @new) =>
        _ => Task.FromResult(request.Document.WithSyntaxRoot(request.Root.ReplaceNode(old, @new)).Project.Solution);

    protected static Task<Func<CancellationToken, Task<Solution>>?> Fixable(Func<CancellationToken, Task<Solution>> apply) =>
        Task.FromResult<Func<CancellationToken, Task<Solution>>?>(apply);

    protected static Task<Func<CancellationToken, Task<Solution>>?> NotFixable { get; } =
        Task.FromResult<Func<CancellationToken, Task<Solution>>?>(null);
}

/// <summary>One diagnostic to mend, with the syntax node that it marks.</summary>
internal sealed record FixRequest(
    Document Document,
    SyntaxNode Root,
    SemanticModel Model,
    SyntaxNode Node,
    Diagnostic Diagnostic,
    CancellationToken Cancellation);
