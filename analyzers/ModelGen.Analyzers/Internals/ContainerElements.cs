using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Operations;

namespace ModelGen.Analyzers;

/// <summary>Finds the modules that are put into <c>Sequential</c>, <c>ModuleList</c> and <c>ModuleDict</c>.</summary>
internal static class ContainerElements
{
    private static readonly HashSet<string> s_adding = ["Add", "append", "Insert", "extend"];

    /// <summary>The calls that may put modules into a container: those that make one, and those that add to one.</summary>
    public static readonly string[] Calls = ["Sequential", "ModuleList", "ModuleDict", .. s_adding];

    /// <summary><c>nn.Sequential(...)</c>, <c>new ModuleList&lt;T&gt;(...)</c> and their like.</summary>
    public static bool IsCreation(IOperation value, TorchSharpContext torch) => value switch
    {
        IInvocationOperation call => torch.IsLayerFactory(call.TargetMethod) && IsContainer(call.Type, torch),
        IObjectCreationOperation creation => IsContainer(creation.Type, torch),
        _ => false,
    };

    /// <summary><c>container.append(...)</c> and its like.</summary>
    public static bool IsAddition(IOperation value, TorchSharpContext torch) =>
        value is IInvocationOperation { Instance: { } container } call && s_adding.Contains(call.TargetMethod.Name) && IsContainer(container.Type, torch);

    /// <summary>The modules that the creation or addition puts into the container, as far as they can be seen: through arrays, collections, tuples, and lists and queries of the same member.</summary>
    public static IEnumerable<IOperation> Of(IOperation creationOrAddition) => Arguments(creationOrAddition).SelectMany(argument => Elements(argument.Value, creationOrAddition));

    private static bool IsContainer(ITypeSymbol? type, TorchSharpContext torch) => torch.Owns(type) && type!.Name is "Sequential" or "ModuleList" or "ModuleDict";

    private static IEnumerable<IArgumentOperation> Arguments(IOperation operation) => operation switch
    {
        IInvocationOperation call => call.Arguments,
        IObjectCreationOperation creation => creation.Arguments,
        _ => [],
    };

    private static IEnumerable<IOperation> Elements(IOperation value, IOperation container)
    {
        value = value.Unwrap();
        switch (value)
        {
            case IArrayCreationOperation array:
                return array.Initializer?.ElementValues.SelectMany(element => Elements(element, container)) ?? [];
            case ICollectionExpressionOperation collection:
                return collection.Elements.SelectMany(element => Elements(element, container));
            case ISpreadOperation spread:
                return Elements(spread.Operand, container);
            case ITupleOperation tuple:
                return tuple.Elements.Where(element => element.Unwrap().Type?.SpecialType != SpecialType.System_String).SelectMany(element => Elements(element, container));
            case IObjectCreationOperation creation when IsOfTheFramework(creation.Type):
                return creation.Arguments.Select(argument => argument.Value)
                    .Concat(creation.Initializer?.Initializers.OfType<IInvocationOperation>().SelectMany(added => added.Arguments.Select(argument => argument.Value)) ?? [])
                    .Where(element => element.Type?.SpecialType is not (SpecialType.System_String or SpecialType.System_Int32))
                    .SelectMany(element => Elements(element, container));
            case IInvocationOperation { TargetMethod: { } method } call when IsOfTheFramework(method.ContainingType):
                return method.Name is "Select" or "SelectMany"
                    ? call.Arguments.SelectMany(argument => ReturnedBy(argument.Value)).SelectMany(element => Elements(element, container))
                    : call.Receiver() is { } receiver ? Elements(receiver, container) : call.Arguments.SelectMany(argument => Elements(argument.Value, container));
            case ILocalReferenceOperation { Local: { Type: { } type } local } when IsOfTheFramework(type) || type is IArrayTypeSymbol:
                return PutInto(local, value, container);
            default:
                return [value];
        }
    }

    /// <summary>What a local list is given, when it is filled for this container only.</summary>
    private static IEnumerable<IOperation> PutInto(ILocalSymbol local, IOperation mention, IOperation container)
    {
        IOperation root = mention.Root();
        var values = new List<IOperation>();
        foreach (IOperation operation in root.Descendants())
        {
            switch (operation)
            {
                case IVariableDeclaratorOperation declarator when SymbolEqualityComparer.Default.Equals(declarator.Symbol, local) && declarator.GetVariableInitializer() is { } initializer:
                    values.Add(initializer.Value);
                    break;
                case ILocalReferenceOperation reference when SymbolEqualityComparer.Default.Equals(reference.Local, local) && reference != mention:
                    if (reference.MeaningfulParent() is IInvocationOperation { TargetMethod.Name: "Add" or "AddRange" or "Insert" } added && added.Instance?.Unwrap() == reference)
                    {
                        values.AddRange(added.Arguments.Select(argument => argument.Value).Where(value => value.Type?.SpecialType != SpecialType.System_Int32));
                        break;
                    }

                    if (reference.MeaningfulParent() is not IPropertyReferenceOperation { Property.Name: "Count" or "Length" })
                    {
                        return [];
                    }

                    break;
            }
        }

        return values.SelectMany(value => Elements(value, container));
    }

    private static IEnumerable<IOperation> ReturnedBy(IOperation function) =>
        function.Unwrap() is IDelegateCreationOperation { Target: IAnonymousFunctionOperation lambda } ? lambda.ReturnedValues() : [];

    private static bool IsOfTheFramework(ITypeSymbol? type) => type?.ContainingNamespace is { } space && space.ToDisplayString() is "System" or "System.Linq" or "System.Collections.Generic" or "System.Collections.Immutable";
}
