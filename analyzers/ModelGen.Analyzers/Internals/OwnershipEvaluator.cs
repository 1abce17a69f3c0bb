using System.Collections.Immutable;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.FlowAnalysis;
using Microsoft.CodeAnalysis.Operations;
using Microsoft.CodeAnalysis.Text;

namespace ModelGen.Analyzers;

/// <summary>What each local, and each intermediate value of the graph, holds at one point.</summary>
/// <param name="Values">Keyed by <see cref="ILocalSymbol"/> or <see cref="CaptureId"/>.</param>
internal sealed record OwnershipState(ImmutableDictionary<object, ulong> Values)
{
    public static readonly OwnershipState Empty = new(ImmutableDictionary<object, ulong>.Empty);

    public OwnershipState Join(OwnershipState other)
    {
        ImmutableDictionary<object, ulong> joined = Values;
        foreach (KeyValuePair<object, ulong> entry in other.Values)
        {
            joined = joined.SetItem(entry.Key, entry.Value | (joined.TryGetValue(entry.Key, out ulong mine) ? mine : Owner.None));
        }

        return new OwnershipState(joined);
    }

    public bool Equals(OwnershipState? other) =>
        other is not null && Values.Count == other.Values.Count
        && Values.All(entry => other.Values.TryGetValue(entry.Key, out ulong value) && value == entry.Value);

    public override int GetHashCode() => Values.Count;
}

