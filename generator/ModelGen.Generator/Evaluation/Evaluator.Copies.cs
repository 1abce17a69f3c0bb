using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Operations;
using ModelGen.Compiler.FrontEnd;
using ModelGen.Compiler.Ir;

namespace ModelGen.Generator.Evaluation;

/// <content>Value types: reading one gives a copy, and two are equal when their contents are.</content>
internal sealed partial class Evaluator
{
    /// <summary>What reading a variable, field, property or element gives: a copy of a struct or tuple, unless a member of the place itself is meant.</summary>
    private static object? Own(object? value, IOperation read) => value is SymObject { Type.IsValueType: true } || (value is SymList && read.Type is { IsTupleType: true })
        ? MeansThePlace(read) ? value : CopyOf(value, read.Type)
        : value;

    private static bool MeansThePlace(IOperation read) => read.Parent switch
    {
        IFieldReferenceOperation field => field.Instance == read,
        IPropertyReferenceOperation property => property.Instance == read && read is not IPropertyReferenceOperation,
        IInvocationOperation call => call.Instance == read && read is not IPropertyReferenceOperation && read is not IFieldReferenceOperation { Field.IsReadOnly: true },
        IArgumentOperation { Parameter.RefKind: not RefKind.None } => true,
        _ => false,
    };

    /// <summary>A copy of a struct or tuple, with the structs and tuples in it.</summary>
    private static object? CopyOf(object? value, ITypeSymbol? type)
    {
        switch (value)
        {
            case SymObject { Type.IsValueType: true } instance:
                return instance.Copy();
            case SymList tuple when type is INamedTypeSymbol { IsTupleType: true } described && described.TupleElements.Length == tuple.Items.Count:
                return new SymList(tuple.Items.Select((item, index) => CopyOf(item, described.TupleElements[index].Type)).ToArray());
            default:
                return value;
        }
    }

    /// <summary>A value as a variable of a type holds it, where C# converts without a conversion in the code: whole numbers become real ones, also in tuples.</summary>
    private static object? ConvertTo(object? value, ITypeSymbol? type)
    {
        ITypeSymbol? kept = type is INamedTypeSymbol { OriginalDefinition.SpecialType: SpecialType.System_Nullable_T } nullable ? nullable.TypeArguments[0] : type;
        return value switch
        {
            Dim { Constant: long whole } when kept?.SpecialType == SpecialType.System_Double => (double)whole,
            Dim { Constant: long whole } when kept?.SpecialType == SpecialType.System_Single => (double)(float)whole,
            char letter when kept?.SpecialType is >= SpecialType.System_SByte and <= SpecialType.System_UInt64 => (Dim)letter,
            SymList tuple when kept is INamedTypeSymbol { IsTupleType: true } described && described.TupleElements.Length == tuple.Items.Count =>
                new SymList(tuple.Items.Select((item, index) => ConvertTo(item, described.TupleElements[index].Type)).ToArray()),
            _ => value,
        };
    }

    /// <summary>Whether two objects are equal as <c>Equals</c> says: records, structs and anonymous types by their contents, others when they are one.</summary>
    private bool SameObjects(SymObject a, SymObject b, SyntaxNode at)
    {
        if (ReferenceEquals(a, b))
        {
            return true;
        }

        if (!a.Type.IsRecord && !a.Type.IsValueType && !a.Type.IsAnonymousType)
        {
            return HasOwnEquals(a.Type) ? throw OwnEquals(a, at) : false;
        }

        if (HasOwnEquals(a.Type))
        {
            throw OwnEquals(a, at);
        }

        CheckStack(at);
        return SymbolEqualityComparer.Default.Equals(a.Type, b.Type) && a.Members(b).All(pair => SameMembers(pair.Member, pair.First, pair.Second, at));
    }

    private bool SameMembers(ISymbol member, object? a, object? b, SyntaxNode at)
    {
        ITypeSymbol? type = (member as IFieldSymbol)?.Type ?? (member as IPropertySymbol)?.Type;
        return a is SymList && b is SymList && type is not { IsTupleType: true } ? ReferenceEquals(a, b) : Same(a, b, at);
    }

    /// <summary>Whether the user wrote how objects of a class compare.</summary>
    private static bool HasOwnEquals(INamedTypeSymbol type)
    {
        for (INamedTypeSymbol? current = type; current is { SpecialType: SpecialType.None }; current = current.BaseType)
        {
            if (current.GetMembers("Equals").OfType<IMethodSymbol>().Any(static method => !method.IsImplicitlyDeclared && method.DeclaringSyntaxReferences.Length > 0))
            {
                return true;
            }
        }

        return false;
    }

    private static EvaluationException OwnEquals(SymObject instance, SyntaxNode at) => EvaluationException.Unsupported(
        at, $"'{instance.Type.Name}' has an Equals method of its own, which is not run here during the build; compare the members that matter");
}
