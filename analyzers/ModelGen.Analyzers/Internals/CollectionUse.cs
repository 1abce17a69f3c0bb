using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Operations;

namespace ModelGen.Analyzers;

/// <summary>What one mention of a collection of modules or parameters tells about it.</summary>
internal enum CollectionUse
{
    /// <summary>Reading: counting, indexing to run a layer, iterating.</summary>
    Neutral,

    /// <summary>A module or parameter that is made on the spot goes into the collection.</summary>
    StoresNewModule,

    /// <summary>The collection or an element of it goes to code that may register it.</summary>
    Escapes,
}

/// <summary>Classifies the mentions of a field that holds modules or parameters in an ordinary collection.</summary>
internal static class CollectionUses
{
    private static readonly HashSet<string> s_adding = ["Add", "AddRange", "Insert", "Append", "Enqueue", "Push", "TryAdd", "AddLast", "AddFirst"];

    public static CollectionUse Classify(IOperation reference, TorchSharpContext torch, CancellationToken cancellation)
    {
        IOperation current = reference;
        while (true)
        {
            switch (current.MeaningfulParent())
            {
                case ISimpleAssignmentOperation assignment when assignment.Target.Unwrap() == current:
                    return MakesComponent(assignment.Value, torch, cancellation) ? CollectionUse.StoresNewModule : CollectionUse.Neutral;
                case ISimpleAssignmentOperation or IVariableInitializerOperation or IReturnOperation:
                    return current == reference || IsElement(current, torch) ? CollectionUse.Escapes : CollectionUse.Neutral;
                case IInvocationOperation call when call.Instance?.Unwrap() == current:
                    if (s_adding.Contains(call.TargetMethod.Name) && !torch.Owns(call.TargetMethod))
                    {
                        return call.Arguments.Any(argument => MakesComponent(argument.Value, torch, cancellation)) ? CollectionUse.StoresNewModule : CollectionUse.Neutral;
                    }

                    if (torch.IsModule(call.TargetMethod.ContainingType))
                    {
                        return CollectionUse.Neutral;
                    }

                    current = call;
                    break;
                case IArgumentOperation { Parent: IInvocationOperation { TargetMethod.IsExtensionMethod: true } extension } argument
                    when extension.Arguments[0] == argument && !torch.IsModuleMove(extension.TargetMethod) && IsLinq(extension.TargetMethod):
                    current = extension;
                    break;
                case IArgumentOperation { Parent: IInvocationOperation call } when torch.IsModuleMove(call.TargetMethod) || OnlyReads(call.TargetMethod, torch):
                    return CollectionUse.Neutral;
                case IFieldReferenceOperation { Field.ContainingType.IsTupleType: true } part:
                    current = part;
                    break;
                case IForEachLoopOperation loop:
                    return LoopVariableEscapes(loop, torch) ? CollectionUse.Escapes : CollectionUse.Neutral;
                case IArrayElementReferenceOperation element when element.ArrayReference.Unwrap() == current:
                    current = element;
                    break;
                case IPropertyReferenceOperation property when property.Instance?.Unwrap() == current:
                    if (!property.Property.IsIndexer)
                    {
                        return property.Property.Name is "Values" && !IsIterated(property, torch) ? CollectionUse.Escapes : CollectionUse.Neutral;
                    }

                    current = property;
                    break;
                case IArgumentOperation or IArrayInitializerOperation or ITupleOperation or ISpreadOperation or ICollectionExpressionOperation or IAnonymousFunctionOperation:
                    return CollectionUse.Escapes;
                default:
                    return CollectionUse.Neutral;
            }
        }
    }

    /// <summary>
    /// True when the value makes modules or parameters: constructs one, or calls a TorchSharp factory, possibly in a lambda, an initializer, a local list, or a helper that returns a collection.
    /// </summary>
    public static bool MakesComponent(IOperation value, TorchSharpContext torch, CancellationToken cancellation) => value.DescendantsAndSelf().Any(operation => operation switch
    {
        IObjectCreationOperation or IInvocationOperation when torch.IsParameterCreation(operation) => true,
        IObjectCreationOperation or ITypeParameterObjectCreationOperation => torch.IsModule(operation.Type),
        IInvocationOperation call => torch.Owns(call.TargetMethod)
            ? call.TargetMethod.IsStatic && torch.IsModule(call.Type) && !torch.IsModuleMove(call.TargetMethod)
            : HoldsComponents(call.Type, torch) && MadeByHelper(call, torch, cancellation),
        ILocalReferenceOperation { Local: { } local } => torch.IsModule(local.Type) || torch.IsParameter(local.Type)
            ? IsFreshAndPrivate(local, operation, torch, cancellation)
            : HoldsComponents(local.Type, torch) && IsFreshCollection(local, operation, torch, cancellation),
        _ => false,
    });

    /// <summary>The type of the modules or parameters in a collection or tuple, in one of collections included; null when it holds none.</summary>
    public static ITypeSymbol? ComponentTypeIn(ITypeSymbol? type, TorchSharpContext torch) => ElementsOf(type) switch
    {
        INamedTypeSymbol { IsTupleType: true } tuple => tuple.TupleElements.Select(element => element.Type).FirstOrDefault(element => torch.IsModule(element) || torch.IsParameter(element)),
        { } element when torch.IsModule(element) || torch.IsParameter(element) => element,
        { } inner => ComponentTypeIn(inner, torch),
        null => null,
    };

