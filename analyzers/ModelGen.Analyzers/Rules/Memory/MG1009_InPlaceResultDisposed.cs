using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Diagnostics;
using Microsoft.CodeAnalysis.Operations;

namespace ModelGen.Analyzers.Rules.Memory;

/// <summary>Reports <c>using var y = x.add_(1)</c> and <c>x.add_(1).Dispose()</c> when <c>x</c> is used afterwards.</summary>
[DiagnosticAnalyzer(LanguageNames.CSharp)]
internal sealed class MG1009_InPlaceResultDisposed() : TorchAnalyzer(Rule)
{
    internal static readonly DiagnosticDescriptor Rule = new(
        RuleIds.InPlaceResultDisposed,
        "The result of an in-place operation is disposed",
        "'{0}' returns '{1}' itself, so this disposes '{1}', which is used afterwards; do not dispose the result",
        RuleCategories.Memory,
        DiagnosticSeverity.Error,
        isEnabledByDefault: true,
        "In-place operations return the tensor that they changed, not a second handle to it. Disposing the result disposes the tensor.",
        RuleIds.HelpLink(RuleIds.InPlaceResultDisposed));

    protected override void Register(RuleContext context, TorchSharpContext torch) =>
        context.OnOperations(
            operation =>
            {
                var call = (IInvocationOperation)operation.Operation;
                if (IsInPlace(call, torch) && IsDisposed(call) && Target(call, torch) is { } target && IsUsedAfter(target, call))
                {
                    operation.ReportDiagnostic(Diagnostic.Create(Rule, call.Syntax.GetLocation(), call.TargetMethod.Name, target.Name));
                }
            },
            torchCalls: true);

    private static bool IsInPlace(IInvocationOperation call, TorchSharpContext torch) =>
        call.Instance is not null
        && torch.IsTensor(call.TargetMethod.ContainingType)
        && TensorOrigins.Of(call, torch) == TensorOrigin.SameObject;

    private static bool IsDisposed(IInvocationOperation call) => call.MeaningfulParent() switch
    {
        IUsingOperation => true,
        IInvocationOperation { TargetMethod.Name: "Dispose" } => true,
        IVariableInitializerOperation { Parent: IVariableDeclaratorOperation { Symbol.IsUsing: true } } => true,
        _ => false,
    };

    /// <summary>The variable at the start of the chain of in-place operations.</summary>
    private static ISymbol? Target(IInvocationOperation call, TorchSharpContext torch)
    {
        IOperation? receiver = call.Instance?.Unwrap();
        while (receiver is IInvocationOperation inner && IsInPlace(inner, torch))
        {
            receiver = inner.Instance?.Unwrap();
        }

        return receiver is IPropertyReferenceOperation ? null : receiver.NamedVariable();
    }

    /// <summary>
    /// A field outlives the method, and a parameter belongs to the caller; both count when they are mentioned later, and so
    /// does a local of the method, but a <c>using</c> leaves it alone until its block ends.
    /// </summary>
    private static bool IsUsedAfter(ISymbol target, IInvocationOperation call)
    {
        if (target is IFieldSymbol)
        {
            return true;
        }

        IOperation function = call.EnclosingFunction();
        IOperation? loop = call.EnclosingLoop();
        bool outlivesTurn = loop is not null && !target.DeclaringSyntaxReferences.Any(reference => loop.Syntax.Span.Contains(reference.Span));
        int disposed = target is ILocalSymbol ? EndOfUsing(call) ?? call.Syntax.Span.End : call.Syntax.Span.End;
        foreach (IOperation mention in function.Descendants().Where(operation => operation is ILocalReferenceOperation or IParameterReferenceOperation && operation.Names(target)))
        {
            bool isAssigned = mention.Parent is ISimpleAssignmentOperation assignment && assignment.Target == mention;
            if (mention.Start() > disposed)
            {
                return !isAssigned;
            }

            if (mention.Start() > call.Syntax.Span.End && LeavesTheBlock(mention))
            {
                return true;
            }

            if (outlivesTurn && isAssigned && loop!.Syntax.Span.Contains(mention.Syntax.Span))
            {
                return false;
            }
        }

        return outlivesTurn;
    }

    /// <summary>Where the <c>using</c> that owns the result disposes it; null when something else does.</summary>
    private static int? EndOfUsing(IInvocationOperation call)
    {
        for (IOperation? current = call.Parent; current is not null and not IBlockOperation; current = current.Parent)
        {
            switch (current)
            {
                case IUsingOperation statement:
                    return statement.Syntax.Span.End;
                case IUsingDeclarationOperation { Parent: { } block }:
                    return block.Syntax.Span.End;
            }
        }

        return null;
    }

    /// <summary>True when the tensor itself, not a value computed from it, is returned, stored or collected.</summary>
    private static bool LeavesTheBlock(IOperation mention) => mention.MeaningfulParent() switch
    {
        IReturnOperation or ITupleOperation or IArrayInitializerOperation or ICollectionExpressionOperation => true,
        ISimpleAssignmentOperation assignment => assignment.Value.Unwrap() == mention,
        IArgumentOperation { Parent: IInvocationOperation add } => add.AddsToCollection(),
        _ => false,
    };
}
