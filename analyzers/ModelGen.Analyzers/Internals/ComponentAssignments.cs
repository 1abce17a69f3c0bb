using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Operations;

namespace ModelGen.Analyzers;

/// <summary>One field or property that is given a module or parameter.</summary>
/// <param name="Component">The field or property.</param>
/// <param name="Target">The operation that names it.</param>
/// <param name="Value">What it is given.</param>
/// <param name="Assignment">The assignment, of which this may be one of several targets.</param>
internal readonly record struct ComponentAssignment(ISymbol Component, IMemberReferenceOperation Target, IOperation Value, IOperation Assignment)
{
    /// <summary>The place to report: the assignment, or the one target of several.</summary>
    public Location Location => (Assignment is IDeconstructionAssignmentOperation ? Target : Assignment).Syntax.GetLocation();
}

/// <summary>Finds the assignments of modules and parameters in a member.</summary>
internal static class ComponentAssignments
{
    /// <summary>The assignments, in the order of their kinds: <c>a = x</c>, <c>a ??= x</c>, and the parts of <c>(a, b) = (x, y)</c>.</summary>
    public static IEnumerable<ComponentAssignment> In(MemberCode member, TorchSharpContext torch) =>
        In(member.Of(OperationKind.SimpleAssignment).Concat(member.Of(OperationKind.CoalesceAssignment)), member.Of(OperationKind.DeconstructionAssignment), torch);

    /// <summary>As above, in the body of a method whose member nobody has sorted.</summary>
    public static IEnumerable<ComponentAssignment> In(IOperation body, TorchSharpContext torch) =>
        In(body.Descendants().Where(operation => operation is ISimpleAssignmentOperation or ICoalesceAssignmentOperation), body.Descendants().OfType<IDeconstructionAssignmentOperation>(), torch);

    private static IEnumerable<ComponentAssignment> In(IEnumerable<IOperation> single, IEnumerable<IOperation> several, TorchSharpContext torch)
    {
        foreach (IAssignmentOperation assignment in single.Cast<IAssignmentOperation>())
        {
            if (Of(assignment.Target, assignment.Value, assignment, torch) is { } found)
            {
                yield return found;
            }
        }

        foreach (IDeconstructionAssignmentOperation assignment in several.Cast<IDeconstructionAssignmentOperation>())
        {
            if (assignment.Target.Unwrap() is ITupleOperation targets && assignment.Value.Unwrap() is ITupleOperation values && targets.Elements.Length == values.Elements.Length)
            {
                for (int index = 0; index < targets.Elements.Length; index++)
                {
                    if (Of(targets.Elements[index], values.Elements[index], assignment, torch) is { } found)
                    {
                        yield return found;
                    }
                }
            }
        }
    }

    private static ComponentAssignment? Of(IOperation target, IOperation value, IOperation assignment, TorchSharpContext torch) =>
        target.Unwrap() is IMemberReferenceOperation { Member: { IsStatic: false } component, Instance: not null } reference
        && reference is IFieldReferenceOperation or IPropertyReferenceOperation { Property.IsIndexer: false }
        && (torch.IsModule(reference.Type) || torch.IsParameter(reference.Type))
            ? new ComponentAssignment(component, reference, value, assignment)
            : null;
}