/// <summary>Evaluates operations in order, keeping track of which dispose scope owns which value.</summary>
/// <param name="state">What is known before the first operation.</param>
/// <param name="scopes">The spans in which the function's dispose scopes are open.</param>
/// <param name="untracked">Locals of which nothing is known.</param>
/// <param name="torch">The TorchSharp symbols.</param>
/// <param name="findings">Where tensors that outlive their scope are noted; null while the states are still being computed.</param>
internal sealed class OwnershipEvaluator(
    OwnershipState state, ImmutableArray<TextSpan> scopes, ImmutableHashSet<ILocalSymbol> untracked, TorchSharpContext torch, ScopeFindings? findings)
{
    private ImmutableDictionary<object, ulong> _values = state.Values;

    public OwnershipState State => new(_values);

    /// <summary>Performs the operation's effects and returns the ownership of its value.</summary>
    public ulong Evaluate(IOperation? operation)
    {
        switch (operation)
        {
            case null:
                return Owner.Unknown;
            case IExpressionStatementOperation statement:
                return Evaluate(statement.Operation);
            case IConversionOperation { OperatorMethod: null } or IParenthesizedOperation:
                return Evaluate(operation.Unwrap());
            case IFlowCaptureOperation capture:
                ulong captured = Evaluate(capture.Value);
                _values = _values.SetItem(capture.Id, captured);
                return captured;
            case IFlowCaptureReferenceOperation reference:
                return Lookup(reference.Id);
            case ILocalReferenceOperation local:
                ulong owner = Lookup(local.Local);
                if (findings is not null && Owner.IsDeadAt(owner, local, scopes) && local.NeedsTensor(torch))
                {
                    findings.UsedAfter.Add(local);
                }

                return owner;
            case ILiteralOperation { ConstantValue: { HasValue: true, Value: null } } or IDefaultValueOperation:
                return Owner.None;
            case ISimpleAssignmentOperation assignment:
                ulong assigned = Evaluate(assignment.Value);
                if (findings is not null && Store(assignment.Target) is { } variable && IsKept(assignment.Value, assigned))
                {
                    findings.Kept.Add((assignment.Value, variable));
                }

                return Assign(assignment.Target, assigned);
            case ICompoundAssignmentOperation compound:
                Evaluate(compound.Value);
                return Assign(compound.Target, torch.Owns(compound.OperatorMethod) ? Created(compound) : Owner.Unknown);
            case IInvocationOperation call:
                return EvaluateCall(call);
            case IPropertyReferenceOperation property:
                EvaluateChildren(property);
                return TensorOrigins.Of(property, torch) == TensorOrigin.New ? Created(property) : Owner.Unknown;
            case IBinaryOperation { OperatorMethod: { } method }:
                EvaluateChildren(operation);
                return torch.Owns(method) ? Created(operation) : Owner.Unknown;
            case IUnaryOperation { OperatorMethod: { } method }:
                EvaluateChildren(operation);
                return torch.Owns(method) ? Created(operation) : Owner.Unknown;
            case IObjectCreationOperation or IArrayCreationOperation or ITupleOperation or ICollectionExpressionOperation
                or IDeconstructionAssignmentOperation or IFlowAnonymousFunctionOperation or IDynamicInvocationOperation:
                EvaluateChildren(operation);
                Release(operation);
                return Owner.Unknown;
            default:
                EvaluateChildren(operation);
                return Owner.Unknown;
        }
    }

    private ulong EvaluateCall(IInvocationOperation call)
    {
        // The tensor that the call works on: the receiver of a Tensor method, else the first tensor argument.
        ulong? input = null;
        if (call.Instance is { } instance)
        {
            ulong receiver = Evaluate(instance);
            input = torch.IsTensor(instance.Type) ? receiver : null;
        }

        foreach (IArgumentOperation argument in call.Arguments)
        {
            ulong value = EvaluateArgument(argument, call.TargetMethod);
            if (findings is not null && call.AddsToCollection() && IsKept(argument.Value, value) && call.Instance.NamedVariable() is { } collection)
            {
                findings.Kept.Add((argument.Value, collection));
            }

            input ??= torch.IsTensor(argument.Value.Unwrap().Type) ? value : null;
        }

        if (Releases(call.TargetMethod))
        {
            Release(call);
            return Owner.Released;
        }

        ulong known = input ?? Owner.Unknown;
        return TensorOrigins.Of(call, torch) switch
        {
            TensorOrigin.New => Created(call),
            TensorOrigin.SameObject => known,
            TensorOrigin.NewOrSameObject when Owner.IsScoped(known) && (known & Owner.Unknown) == 0 => known | Created(call),
            _ => Owner.Unknown,
        };
    }

    private ulong EvaluateArgument(IArgumentOperation argument, IMethodSymbol method)
    {
        if (argument.Parameter?.RefKind is RefKind.Out or RefKind.Ref)
        {
            return Assign(argument.Value, Owner.Unknown);
        }

        // torch.cat([a, b]) only reads the list; anything else that is given a list may move what is in it.
        if (torch.Owns(method) && !Releases(method) && argument.Value.Unwrap() is IArrayCreationOperation or ICollectionExpressionOperation)
        {
            EvaluateChildren(argument.Value.Unwrap());
            return Owner.Unknown;
        }

        return Evaluate(argument.Value);
    }

    /// <summary>Methods after which the tensors they were given may live elsewhere: the Move/Detach family, and all code that is not TorchSharp's.</summary>
    private bool Releases(IMethodSymbol method) => !torch.Owns(method) || torch.IsScopeTransfer(method);

    /// <summary>The field behind an assignment's target, element stores into a field's collection included; locals are followed, not stored to.</summary>
    public static ISymbol? Store(IOperation target) => target.Unwrap() switch
    {
        IFieldReferenceOperation field => field.NamedVariable(),
        IArrayElementReferenceOperation element => element.ArrayReference.NamedVariable() as IFieldSymbol,
        IPropertyReferenceOperation { Property.IsIndexer: true, Instance: { } instance } => instance.NamedVariable() as IFieldSymbol,
        _ => null,
    };

    /// <summary>Parameters leave their scope when they are made, so only plain tensors count.</summary>
    private bool IsKept(IOperation value, ulong owner) =>
        Owner.DiesAt(owner, value, scopes) && (owner & Owner.Unknown) == 0
        && SymbolEqualityComparer.Default.Equals(value.Unwrap().Type, torch.Tensor);

    private void Release(IOperation operation)
    {
        foreach (IOperation descendant in operation.Descendants())
        {
            object? key = descendant switch
            {
                ILocalReferenceOperation local => local.Local,
                IFlowCaptureReferenceOperation capture => capture.Id,
                _ => null,
            };
            if (key is not null && _values.TryGetValue(key, out ulong owner))
            {
                _values = _values.SetItem(key, owner | Owner.Released);
            }
        }
    }

    private ulong Assign(IOperation target, ulong value)
    {
        switch (target.Unwrap())
        {
            case ILocalReferenceOperation local:
                _values = _values.SetItem(local.Local, value);
                break;
            case IDiscardOperation:
                break;
            case IFlowCaptureReferenceOperation capture:
                _values = _values.SetItem(capture.Id, Owner.Unknown);
                break;
            default:
                EvaluateChildren(target);
                break;
        }

        return value;
    }

    /// <summary>A new tensor belongs to the innermost scope of this function that is open where it is made.</summary>
    private ulong Created(IOperation operation)
    {
        for (int index = scopes.Length - 1; index >= 0; index--)
        {
            if (scopes[index].Contains(operation.Syntax.Span))
            {
                return Owner.Scope(index);
            }
        }

        return Owner.Unknown;
    }

    private ulong Lookup(object key) =>
        key is ILocalSymbol local && untracked.Contains(local) ? Owner.Unknown
        : _values.TryGetValue(key, out ulong owner) ? owner
        : Owner.Unknown;

    private void EvaluateChildren(IOperation operation)
    {
        foreach (IOperation child in operation.ChildOperations)
        {
            Evaluate(child);
        }
    }
}
