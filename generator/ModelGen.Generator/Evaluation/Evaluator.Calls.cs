using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Operations;
using ModelGen.Compiler.FrontEnd;
using ModelGen.Compiler.Modules;
using ModelGen.Generator.Parsing;

namespace ModelGen.Generator.Evaluation;

/// <content>Calls.</content>
internal sealed partial class Evaluator
{
    private object? Call(IInvocationOperation call, Frame frame)
    {
        IMethodSymbol method = (IMethodSymbol)StaticImplementation(call.TargetMethod, call.ConstrainedToType, frame, call.Syntax);
        if (method.MethodKind == MethodKind.DelegateInvoke)
        {
            return Evaluate(call.Instance!, frame) is SymFunction function
                ? CallFunction(function, [.. Arguments(call.Arguments, frame, out WriteBack? back).Select(static pair => pair.Value)], call.Syntax, back)
                : throw EvaluationException.Unsupported(call.Syntax, "this delegate is not known during the build");
        }

        if (method.ReturnsByRef || method.ReturnsByRefReadonly)
        {
            throw ByReference(call.Syntax);
        }

        if (LayerMembers.AttributeOf(method) is { } attribute)
        {
            SymObject model = (call.Instance is null or IInstanceReferenceOperation ? frame.This : Evaluate(call.Instance, frame)) as SymObject ?? (SymObject)frame.This!;
            return ApplyLayer(model, method, attribute, [.. Arguments(call.Arguments, frame, out _).Select(static pair => pair.Value)], call.Syntax);
        }

        // Debug.Assert, Trace.WriteLine, Contract.Requires and the user's own: the compiler of C# may leave such calls out with their arguments.
        if (method.GetAttributes().Any(attribute => cache.NameOf(attribute.AttributeClass) == "System.Diagnostics.ConditionalAttribute"))
        {
            return null;
        }

        // base.forward(x) means the base's method itself.
        object? receiver = call.Instance is null ? null : Evaluate(call.Instance, frame);
        bool shows = method is { ReturnsVoid: true, IsStatic: true } && cache.NameOf(method.ContainingType) is "System.Console" or "System.Diagnostics.Debug" or "System.Diagnostics.Trace";
        onlyShown += shows ? 1 : 0;
        IReadOnlyList<KeyValuePair<string, object?>> arguments = Arguments(call.Arguments, frame, out WriteBack? after);
        onlyShown -= shows ? 1 : 0;
        return Dispatch(method, receiver, arguments, call.Syntax, call.IsVirtual, method.MethodKind == MethodKind.LocalFunction ? Around(method, frame) : null, after);
    }

    /// <summary>Calls a function value.</summary>
    private object? CallFunction(SymFunction function, IReadOnlyList<object?> arguments, SyntaxNode at, WriteBack? after = null)
    {
        if (function.Code is not null || function.Body is not null || function.Captured is not null)
        {
            return Invoke(function, arguments, at, after);
        }

        IMethodSymbol method = function.Method;
        KeyValuePair<string, object?>[] named = [.. method.Parameters.Select((parameter, index) => new KeyValuePair<string, object?>(parameter.Name, index < arguments.Count ? arguments[index] : null))];
        return Dispatch(method, function.Receiver, named, at, isVirtual: true, null, after);
    }

