using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Operations;

namespace ModelGen.Analyzers;

/// <summary>Where a variable is declared, assigned and mentioned within one member.</summary>
internal static class VariableFacts
{
    /// <summary>True for a local (or lambda parameter) that is declared within the operation.</summary>
    public static bool IsDeclaredIn(this ISymbol variable, IOperation region) =>
        variable is not (IFieldSymbol or IPropertySymbol)
        && variable.DeclaringSyntaxReferences.Any(reference =>
            reference.SyntaxTree == region.Syntax.SyntaxTree && region.Syntax.Span.Contains(reference.Span));

    /// <summary>Every mention of the variable within the operation.</summary>
    public static IEnumerable<IOperation> MentionsOf(this IOperation region, ISymbol variable) =>
        region.Descendants().Where(operation =>
            operation is ILocalReferenceOperation or IParameterReferenceOperation or IFieldReferenceOperation or IPropertyReferenceOperation && operation.Names(variable));

    /// <summary>True when something within the operation gives the variable a new value.</summary>
    public static bool IsAssignedIn(this ISymbol variable, IOperation region) => region.MentionsOf(variable).Any(mention => mention.IsWritten());

    /// <summary>True when the mention is the target of an assignment, of <c>++</c>, or of an <c>out</c> or <c>ref</c> argument.</summary>
    public static bool IsWritten(this IOperation mention) => mention.MeaningfulParent() switch
    {
        IAssignmentOperation assignment => assignment.Target.Unwrap() == mention,
        IIncrementOrDecrementOperation => true,
        IArgumentOperation argument => argument.Parameter?.RefKind is RefKind.Out or RefKind.Ref,
        ITupleOperation { Parent: IDeconstructionAssignmentOperation deconstruction } tuple => deconstruction.Target == tuple,
        _ => false,
    };

    /// <summary>The value that a local is declared with, when nothing in the member assigns it again.</summary>
    public static IOperation? OnlyValue(this ILocalSymbol local, IOperation within)
    {
        IOperation root = within.Root();
        IOperation? value = null;
        foreach (IOperation operation in root.Descendants())
        {
            if (operation is IVariableDeclaratorOperation declarator && SymbolEqualityComparer.Default.Equals(declarator.Symbol, local))
            {
                value = declarator.GetVariableInitializer()?.Value.Unwrap();
            }
            else if (operation is ILocalReferenceOperation reference && SymbolEqualityComparer.Default.Equals(reference.Local, local) && reference.IsWritten())
            {
                return null;
            }
        }

        return value;
    }

    /// <summary>True when an in-place operation or an element store within the operation changes the tensor that the variable holds.</summary>
    public static bool IsChangedInPlaceIn(this ISymbol variable, IOperation region) => region.MentionsOf(variable).Any(mention =>
        mention.MeaningfulParent() switch
        {
            IInvocationOperation call when call.Instance?.Unwrap() == mention => TensorOrigins.IsInPlace(call.TargetMethod),
            IPropertyReferenceOperation { Property.IsIndexer: true } element => element.IsWritten(),
            _ => false,
        });
}
