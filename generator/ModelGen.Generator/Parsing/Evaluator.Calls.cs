using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Microsoft.CodeAnalysis.Operations;
using ModelGen.Compiler.FrontEnd;
using ModelGen.Compiler.Ir;

namespace ModelGen.Generator.Parsing;

/// <content>Calls, members and objects.</content>
internal sealed partial class Evaluator
{
    private bool constructing;

    private object? Call(IInvocationOperation call, Frame frame)
    {
        IMethodSymbol method = call.TargetMethod;
        if (method.MethodKind == MethodKind.DelegateInvoke)
        {
            return Evaluate(call.Instance!, frame) is SymFunction function
                ? Invoke(function, [.. Ordered(call, frame).Select(static pair => pair.Value)], call.Syntax)
                : throw EvaluationException.Unsupported(call.Syntax, "this delegate is not known during the build");
        }

        if (Owner(method.ContainingType) is string owner)
        {
            return CallTorch(call, owner, frame);
        }

        if (LayerMembers.AttributeOf(method) is { } attribute)
        {
            ModelInstance model = call.Instance is null or IInstanceReferenceOperation ? frame.Instance! : Evaluate(call.Instance, frame) as ModelInstance ?? frame.Instance!;
            return ApplyLayer(model, method, attribute, [.. Ordered(call, frame).Select(static pair => pair.Value)], call.Syntax);
        }

        if (method.ContainingType.SpecialType == SpecialType.None && method.ContainingType.ToDisplayString() == "System.Math")
        {
            return CallMath(call, frame);
        }

        if (method.Name == "Add" && call.Instance is not null && method.DeclaringSyntaxReferences.Length == 0 && Evaluate(call.Instance, frame) is SymList list)
        {
            list.Items.Add(Evaluate(call.Arguments[0].Value, frame));
            return null;
        }

        object? receiver = call.Instance is null ? null : Evaluate(call.Instance, frame);
        if (method.Name is "Forward" && receiver is ModelInstance block)
        {
            return Invoke(new SymFunction(ForwardOf(block, call.Syntax), block, null, null), [.. Ordered(call, frame).Select(static pair => pair.Value)], call.Syntax);
        }

        Frame? captured = method.MethodKind == MethodKind.LocalFunction ? frame : null;
        return Invoke(new SymFunction(method, receiver as ModelInstance ?? (method.IsStatic ? null : frame.Instance), captured, null), [.. Ordered(call, frame).Select(static pair => pair.Value)], call.Syntax);
    }

    private IMethodSymbol ForwardOf(ModelInstance model, SyntaxNode at) =>
        model.Type.GetMembers("Forward").OfType<IMethodSymbol>().FirstOrDefault()
        ?? throw EvaluationException.Unsupported(at, $"'{model.Type.Name}' has no Forward method");

    /// <summary>Argument values in the order of the parameters, evaluated in the order they are written.</summary>
    private IEnumerable<KeyValuePair<string, object?>> Ordered(IInvocationOperation call, Frame frame) => Ordered(call.Arguments, frame);

    private IEnumerable<KeyValuePair<string, object?>> Ordered(IEnumerable<IArgumentOperation> arguments, Frame frame) =>
        arguments
            .Select(argument => (argument.Parameter!.Ordinal, Pair: new KeyValuePair<string, object?>(argument.Parameter.Name, Evaluate(argument.Value, frame))))
            .OrderBy(static entry => entry.Ordinal)
            .Select(static entry => entry.Pair)
            .ToArray();

    /// <summary>The prefix of TorchSharp functions in <see cref="TensorFunctions"/>; null for other types.</summary>
    private static string? Owner(INamedTypeSymbol? type) => type?.ToDisplayString() switch
    {
        "TorchSharp.torch" or "TorchSharp.torch.special" => "torch.",
        "TorchSharp.torch.nn.functional" => "F.",
        "TorchSharp.torch.Tensor" or "TorchSharp.TensorExtensionMethods" => "Tensor.",
        _ => null,
    };

    private object? CallTorch(IInvocationOperation call, string owner, Frame frame)
    {
        IMethodSymbol method = call.TargetMethod;
        string key = owner + method.Name;
        if (key is "torch.NewDisposeScope" or "torch.no_grad" or "torch.inference_mode")
        {
            return null;
        }

        if (key is "Tensor.MoveToOuterDisposeScope" or "Tensor.DetachFromDisposeScope" or "Tensor.MoveToOtherDisposeScope")
        {
            return Evaluate(call.Instance ?? call.Arguments[0].Value, frame);
        }