    private object? Dispatch(
        IMethodSymbol method, object? receiver, IReadOnlyList<KeyValuePair<string, object?>> arguments, SyntaxNode at, bool isVirtual, Frame? captured, WriteBack? after)
    {
        INamedTypeSymbol? owner = method.ContainingType;
        if (owner is { DeclaringSyntaxReferences.Length: 0 })
        {
            string type = cache.NameOf(owner);
            if (type != "System.Linq.Enumerable")
            {
                // Code that cannot be seen runs through a query once.
                arguments = [.. arguments.Select(pair => pair.Value is SymSequence ? new KeyValuePair<string, object?>(pair.Key, Listed(pair.Value, at)) : pair)];
                receiver = Listed(receiver, at);
            }

            if (type.StartsWith("TorchSharp.", StringComparison.Ordinal))
            {
                // `base.forward(x)` of a class derived from Sequential runs the items.
                return CallTorchSharp(method, type, !isVirtual && receiver is SymObject { Items: { } items } && method.Name is "forward" ? items : receiver, arguments, at);
            }

            if (type == "ModelGen.Initializers")
            {
                return constructing ? new SymOpaque("how weights are initialised") : throw EvaluationException.Unsupported(at, "weights are initialised in the constructor, not in forward");
            }

            if (!isVirtual && !method.IsStatic && (method.IsVirtual || method.IsOverride || method.IsAbstract) && receiver is SymObject && type.StartsWith("System.", StringComparison.Ordinal))
            {
                throw EvaluationException.Unsupported(at, $"'base.{method.Name}' of .NET cannot be evaluated during the build; write what it should do in a method of the class");
            }

            // Members of .NET interfaces and of object that the user's class implements.
            if (receiver is SymObject implemented && Virtual(implemented, method) is { DeclaringSyntaxReferences.Length: > 0 } implementation)
            {
                return Invoke(new SymFunction(implementation, implemented, null, null), [.. arguments.Select(static pair => pair.Value)], at, after);
            }

            return CallLibrary(method, type, receiver, arguments, at, after);
        }

        if (method.IsStatic)
        {
            UseStatics(owner, at);
        }

        IMethodSymbol target = method;
        if (receiver is SymObject instance && isVirtual && captured is null)
        {
            target = Virtual(instance, method);
        }

        if (receiver is null && !method.IsStatic && captured is null && method.MethodKind != MethodKind.LocalFunction)
        {
            throw EvaluationException.Unsupported(at, $"'{method.Name}' is called on null");
        }

        if (receiver is SymModule or SymContainer or SymUnknownModule)
        {
            return ModuleMethod(receiver, method, arguments, at);
        }

        object? self = receiver ?? (captured is not null ? captured.This : null);
        return Invoke(new SymFunction(target, self, captured, null), [.. arguments.Select(static pair => pair.Value)], at, after);
    }

    /// <summary>The most derived override of a method, or its implementation for an interface.</summary>
    private static IMethodSymbol Virtual(SymObject instance, IMethodSymbol method)
    {
        if (method.ContainingType.TypeKind == TypeKind.Interface)
        {
            return instance.Type.FindImplementationForInterfaceMember(method.ReducedFrom ?? method) as IMethodSymbol ?? method;
        }

        if (method.IsVirtual || method.IsAbstract || method.IsOverride)
        {
            for (INamedTypeSymbol? type = instance.Type; type is not null; type = type.BaseType)
            {
                foreach (IMethodSymbol candidate in type.GetMembers(method.Name).OfType<IMethodSymbol>())
                {
                    for (IMethodSymbol? overridden = candidate; overridden is not null; overridden = overridden.OverriddenMethod)
                    {
                        if (SymbolEqualityComparer.Default.Equals(overridden.OriginalDefinition, method.OriginalDefinition))
                        {
                            return candidate;
                        }
                    }
                }
            }
        }

        return method;
    }

    /// <summary>
    /// Argument values with the names of their parameters, in the order of the parameters, evaluated in the order they are written.
    /// <paramref name="after"/> gives <c>out</c> and <c>ref</c> arguments what the callee left in its parameters.
    /// </summary>
    private IReadOnlyList<KeyValuePair<string, object?>> Arguments(IEnumerable<IArgumentOperation> arguments, Frame frame, out WriteBack? after)
    {
        var ordered = new SortedList<int, KeyValuePair<string, object?>>();
        List<(int Ordinal, Place Place)>? places = null;
        foreach (IArgumentOperation argument in arguments)
        {
            object? value;
            if (argument.Parameter!.RefKind is RefKind.Out or RefKind.Ref)
            {
                Place place = PlaceOf(argument.Value, frame);
                (places ??= []).Add((argument.Parameter.Ordinal, place));
                value = argument.Parameter.RefKind == RefKind.Out ? null : place.Read();
            }
            else
            {
                value = Evaluate(argument.Value, frame);
            }

            ordered.Add(argument.Parameter.Ordinal, new(argument.Parameter.Name, value));
        }

        after = places is null ? null : (callee, parameters) =>
        {
            foreach ((int ordinal, Place place) in places)
            {
                if (callee.TryGet(parameters[ordinal], out object? value))
                {
                    place.Write(value);
                }
            }
        };
        return [.. ordered.Values];
    }

