using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Operations;

namespace ModelGen.Analyzers;

/// <summary>Follows locals back to the one value that they ever have.</summary>
internal static class LocalValues
{
    /// <summary>
    /// The expression that a value certainly comes from: a local that is initialized where it is declared and that nothing
    /// writes, or changes in place, afterwards stands for its initializer. Everything else stands for itself.
    /// </summary>
    public static IOperation Resolve(this IOperation value)
    {
        value = value.Unwrap();
        for (int depth = 0; depth < 8; depth++)
        {
            if (value is not ILocalReferenceOperation { Local: { } local } || InitialValue(local, value.Root()) is not { } initial)
            {
                break;
            }

            value = initial.Unwrap();
        }

        return value;
    }

    /// <summary>The initializer of a local that is never written again; null when there is none, or when something else writes the local.</summary>
    public static IOperation? InitialValue(ILocalSymbol local, IOperation root)
    {
        IOperation? initial = null;
        foreach (IOperation operation in root.DescendantsAndSelf())
        {
            if (operation is IVariableDeclaratorOperation declarator && SymbolEqualityComparer.Default.Equals(declarator.Symbol, local))
            {
                initial = declarator.GetVariableInitializer()?.Value;
            }
            else if (Writes(operation, local))
            {
                return null;
            }
        }

        return initial;
    }

    /// <summary>True when the member changes what the variable holds: by assignment, by reference, or in place.</summary>
    public static bool IsWritten(ISymbol variable, IOperation root) => root.DescendantsAndSelf().Any(operation => Writes(operation, variable));

    /// <summary>True for an operation that changes what a variable holds.</summary>
    public static bool Writes(IOperation operation, ISymbol variable) => operation switch
    {
        IAssignmentOperation assignment => IsTarget(assignment.Target, variable),
        IIncrementOrDecrementOperation increment => increment.Target.Names(variable),
        IArgumentOperation { Parameter.RefKind: RefKind.Ref or RefKind.Out } argument => argument.Value.Names(variable),
        IInvocationOperation call => TensorOrigins.IsInPlace(call.TargetMethod) && call.Instance.Names(variable),
        _ => false,
    };

    /// <summary>The variable itself, a property or an element of it, or one of several targets of a deconstruction.</summary>
    private static bool IsTarget(IOperation target, ISymbol variable) => target.Unwrap() switch
    {
        ITupleOperation tuple => tuple.Elements.Any(element => IsTarget(element, variable)),
        IPropertyReferenceOperation { Instance: { } instance } => instance.Names(variable),
        { } other => other.Names(variable),
    };
}
