using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Operations;

namespace ModelGen.Analyzers;

/// <summary>Decides whether the <see cref="IDisposable"/> that an expression makes can ever be disposed.</summary>
internal static class DisposableUse
{
    /// <summary>
    /// True when the value is dropped on the spot, or kept only in a local that nobody disposes or hands on. Every use
    /// that is not understood counts as "somebody may dispose it", the value of an assignment included: <c>using (_ = Open())</c>.
    /// </summary>
    public static bool IsNeverDisposed(IInvocationOperation creation)
    {
        switch (creation.MeaningfulParent())
        {
            case IExpressionStatementOperation:
                return true;
            case ISimpleAssignmentOperation assignment when assignment.MeaningfulParent() is not IExpressionStatementOperation:
                return false;
            case ISimpleAssignmentOperation { Target: IDiscardOperation }:
                return true;
            case ISimpleAssignmentOperation { Target: ILocalReferenceOperation target }:
                return IsUnusedAsDisposable(target.Local, creation.Root());
            case IVariableInitializerOperation { Parent: IVariableDeclaratorOperation declarator }:
                return !IsInUsing(declarator) && IsUnusedAsDisposable(declarator.Symbol, creation.Root());
            default:
                return false;
        }
    }

    private static bool IsInUsing(IVariableDeclaratorOperation declarator)
    {
        for (IOperation? current = declarator.Parent; current is not null; current = current.Parent)
        {
            if (current is IUsingDeclarationOperation or IUsingOperation)
            {
                return true;
            }

            if (current is IBlockOperation)
            {
                return false;
            }
        }

        return false;
    }

    private static bool IsUnusedAsDisposable(ILocalSymbol local, IOperation root)
    {
        foreach (IOperation operation in root.Descendants())
        {
            if (operation is ILocalReferenceOperation reference
                && SymbolEqualityComparer.Default.Equals(reference.Local, local)
                && MayDispose(reference, local))
            {
                return false;
            }
        }

        return true;
    }

    private static bool MayDispose(ILocalReferenceOperation reference, ILocalSymbol local)
    {
        if (!SymbolEqualityComparer.Default.Equals(reference.EnclosingFunctionSymbol(), local.ContainingSymbol))
        {
            return true;
        }

        return reference.MeaningfulParent() switch
        {
            ISimpleAssignmentOperation assignment when assignment.Target == reference => false,
            IInvocationOperation call when call.Instance?.Unwrap() == reference => call.TargetMethod.Name == "Dispose",
            IPropertyReferenceOperation => false,
            IConditionalAccessOperation access => access.WhenNotNull is not IInvocationOperation { TargetMethod.Name: not "Dispose" },
            _ => true,
        };
    }

    private static ISymbol? EnclosingFunctionSymbol(this IOperation operation) => operation.EnclosingFunction() switch
    {
        IAnonymousFunctionOperation lambda => lambda.Symbol,
        ILocalFunctionOperation local => local.Symbol,
        _ => operation.SemanticModel?.GetEnclosingSymbol(operation.Syntax.SpanStart),
    };
}