    /// <summary>A query as the list of its elements; other values as they are.</summary>
    private object? Listed(object? value, SyntaxNode at) => value is SymSequence ? new SymList(Elements(value, at)) : value;

    private object?[] OrderedValues(IEnumerable<IArgumentOperation> arguments, IMethodSymbol method, Frame frame)
    {
        if (method.Parameters.Any(static parameter => parameter.RefKind is RefKind.Out or RefKind.Ref))
        {
            throw EvaluationException.Unsupported(arguments.First().Syntax, "a constructor with ref or out parameters is not followed during the build; give the values back through properties");
        }

        object?[] values = new object?[method.Parameters.Length];
        foreach (IArgumentOperation argument in arguments)
        {
            object? value = Evaluate(argument.Value, frame);
            values[argument.Parameter!.Ordinal] = method.ContainingType.DeclaringSyntaxReferences.Length == 0 ? Listed(value, argument.Syntax) : value;
        }

        return values;
    }

    /// <summary>Functions, layers and methods of TorchSharp.</summary>
    private object? CallTorchSharp(IMethodSymbol method, string type, object? receiver, IReadOnlyList<KeyValuePair<string, object?>> arguments, SyntaxNode at)
    {
        object?[] values = [.. arguments.Select(static pair => pair.Value)];
        switch (type)
        {
            case "TorchSharp.ModuleExtensionMethods":
                return ModuleMethod(values[0], method, [.. arguments.Skip(1)], at);
            case "TorchSharp.torch.nn":
                return CreateModule(method.Name, method, values, at);
            case "TorchSharp.torch.nn.init":
                return !constructing ? throw EvaluationException.Unsupported(at, "weights are initialised in the constructor, not in forward")
                    : values.Length > 0 && values[0] is SymTensor { Weight: WeightKind.None } constant ? Overwrite(constant, Opaque(graph.TypeOf(constant.Id), at), at, method.Name)
                    : values.ElementAtOrDefault(0);
            case "TorchSharp.torch.cuda" when method.Name is "is_available" or "is_cudnn_available":
                return false;
            case "TorchSharp.torch.random" or "TorchSharp.torch.cuda":
                return new SymOpaque("a random generator");
            case "TorchSharp.torch.TensorIndex":
                return method.Name switch
                {
                    "Slice" => new SymSlice(values.ElementAtOrDefault(0), values.ElementAtOrDefault(1), values.ElementAtOrDefault(2)),
                    _ => values[0],
                };
            case "TorchSharp.DisposeScope" or "TorchSharp.DisposeScopeManager":
                return values.Length == 1 ? values[0] : new SymList(values);
            case "TorchSharp.Utils.TensorAccessor" when receiver is SymList numbers:
                return CallList(numbers, method, values, at);
            case "TorchSharp.torch.Device":
                return receiver;
            case "TorchSharp.torch.nn.utils":
                throw EvaluationException.Unsupported(at, $"'{method.Name}' cannot be evaluated during the build");
        }

        if (receiver is SymRegistry registry && constructing)
        {
            return method.Name switch
            {
                "Remove" or "remove" when values is [string removed] => registry.State.Children.RemoveAll(pair => pair.Key == removed) > 0,
                "ContainsKey" when values is [string wanted] => registry.State.Children.Exists(pair => pair.Key == wanted),
                "clear" or "Clear" => registry.State.Children.RemoveAll(static _ => true) >= 0,
                _ => throw EvaluationException.Unsupported(at, $"'{method.Name}' of the registered modules cannot be evaluated during the build"),
            };
        }

        if (receiver is SymModule or SymUnknownModule or SymContainer || (receiver is SymObject { Module: not null } && !method.IsStatic))
        {
            return ModuleMethod(receiver, method, arguments, at);
        }

        if (Prefix(method.ContainingType) is null || (receiver is null && !method.IsStatic))
        {
            throw EvaluationException.Unsupported(at, receiver is null && !method.IsStatic ? $"'{method.Name}' is called on null" : $"'{type.Substring("TorchSharp.".Length)}.{method.Name}' is not known to the compiler");
        }

        var named = new Dictionary<string, object?>(StringComparer.Ordinal);
        if (receiver is not null)
        {
            named["this"] = receiver;
        }

        foreach (KeyValuePair<string, object?> pair in arguments)
        {
            named[pair.Key] = pair.Value;
        }

        return CallTorch(method, named, at);
    }
}
