using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Operations;

namespace ModelGen.Analyzers;

/// <summary>Small questions about operations that most rules ask.</summary>
internal static class OperationFacts
{
    /// <summary>The operation under any parentheses and built-in conversions; a user-defined conversion makes a new value and stays.</summary>
    public static IOperation Unwrap(this IOperation operation)
    {
        while (true)
        {
            switch (operation)
            {
                case IConversionOperation { OperatorMethod: null } conversion:
                    operation = conversion.Operand;
                    break;
                case IParenthesizedOperation parenthesized:
                    operation = parenthesized.Operand;
                    break;
                default:
                    return operation;
            }
        }
    }

    /// <summary>The nearest ancestor that is neither a conversion nor a pair of parentheses.</summary>
    public static IOperation? MeaningfulParent(this IOperation operation)
    {
        IOperation? parent = operation.Parent;
        while (parent is IConversionOperation { OperatorMethod: null } or IParenthesizedOperation)
        {
            parent = parent.Parent;
        }

        return parent;
    }

    /// <summary>The topmost operation of the tree that this one is in.</summary>
    public static IOperation Root(this IOperation operation)
    {
        while (operation.Parent is { } parent)
        {
            operation = parent;
        }

        return operation;
    }

    /// <summary>What a method, local function or lambda returns, each <c>return</c> with a value in it; those of functions inside it are theirs.</summary>
    public static IEnumerable<IOperation> ReturnedValues(this IOperation function) =>
        function.Descendants().OfType<IReturnOperation>().Where(value => value.ReturnedValue is not null && value.EnclosingFunction() == function).Select(value => value.ReturnedValue!);

    /// <summary>The lambda, local function or member body that directly contains the operation.</summary>
    public static IOperation EnclosingFunction(this IOperation operation)
    {
        IOperation current = operation;
        while (current.Parent is { } parent)
        {
            current = parent;
            if (current is IAnonymousFunctionOperation or ILocalFunctionOperation)
            {
                break;
            }
        }

        return current;
    }

    /// <summary>
    /// The variable that an operation names: a local, a parameter, or a field or property of <c>this</c> or of a type.
    /// Null for anything else, because two mentions of it need not be the same object.
    /// </summary>
    public static ISymbol? NamedVariable(this IOperation? operation) => operation?.Unwrap() switch
    {
        ILocalReferenceOperation local => local.Local,
        IParameterReferenceOperation parameter => parameter.Parameter,
        IFieldReferenceOperation { Instance: null or IInstanceReferenceOperation } field => field.Field,
        IPropertyReferenceOperation { Instance: null or IInstanceReferenceOperation, Arguments.IsEmpty: true } property => property.Property,
        _ => null,
    };

    /// <summary>The object that a method is called on, also when it is an extension method.</summary>
    public static IOperation? Receiver(this IInvocationOperation invocation) =>
        invocation.Instance
        ?? (invocation.TargetMethod.IsExtensionMethod && invocation.Arguments.Length > 0 ? invocation.Arguments[0].Value : null);

    /// <summary>True when both name the same variable, or the same field or property of objects that do.</summary>
    public static bool IsSamePlaceAs(this IOperation? operation, IOperation? other) =>
        operation.NamedVariable() is { } variable ? SymbolEqualityComparer.Default.Equals(variable, other.NamedVariable())
        : operation?.Unwrap() is IMemberReferenceOperation { Instance: { } whole, Member: IFieldSymbol or IPropertySymbol { IsIndexer: false } } member
            && other?.Unwrap() is IMemberReferenceOperation { Instance: { } otherWhole } otherMember
            && SymbolEqualityComparer.Default.Equals(member.Member, otherMember.Member) && whole.IsSamePlaceAs(otherWhole);

    /// <summary>True for an automatic property: it gives back the object that was put there.</summary>
    public static bool IsStored(this IPropertySymbol property) =>
        property.ContainingType.GetMembers().OfType<IFieldSymbol>().Any(field => SymbolEqualityComparer.Default.Equals(field.AssociatedSymbol, property));

    /// <summary>What a method is called on; for <c>x?.M()</c>, that is <c>x</c>.</summary>
    public static IOperation? Subject(this IInvocationOperation invocation)
    {
        IOperation? subject = invocation.Receiver()?.Unwrap();
        if (subject is not IConditionalAccessInstanceOperation)
        {
            return subject;
        }

        for (IOperation? current = invocation.Parent; current is not null; current = current.Parent)
        {
            if (current is IConditionalAccessOperation access)
            {
                return access.Operation.Unwrap();
            }
        }

        return null;
    }

    public static bool Names(this IOperation? operation, ISymbol symbol) =>
        SymbolEqualityComparer.Default.Equals(operation.NamedVariable(), symbol);

    /// <summary>Where the operation starts in its file; orders operations of one member.</summary>
    public static int Start(this IOperation operation) => operation.Syntax.SpanStart;

    /// <summary>A call that puts its argument into a collection of the framework's.</summary>
    public static bool AddsToCollection(this IInvocationOperation call) =>
        call is { TargetMethod.Name: "Add" or "Enqueue" or "Push" or "Insert" or "TryAdd", Instance: not null }
        && call.TargetMethod.ContainingNamespace.ToDisplayString().StartsWith("System.Collections", StringComparison.Ordinal);

    /// <summary>The argument of a parameter by name, when the source gives it.</summary>
    public static IOperation? Given(this IInvocationOperation call, string parameter)
    {
        foreach (IArgumentOperation argument in call.Arguments)
        {
            if (argument.Parameter?.Name == parameter && argument.ArgumentKind != ArgumentKind.DefaultValue)
            {
                return argument.Value;
            }
        }

        return null;
    }

    public static bool IsConstant(this IOperation? operation, object value) =>
        operation is { ConstantValue: { HasValue: true, Value: { } constant } } && constant.Equals(value);

    /// <summary>True when evaluating the expression may take different ways: <c>?:</c>, <c>??</c>, <c>?.</c>, <c>switch</c>, <c>&amp;&amp;</c>, <c>||</c>.</summary>
    public static bool Branches(this IOperation value) => value.DescendantsAndSelf().Any(operation =>
        operation is IConditionalOperation or ICoalesceOperation or IConditionalAccessOperation or ISwitchExpressionOperation
            or IBinaryOperation { OperatorKind: BinaryOperatorKind.ConditionalAnd or BinaryOperatorKind.ConditionalOr });
}
