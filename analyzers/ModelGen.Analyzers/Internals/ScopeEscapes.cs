using System.Collections.Immutable;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Operations;
using Microsoft.CodeAnalysis.Text;

namespace ModelGen.Analyzers;

/// <summary>
/// Tells, from the operations alone, that <see cref="ScopeOwnershipFlow"/> would find nothing: no tensor leaves a dispose scope other than moved or detached. Most code is like that, and needs no control-flow graph.
/// </summary>
internal static class ScopeEscapes
{
    private static readonly string[] s_adding = ["Add", "Enqueue", "Push", "Insert", "TryAdd"];

    /// <summary>True when a tensor may be returned from, stored in, or used after one of the member's dispose scopes.</summary>
    public static bool MayHappen(MemberCode member, TorchSharpContext torch)
    {
        ImmutableArray<TextSpan> scopes =
        [
            .. member.Of(OperationKind.Using).Concat(member.Of(OperationKind.UsingDeclaration))
                .Select(operation => ScopeRegions.Opened(operation, resource => ScopeRegions.Calls(resource, torch.IsNewDisposeScope))).OfType<TextSpan>(),
        ];
        return !scopes.IsEmpty && (MayReturn(member, scopes, torch) || MayKeep(member, scopes, torch) || MayUseAfter(member, scopes, torch));
    }

    /// <summary>True when a tensor may be stored in a field, an element or a collection within one of the spans.</summary>
    public static bool MayKeep(MemberCode member, ImmutableArray<TextSpan> scopes, TorchSharpContext torch) =>
        member.Of(OperationKind.SimpleAssignment).Concat(member.Of(OperationKind.CoalesceAssignment)).Cast<IAssignmentOperation>()
            .Any(assignment => OwnershipEvaluator.Store(assignment.Target) is not null && IsScopedTensor(assignment.Value, scopes, torch))
        || s_adding.SelectMany(member.CallsOf).Cast<IInvocationOperation>()
            .Any(call => call.Arguments.Any(argument => IsScopedTensor(argument.Value, scopes, torch)));

    private static bool MayReturn(MemberCode member, ImmutableArray<TextSpan> scopes, TorchSharpContext torch) =>
        member.Of(OperationKind.Return).Cast<IReturnOperation>()
            .Any(@return => @return.ReturnedValue?.Unwrap() is { } value && (value is ITupleOperation tuple ? tuple.Elements : [value]).Any(part => IsScopedTensor(part, scopes, torch)));

    /// <summary>Only a local that is declared before a scope and set within it can be used after it.</summary>
    private static bool MayUseAfter(MemberCode member, ImmutableArray<TextSpan> scopes, TorchSharpContext torch) =>
        member.Of(OperationKind.SimpleAssignment).Concat(member.Of(OperationKind.CompoundAssignment)).Concat(member.Of(OperationKind.CoalesceAssignment)).Cast<IAssignmentOperation>()
            .Any(assignment => assignment.Target.Unwrap() is ILocalReferenceOperation { Local: { } local }
                && IsScopedTensor(assignment is ICompoundAssignmentOperation ? assignment : assignment.Value, [.. scopes.Where(scope => !local.DeclaringSyntaxReferences.Any(declaration => scope.Contains(declaration.Span)))], torch));

    /// <summary>A tensor within one of the spans that is not the result of a method which moves or detaches it, or which TorchSharp does not declare.</summary>
    private static bool IsScopedTensor(IOperation value, ImmutableArray<TextSpan> scopes, TorchSharpContext torch) => value.Unwrap() switch
    {
        IConditionalOperation { WhenFalse: { } otherwise } conditional => IsScopedTensor(conditional.WhenTrue, scopes, torch) || IsScopedTensor(otherwise, scopes, torch),
        IInvocationOperation call when !torch.Owns(call.TargetMethod) || torch.IsScopeTransfer(call.TargetMethod) => false,
        { } other => torch.IsTensor(other.Type) && scopes.Any(scope => scope.Contains(other.Syntax.Span)),
    };
}
