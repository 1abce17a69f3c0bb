using System.Runtime.CompilerServices;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Operations;

namespace ModelGen.Analyzers;

/// <summary>Finds the activation that a model applies last, from the source of its class or from the layers of a <c>Sequential</c>. The answers for classes are kept.</summary>
internal static class ModelOutput
{
    private const int MostClasses = 3;

    private static readonly ConditionalWeakTable<INamedTypeSymbol, StrongBox<string?>> s_known = new();

    /// <summary>The name of the activation, such as <c>log_softmax</c>, that certainly makes the value which the call of a module returns; null when it is none or not certain.</summary>
    /// <param name="call">The call of <c>forward</c> or <c>call</c>.</param>
    /// <param name="torch">The TorchSharp symbols.</param>
    /// <param name="cancellation">The token of the analysis.</param>
    public static string? ActivationOf(IInvocationOperation call, TorchSharpContext torch, CancellationToken cancellation) =>
        torch.IsForward(call.TargetMethod) && call.Instance is { } module ? OfModule(module, torch, 0, cancellation) : null;

    private static string? OfModule(IOperation module, TorchSharpContext torch, int depth, CancellationToken cancellation)
    {
        IOperation made = Made(module.Unwrap(), torch, cancellation);
        if (made is IInvocationOperation factory && torch.IsLayerFactory(factory.TargetMethod))
        {
            return ActivationNamed(factory.TargetMethod.Name) ?? (ContainerElements.IsCreation(made, torch) && factory.TargetMethod.Name == "Sequential" && !IsExtended(module.Unwrap(), cancellation)
                && ContainerElements.Of(made).LastOrDefault() is { } last ? OfModule(last, torch, depth, cancellation) : null);
        }

        if (ActivationNamed(torch.Owns(module.Type) ? module.Type!.Name : "") is { } activation)
        {
            return activation;
        }

        INamedTypeSymbol? type = (made is IObjectCreationOperation ? made.Type : module.Type) as INamedTypeSymbol;
        return depth < MostClasses && torch.IsUserModule(type) && module.SemanticModel?.Compilation is { } compilation
            && (made is IObjectCreationOperation || type!.IsSealed || !RootFacts.HasDerived(type, compilation))
                ? OfClass(type!, module, torch, depth, cancellation)
                : null;
    }

    private static string? OfClass(INamedTypeSymbol type, IOperation caller, TorchSharpContext torch, int depth, CancellationToken cancellation)
    {
        INamedTypeSymbol definition = type.OriginalDefinition;
        if (s_known.TryGetValue(definition, out StrongBox<string?> known))
        {
            return known.Value;
        }

        string? result = null;
        if (Forward(definition, torch) is { } forward && MethodCode.DeclarationOf(forward, caller, cancellation) is { } body)
        {
            List<string?> ends = [.. body.ReturnedValues().Select(value => OfValue(value, torch, depth, cancellation)).Distinct()];
            result = ends is [{ } only] ? only : null;
        }

        return s_known.GetValue(definition, _ => new StrongBox<string?>(result)).Value;
    }

    private static string? OfValue(IOperation value, TorchSharpContext torch, int depth, CancellationToken cancellation)
    {
        value = value.ValueAt();
        if (value is not IInvocationOperation call)
        {
            return null;
        }

        if (torch.IsForward(call.TargetMethod))
        {
            return call.Instance is { } module and not IInstanceReferenceOperation ? OfModule(module, torch, depth + 1, cancellation) : null;
        }

        if (!torch.Owns(call.TargetMethod))
        {
            return null;
        }

        return call.TargetMethod.Name is "MoveToOuterDisposeScope" or "DetachFromDisposeScope" or "squeeze" or "reshape" or "view" or "flatten" or "contiguous" && call.Instance is { } tensor
            ? OfValue(tensor, torch, depth, cancellation)
            : TensorCalls.Of(call, torch) is { Name: "softmax" or "log_softmax" or "sigmoid" } activation ? activation.Name : null;
    }

    private static IMethodSymbol? Forward(INamedTypeSymbol type, TorchSharpContext torch)
    {
        for (INamedTypeSymbol? current = type; current is not null && !torch.Owns(current); current = current.BaseType)
        {
            if (current.GetMembers("forward").OfType<IMethodSymbol>().ToList() is { Count: > 0 } methods)
            {
                return methods is [{ IsAbstract: false } only] ? only : null;
            }
        }

        return null;
    }

    /// <summary>What makes the module: itself, the only value of its local, or the only value that its class gives a field.</summary>
    private static IOperation Made(IOperation module, TorchSharpContext torch, CancellationToken cancellation)
    {
        if (module is not (IFieldReferenceOperation or IPropertyReferenceOperation) || module.NamedVariable() is not { ContainingType: { } type } component
            || type.DeclaringSyntaxReferences.IsEmpty || module.SemanticModel?.Compilation is not { } compilation)
        {
            return module.Resolve();
        }

        var values = new List<IOperation>();
        foreach (MemberCode member in TypeCode.MembersOf(type.OriginalDefinition, compilation, torch, cancellation))
        {
            values.AddRange(member.Of(OperationKind.SimpleAssignment).Cast<ISimpleAssignmentOperation>()
                .Where(assignment => SymbolEqualityComparer.Default.Equals(assignment.Target.NamedVariable()?.OriginalDefinition, component.OriginalDefinition)).Select(assignment => assignment.Value));
            values.AddRange(member.Of(OperationKind.FieldInitializer).Cast<IFieldInitializerOperation>()
                .Where(initializer => initializer.InitializedFields.Contains(component.OriginalDefinition, SymbolEqualityComparer.Default)).Select(initializer => initializer.Value));
            values.AddRange(member.Of(OperationKind.PropertyInitializer).Cast<IPropertyInitializerOperation>()
                .Where(initializer => initializer.InitializedProperties.Contains(component.OriginalDefinition, SymbolEqualityComparer.Default)).Select(initializer => initializer.Value));
        }

        return values is [{ } only] ? only.Resolve() : module;
    }

    /// <summary>True when something may append to the container later.</summary>
    private static bool IsExtended(IOperation module, CancellationToken cancellation) => module switch
    {
        ILocalReferenceOperation or IParameterReferenceOperation => module.Root().MentionsOf(module.NamedVariable()!).Any(mention => mention.MeaningfulParent() is IInvocationOperation { TargetMethod.Name: "append" }),
        _ => module.NamedVariable()?.ContainingType is { } type && RegistrationFacts.Mentions(type, ["append"], cancellation),
    };

    private static string? ActivationNamed(string layer) => layer switch
    {
        "Softmax" => "softmax",
        "LogSoftmax" => "log_softmax",
        "Sigmoid" => "sigmoid",
        _ => null,
    };
}