    /// <summary>What an ordinary collection holds; a tuple stands for itself.</summary>
    public static ITypeSymbol? ElementsOf(ITypeSymbol? type) => type switch
    {
        IArrayTypeSymbol array => array.ElementType,
        INamedTypeSymbol { IsTupleType: true } tuple => tuple,
        INamedTypeSymbol { IsGenericType: true } named when named.ContainingNamespace.ToDisplayString().StartsWith("System.Collections", StringComparison.Ordinal) => named.TypeArguments[^1],
        _ => null,
    };

    private static bool HoldsComponents(ITypeSymbol? type, TorchSharpContext torch) => type is not INamedTypeSymbol { IsTupleType: true } && ComponentTypeIn(type, torch) is not null;

    /// <summary>A helper of the user's that fills a collection and gives none of it to a container.</summary>
    private static bool MadeByHelper(IInvocationOperation call, TorchSharpContext torch, CancellationToken cancellation) =>
        MethodCode.BodyOf(call.TargetMethod, call, cancellation) is { } body
        && body.Descendants().Any(operation => operation is IObjectCreationOperation && torch.IsModule(operation.Type) || LayerFacts.Factory(operation, torch) is not null || torch.IsParameterCreation(operation))
        && !body.Descendants().Any(operation => ContainerElements.IsCreation(operation, torch) || ContainerElements.IsAddition(operation, torch));

    /// <summary>A local collection that is filled with new modules or parameters and goes nowhere else.</summary>
    private static bool IsFreshCollection(ILocalSymbol local, IOperation mention, TorchSharpContext torch, CancellationToken cancellation)
    {
        bool filled = false;
        foreach (IOperation operation in mention.Root().Descendants())
        {
            if (operation is IVariableDeclaratorOperation declarator && SymbolEqualityComparer.Default.Equals(declarator.Symbol, local))
            {
                filled |= declarator.GetVariableInitializer()?.Value is { } initial && initial.Unwrap() is not ILocalReferenceOperation && MakesComponent(initial, torch, cancellation);
            }
            else if (operation is ILocalReferenceOperation reference && SymbolEqualityComparer.Default.Equals(reference.Local, local) && reference != mention)
            {
                switch (Classify(reference, torch, cancellation))
                {
                    case CollectionUse.Escapes:
                        return false;
                    case CollectionUse.StoresNewModule:
                        filled = true;
                        break;
                }
            }
        }

        return filled;
    }

    /// <summary>A local that starts as a new module or parameter and goes nowhere but into the collection.</summary>
    private static bool IsFreshAndPrivate(ILocalSymbol local, IOperation mention, TorchSharpContext torch, CancellationToken cancellation)
    {
        List<IOperation> operations = [.. mention.Root().Descendants()];
        return operations.OfType<IVariableDeclaratorOperation>().Any(declarator =>
                SymbolEqualityComparer.Default.Equals(declarator.Symbol, local)
                && declarator.GetVariableInitializer()?.Value.Unwrap() is { } value
                && value is not ILocalReferenceOperation && MakesComponent(value, torch, cancellation))
            && operations.OfType<ILocalReferenceOperation>().All(reference =>
                !SymbolEqualityComparer.Default.Equals(reference.Local, local) || reference == mention || reference.MeaningfulParent() is IInvocationOperation);
    }

    private static bool LoopVariableEscapes(IForEachLoopOperation loop, TorchSharpContext torch) =>
        loop.Body.Descendants().OfType<ILocalReferenceOperation>().Any(reference =>
            loop.Locals.Contains(reference.Local, SymbolEqualityComparer.Default)
            && reference.MeaningfulParent() switch
            {
                IInvocationOperation => false,
                IArgumentOperation { Parent: IInvocationOperation call } => !torch.IsModuleMove(call.TargetMethod),
                IPropertyReferenceOperation { Property: { } property } => torch.IsModule(property.Type),
                IForEachLoopOperation inner => LoopVariableEscapes(inner, torch),
                _ => true,
            });

    private static bool IsIterated(IPropertyReferenceOperation property, TorchSharpContext torch) =>
        property.MeaningfulParent() is IForEachLoopOperation loop && !LoopVariableEscapes(loop, torch);

    private static bool IsElement(IOperation value, TorchSharpContext torch) =>
        torch.IsModule(value.Type) || torch.IsParameter(value.Type) || value.Type is { TypeKind: TypeKind.Array } or { IsTupleType: true };

    /// <summary>A function of tensors, or one that fills a parameter with its first values.</summary>
    private static bool OnlyReads(IMethodSymbol method, TorchSharpContext torch) =>
        torch.IsTensorFunction(method) || torch.IsTensorMethod(method) || (torch.Owns(method) && method.ContainingType.Name == "init");

    private static bool IsLinq(IMethodSymbol method) => method.ContainingType.ToDisplayString() == "System.Linq.Enumerable";
}
