using System.Runtime.CompilerServices;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Operations;

namespace ModelGen.Analyzers;

/// <summary>Follows locals back to the one value that they ever have.</summary>
internal static class LocalValues
{
    private static readonly ConditionalWeakTable<IOperation, Dictionary<ISymbol, IOperation>> s_initial = new();

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
    public static IOperation? InitialValue(ILocalSymbol local, IOperation root) =>
        s_initial.GetValue(root, FindInitialValues).TryGetValue(local, out IOperation? value) ? value : null;

    /// <summary>True for an operation that changes what a variable holds: by assignment, by reference, or in place.</summary>
    public static bool Writes(IOperation operation, ISymbol variable) => Written(operation).Contains(variable, SymbolEqualityComparer.Default);

    /// <summary>One walk for all locals of a member: several rules ask for several of them.</summary>
    private static Dictionary<ISymbol, IOperation> FindInitialValues(IOperation root)
    {
        var values = new Dictionary<ISymbol, IOperation>(SymbolEqualityComparer.Default);
        var written = new List<ISymbol>();
        foreach (IOperation operation in root.DescendantsAndSelf())
        {
            if (operation is IVariableDeclaratorOperation declarator)
            {
                if (declarator.GetVariableInitializer() is { } initializer)
                {
                    values[declarator.Symbol] = initializer.Value;
                }
            }
            else
            {
                written.AddRange(Written(operation));
            }
        }

        written.ForEach(variable => values.Remove(variable));
        return values;
    }

    private static IEnumerable<ISymbol> Written(IOperation operation) => operation switch
    {
        IAssignmentOperation assignment => Targets(assignment.Target),
        IIncrementOrDecrementOperation increment => Named(increment.Target),
        IArgumentOperation { Parameter.RefKind: RefKind.Ref or RefKind.Out } argument => Named(argument.Value),
        IInvocationOperation call when TensorOrigins.IsInPlace(call.TargetMethod) => Named(call.Instance),
        _ => [],
    };

    /// <summary>The variable itself, or the one that a property or an element is of, or those of a deconstruction.</summary>
    private static IEnumerable<ISymbol> Targets(IOperation target) => target.Unwrap() switch
    {
        ITupleOperation tuple => tuple.Elements.SelectMany(Targets),
        IPropertyReferenceOperation { Instance: { } instance } => Named(instance),
        { } other => Named(other),
    };

    private static IEnumerable<ISymbol> Named(IOperation? operation) => operation.NamedVariable() is { } variable ? [variable] : [];
}
