using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Microsoft.CodeAnalysis.Operations;

namespace ModelGen.Generator.Evaluation;

/// <content>Which member of a class hierarchy a call, read or write means.</content>
internal sealed partial class Evaluator
{
    /// <summary>Runs the base constructor that C# calls where none is written, with the default values of its parameters.</summary>
    private void RunImplicitBase(SymObject instance, INamedTypeSymbol parent, SyntaxNode at)
    {
        IMethodSymbol[] candidates = [.. parent.InstanceConstructors.Where(static constructor => constructor.Parameters.All(static parameter => parameter.IsOptional || parameter.IsParams))];

        // C# takes the one without parameters first.
        IMethodSymbol? chosen = candidates.FirstOrDefault(static constructor => constructor.Parameters.IsEmpty) ?? (candidates.Length == 1 ? candidates[0] : null);
        if (chosen is null || chosen.Parameters.Any(static parameter => parameter.IsParams || parameter.GetAttributes().Any(static attribute => attribute.AttributeClass?.Name.StartsWith("Caller", StringComparison.Ordinal) == true)))
        {
            throw EvaluationException.Unsupported(at, $"which constructor of the base class '{parent.Name}' runs here, and with what, is not followed; write ': base(...)' with all arguments");
        }

        RunConstructor(instance, parent, chosen, [.. chosen.Parameters.Select(static parameter => parameter.ExplicitDefaultValue is { } value ? ConvertTo(FromClr(value, parameter.Type), parameter.Type) : Default(parameter.Type))], at);
    }

    /// <summary>Whether a receiver is <c>base</c>, so that the base's member itself is meant and no override of it.</summary>
    private static bool IsBase(IOperation? receiver) => receiver is IInstanceReferenceOperation { Syntax: BaseExpressionSyntax };

    /// <summary>The user's override of a method of TorchSharp's module classes. Methods that only hide it or have its name are not what TorchSharp calls.</summary>
    private static IMethodSymbol? OverrideOfLibrary(SymObject instance, string name, int parameters)
    {
        for (INamedTypeSymbol? type = instance.Type; type is not null; type = type.BaseType)
        {
            foreach (IMethodSymbol method in type.DeclaringSyntaxReferences.Length == 0 ? type.GetMembers(name).OfType<IMethodSymbol>() : [])
            {
                if (method.Parameters.Length == parameters && Virtual(instance, method) is { IsAbstract: false, DeclaringSyntaxReferences.Length: > 0 } found)
                {
                    return found;
                }
            }
        }

        return null;
    }

    /// <summary>Refuses classes whose own <c>train</c> or <c>eval</c> does more than TorchSharp's: the generated code would not see it.</summary>
    private void CheckModeMethods(SymObject instance)
    {
        foreach (IMethodSymbol? method in new[] { OverrideOfLibrary(instance, "train", 1), OverrideOfLibrary(instance, "eval", 0) })
        {
            if (method is not null && FindBody(method) is { } body)
            {
                ExpressionSyntax? only = body switch
                {
                    BlockSyntax { Statements: [ExpressionStatementSyntax { Expression: { } statement }] } => statement,
                    ExpressionSyntax expression => expression,
                    _ => null,
                };
                bool isPlain = only is InvocationExpressionSyntax { Expression: MemberAccessExpressionSyntax { Expression: BaseExpressionSyntax } access } call
                    && access.Name.Identifier.Text == method.Name && call.ArgumentList.Arguments.All(argument => argument.Expression is IdentifierNameSyntax name && name.Identifier.Text == method.Parameters.FirstOrDefault()?.Name)
                    && call.ArgumentList.Arguments.Count == method.Parameters.Length;
                if (!isPlain)
                {
                    throw EvaluationException.Unsupported(body, $"'{instance.Type.Name}' has a '{method.Name}' of its own, which the generated code would not see; ask 'training' in forward instead");
                }
            }
        }
    }

    /// <summary>What the value of a field or automatic property is kept under: the property for the field that <c>field</c> means in its accessors.</summary>
    private static ISymbol Kept(ISymbol member) => ((member as IFieldSymbol)?.AssociatedSymbol as IPropertySymbol ?? member).OriginalDefinition;

    /// <summary>The implementation of a static member of an interface in the type that a type parameter stands for.</summary>
    private static ISymbol StaticImplementation(ISymbol member, ITypeSymbol? constrained, Frame frame, SyntaxNode at)
    {
        if (constrained is null || !member.IsStatic || !(member.IsVirtual || member.IsAbstract) || member.ContainingType is not { TypeKind: TypeKind.Interface, DeclaringSyntaxReferences.Length: > 0 })
        {
            return member;
        }

        INamedTypeSymbol? type = Known(constrained, frame.TypeArguments) as INamedTypeSymbol;
        INamedTypeSymbol[] interfaces = [.. (type?.AllInterfaces ?? []).Where(candidate => SymbolEqualityComparer.Default.Equals(candidate.OriginalDefinition, member.ContainingType.OriginalDefinition))];
        ISymbol? declared = interfaces.Length == 1 ? interfaces[0].GetMembers(member.Name).FirstOrDefault(candidate => SymbolEqualityComparer.Default.Equals(candidate.OriginalDefinition, member.OriginalDefinition)) : null;
        return declared is null or IMethodSymbol { IsGenericMethod: true } || type!.FindImplementationForInterfaceMember(declared) is not { } implementation
            ? throw EvaluationException.Unsupported(at, $"which implementation of '{member.ContainingType.Name}.{member.Name}' is meant is not known during the build; pass an object or a function instead")
            : implementation;
    }

    /// <summary>An override may leave out an accessor; the base's one stays then.</summary>
    private static IPropertySymbol WithAccessor(IPropertySymbol property, Func<IPropertySymbol, IMethodSymbol?> accessor)
    {
        IPropertySymbol? found = property;
        while (found is not null && accessor(found) is null)
        {
            found = found.OverriddenProperty;
        }

        return found ?? property;
    }

    private static EvaluationException BaseIndexer(SyntaxNode at) =>
        EvaluationException.Unsupported(at, "an indexer of 'base' is not followed; put its code into a method that both classes call");

    /// <summary>A method as a value; <c>base.F</c> keeps the base's own method.</summary>
    private SymFunction MethodValue(IMethodReferenceOperation method, Frame frame)
    {
        object? receiver = method.Instance is null ? null : Evaluate(method.Instance, frame);
        SyntaxNode? body = IsBase(method.Instance) ? BodyOf(method.Method, method.Syntax) : null;
        return new SymFunction((IMethodSymbol)StaticImplementation(method.Method, method.ConstrainedToType, frame, method.Syntax), receiver, method.Method.MethodKind == MethodKind.LocalFunction ? Around(method.Method, frame) : null, body);
    }
}