        if (key is "Tensor.item" or "Tensor.ToSingle" or "Tensor.ToDouble" or "Tensor.ToInt32" or "Tensor.ToInt64" or "Tensor.ToBoolean" or "Tensor.data" or "Tensor.cpu")
        {
            throw DataDependent(call.Syntax, $"'{method.Name}' reads a tensor's value back to C#, which is known only when the model runs; keep the calculation in tensors");
        }

        var arguments = new Dictionary<string, object?>(StringComparer.Ordinal);
        if (call.Instance is not null)
        {
            arguments["this"] = Evaluate(call.Instance, frame);
        }

        foreach (KeyValuePair<string, object?> pair in Ordered(call, frame))
        {
            arguments[pair.Key] = pair.Value;
        }

        return CallTorch(method, arguments, call.Syntax);
    }

    private object? CallTorch(IMethodSymbol method, IReadOnlyDictionary<string, object?> arguments, SyntaxNode at) =>
        TensorFunctions.TryGet(Owner(method.ContainingType) + method.Name, out Func<CallArguments, object?> function)
            ? Guard(at, method.Name, () => function(new CallArguments(graph, arguments)))
            : throw EvaluationException.Unsupported(at, $"'{method.Name}' is not known to the compiler{Suggestion(method.Name)}; supported are the functions listed in the README");

    private static string Suggestion(string name)
    {
        string bare = name.TrimEnd('_');
        return name.EndsWith("_", StringComparison.Ordinal) && (TensorFunctions.TryGet("Tensor." + bare, out _) || TensorFunctions.TryGet("torch." + bare, out _))
            ? $" because it changes its tensor in place; use '{bare}', the compiler reuses memory where it is safe"
            : "";
    }

    private object? CallMath(IInvocationOperation call, Frame frame)
    {
        object?[] arguments = [.. Ordered(call, frame).Select(static pair => pair.Value)];
        double First() => AsDouble(arguments[0], call.Syntax);
        double Second() => AsDouble(arguments[1], call.Syntax);
        bool whole = arguments.All(static argument => argument is Dim);
        object? result = call.TargetMethod.Name switch
        {
            "Sqrt" => Math.Sqrt(First()),
            "Pow" => Math.Pow(First(), Second()),
            "Log" => Math.Log(First()),
            "Log2" => Math.Log(First(), 2),
            "Exp" => Math.Exp(First()),
            "Floor" => Math.Floor(First()),
            "Ceiling" => Math.Ceiling(First()),
            "Round" => Math.Round(First()),
            "Abs" => Math.Abs(First()),
            "Min" => Math.Min(First(), Second()),
            "Max" => Math.Max(First(), Second()),
            _ => throw EvaluationException.Unsupported(call.Syntax, $"Math.{call.TargetMethod.Name} is not supported during the build"),
        };
        return whole && call.TargetMethod.Name is "Abs" or "Min" or "Max" && result is double value ? (Dim)(long)value : result;
    }

    private object? ReadMember(IOperation operation, IFieldSymbol field, IOperation? instance, Frame frame)
    {
        if (field.ContainingType.IsTupleType && instance is not null && Evaluate(instance, frame) is SymList tuple)
        {
            return tuple.Items[field.ContainingType.TupleElements.IndexOf(field, 0, SymbolEqualityComparer.Default) is >= 0 and int index ? index : ItemIndex(field.Name)];
        }

        object? owner = instance is null ? null : Evaluate(instance, frame);
        return ReadInitialized(owner as ModelInstance ?? (field.IsStatic ? null : frame.Instance), field, operation.Syntax, writable: !field.IsReadOnly && !field.IsConst);
    }

    private static int ItemIndex(string name) => int.Parse(name.Substring("Item".Length), System.Globalization.CultureInfo.InvariantCulture) - 1;

    /// <summary>The value that a field or automatic property has after construction.</summary>
    private object? ReadInitialized(ModelInstance? owner, ISymbol member, SyntaxNode at, bool writable)
    {
        if (owner is not null && owner.Members.TryGetValue(member.Name, out object? known))
        {
            return known;
        }

        ExpressionSyntax? initializer = member.DeclaringSyntaxReferences.Select(reference => Syntax.InitializerOf(reference.GetSyntax(cancellation))).FirstOrDefault(static value => value is not null);
        if (initializer is null || (writable && owner is null))
        {
            throw EvaluationException.Unsupported(at, $"the value of '{member.Name}' is not known during the build; use a constant, a readonly field with an initial value, or a constructor parameter");
        }

        IOperation value = Model(initializer).GetOperation(initializer, cancellation) ?? throw EvaluationException.Unsupported(at, $"the initial value of '{member.Name}' cannot be analysed");
        object? result = Evaluate(value, new Frame(owner, null));
        if (owner is not null)
        {
            Adopt(owner, member.Name, result);
            owner.Members[member.Name] = result;
        }

        return result;
    }

    /// <summary>Gives models held in a field their state-dict paths.</summary>
    private static void Adopt(ModelInstance owner, string key, object? value)
    {
        if (value is ModelInstance block)
        {
            block.Path = owner.Child(key);
        }
        else if (value is SymList list)
        {
            for (int i = 0; i < list.Items.Count; i++)
            {
                Adopt(owner, key + "." + Compiler.Invariant.Text(i), list.Items[i]);
            }
        }
    }

    private object? ReadProperty(IPropertyReferenceOperation property, Frame frame)
    {
        if (LayerMembers.AttributeOf(property.Property) is { } attribute)
        {
            ModelInstance model = property.Instance is null or IInstanceReferenceOperation ? frame.Instance! : Evaluate(property.Instance, frame) as ModelInstance ?? frame.Instance!;
            return ApplyLayer(model, property.Property, attribute, [], property.Syntax);
        }

        object? owner = property.Instance is null ? null : Evaluate(property.Instance, frame);
        if (property.Property.IsIndexer || property.Arguments.Length > 0)
        {
            return Index(owner, property.Arguments.Select(static argument => argument.Value), frame, property.Syntax);
        }

        switch (owner, property.Property.Name)
        {
            case (SymTensor tensor, "shape"):
                return new SymList(graph.TypeOf(tensor.Id).Shape);
            case (SymTensor tensor, "ndim" or "Dimensions"):
                return (Dim)graph.TypeOf(tensor.Id).Rank;
            case (SymTensor tensor, "dtype"):
                return new SymEnum("ScalarType", graph.TypeOf(tensor.Id).DType.ToString(), null);
            case (SymTensor tensor, "IsInvalid"):
                return false;
            case (SymTensor tensor, "T"):
                return Guard(property.Syntax, "T", () => new SymTensor(graph.Transposed(tensor.Id)));
            case (SymList list, "Length" or "Count"):
                return (Dim)list.Items.Count;
            case (SymTensor, _):
                throw EvaluationException.Unsupported(property.Syntax, $"the property '{property.Property.Name}' of a tensor is not supported in Forward");
        }

        ModelInstance? model2 = owner as ModelInstance ?? (property.Property.IsStatic ? null : frame.Instance);
        SyntaxNode? body = property.Property.DeclaringSyntaxReferences.Select(reference => Syntax.BodyOf(reference.GetSyntax(cancellation))).FirstOrDefault(static node => node is not null);
        return body is not null && property.Property.GetMethod is { } getter
            ? Invoke(new SymFunction(getter, model2, null, body), [], property.Syntax)
            : ReadInitialized(model2, property.Property, property.Syntax, writable: property.Property.SetMethod is { IsInitOnly: false });
    }

    private object? Create(IObjectCreationOperation creation, Frame frame)
    {
        INamedTypeSymbol type = (INamedTypeSymbol)creation.Type!;
        if (LayerMembers.IsModel(type))
        {
            return CreateModel(creation, type, frame);
        }

        if (type.ToDisplayString().StartsWith("System.Collections.Generic.List<", StringComparison.Ordinal))
        {
            var items = creation.Arguments.Length == 1 && Evaluate(creation.Arguments[0].Value, frame) is SymList copy ? copy.Items : [];
            IEnumerable<object?> added = creation.Initializer?.Initializers.OfType<IInvocationOperation>().Select(add => Evaluate(add.Arguments[0].Value, frame)) ?? [];
            return new SymList(items.Concat(added.ToArray()));
        }

        throw EvaluationException.Unsupported(creation.Syntax, $"'new {type.Name}' cannot be evaluated during the build; Forward may create lists, tuples and arrays");
    }

    private ModelInstance CreateModel(IObjectCreationOperation creation, INamedTypeSymbol type, Frame frame)
    {
        var model = new ModelInstance(type, "");
        foreach (KeyValuePair<string, object?> argument in Ordered(creation.Arguments, frame))
        {
            model.Members[argument.Key] = argument.Value;
        }

        SyntaxNode? declaration = creation.Constructor?.DeclaringSyntaxReferences.FirstOrDefault()?.GetSyntax(cancellation);
        if (declaration is ConstructorDeclarationSyntax constructor)
        {
            Construct(model, creation, constructor, frame);
        }

        return model;
    }

    private void Construct(ModelInstance model, IObjectCreationOperation creation, ConstructorDeclarationSyntax constructor, Frame frame)
    {
        var body = new Frame(model, null);
        foreach (IArgumentOperation argument in creation.Arguments)
        {
            body.Declare(argument.Parameter!, Evaluate(argument.Value, frame));
        }

        bool outer = constructing;
        constructing = true;
        try
        {
            Execute(Model(constructor).GetOperation(constructor, cancellation)!, body);
        }
        finally
        {
            constructing = outer;
        }
    }
}
