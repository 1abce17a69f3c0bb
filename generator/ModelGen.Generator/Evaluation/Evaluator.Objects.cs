using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Microsoft.CodeAnalysis.Operations;
using ModelGen.Compiler.FrontEnd;
using ModelGen.Compiler.Modules;
using ModelGen.Generator.Parsing;

namespace ModelGen.Generator.Evaluation;

/// <content>Creating objects.</content>
internal sealed partial class Evaluator
{
    /// <summary>Runs a constructor of a class of the user.</summary>
    /// <exception cref="EvaluationException">The code is outside of what can be compiled.</exception>
    public SymObject CreateRoot(INamedTypeSymbol type, IMethodSymbol? constructor, IReadOnlyList<object?> arguments, SyntaxNode at)
    {
        constructing = true;
        try
        {
            return Construct(type, constructor, arguments, at);
        }
        finally
        {
            constructing = false;
        }
    }

    private object? Create(IObjectCreationOperation creation, Frame frame)
    {
        INamedTypeSymbol type = (INamedTypeSymbol)Known(creation.Type!, frame.TypeArguments);
        if (type.TypeKind == TypeKind.Delegate)
        {
            return Evaluate(creation.Arguments[0].Value, frame);
        }

        object?[] arguments = OrderedValues(creation.Arguments, creation.Constructor!, frame);
        object? result = type.DeclaringSyntaxReferences.Length > 0
            ? Construct(type, creation.Constructor, arguments, creation.Syntax)
            : CreateLibrary(type, creation, arguments, frame);
        Initialize(result, creation.Initializer, frame);
        return result;
    }

    /// <summary>Runs an object or collection initialiser.</summary>
    private void Initialize(object? instance, IObjectOrCollectionInitializerOperation? initializer, Frame frame)
    {
        if (initializer is null)
        {
            return;
        }

        initialized.Push(instance);
        try
        {
            foreach (IOperation item in initializer.Initializers)
            {
                if (item is IMemberInitializerOperation member)
                {
                    Initialize(Evaluate(member.InitializedMember, frame), member.Initializer, frame);
                }
                else
                {
                    Evaluate(item, frame);
                }
            }
        }
        finally
        {
            initialized.Pop();
        }
    }

    private SymObject Construct(INamedTypeSymbol type, IMethodSymbol? constructor, IReadOnlyList<object?> arguments, SyntaxNode at)
    {
        var instance = new SymObject(type) { Module = IsTorchModule(type) ? new ModuleState() : null };
        if (!constructing && instance.Module is not null)
        {
            throw EvaluationException.Unsupported(at, $"'{type.Name}' is a layer with its own parameters; make layers in the constructor, not in forward");
        }

        UseStatics(type, at);
        if (instance.Module is not null)
        {
            CheckModeMethods(instance);
        }

        bool dsl = LayerMembers.IsModel(type) && instance.Module is null;
        bool outer = constructing;
        constructing |= dsl;
        if (++depth > MaxDepth)
        {
            throw EvaluationException.Unsupported(at, $"'{type.Name}' creates itself too deeply (more than {MaxDepth} levels)");
        }

        try
        {
            RunConstructor(instance, type, constructor, arguments, at);
        }
        finally
        {
            depth--;
            constructing = outer;
        }

        return instance;
    }

    /// <summary>Field initialisers, then the base constructor, then the body: the order of C#.</summary>
    private void RunConstructor(SymObject instance, INamedTypeSymbol type, IMethodSymbol? constructor, IReadOnlyList<object?> arguments, SyntaxNode at)
    {
        CheckStack(at);
        IMethodSymbol? definition = constructor?.OriginalDefinition;
        SyntaxNode? declaration = definition?.DeclaringSyntaxReferences.FirstOrDefault()?.GetSyntax(cache.Cancellation);
        var frame = new Frame(instance, null);
        if (type.TypeArguments.Length > 0)
        {
            frame.TypeArguments = new(SymbolEqualityComparer.Default);
            for (int i = 0; i < type.TypeArguments.Length; i++)
            {
                frame.TypeArguments[type.OriginalDefinition.TypeParameters[i]] = type.TypeArguments[i];
            }
        }

        for (int i = 0; i < (definition?.Parameters.Length ?? 0); i++)
        {
            object? value = i < arguments.Count ? arguments[i] : null;
            frame.Declare(definition!.Parameters[i], value);
            if (declaration is TypeDeclarationSyntax || LayerMembers.IsModel(type))
            {
                // Parameters of a primary constructor live as long as the object, and layer attributes name those of any constructor.
                instance.Fields[definition.Parameters[i]] = value;
            }
        }

        switch (declaration)
        {
            case ConstructorDeclarationSyntax { Initializer.RawKind: (int)Microsoft.CodeAnalysis.CSharp.SyntaxKind.ThisConstructorInitializer } chained:
                RunInitializer(instance, type, chained.Initializer, frame, at);
                break;
            case ConstructorDeclarationSyntax own:
                InitializeFields(instance, type, frame);
                RunBase(instance, type, own.Initializer, frame, at);
                break;
            case TypeDeclarationSyntax primary:
                InitializeFields(instance, type, frame);
                InitializeRecord(instance, type, definition!, frame);
                if (primary.BaseList?.Types.OfType<PrimaryConstructorBaseTypeSyntax>().FirstOrDefault() is { } call)
                {
                    RunInitializer(instance, type, call, frame, at);
                }
                else
                {
                    RunBase(instance, type, null, frame, at);
                }

                return;
            default:
                InitializeFields(instance, type, frame);
                RunBase(instance, type, null, frame, at);
                return;
        }

        if (cache.Operation(declaration) is IConstructorBodyOperation body && (body.BlockBody ?? body.ExpressionBody) is { } block)
        {
            Execute(block, frame);
        }
    }

    /// <summary>The positional properties of a record.</summary>
    private static void InitializeRecord(SymObject instance, INamedTypeSymbol type, IMethodSymbol constructor, Frame frame)
    {
        foreach (IParameterSymbol parameter in type.IsRecord ? constructor.Parameters : [])
        {
            IPropertySymbol? property = type.OriginalDefinition.GetMembers(parameter.Name).OfType<IPropertySymbol>().FirstOrDefault();
            if (property is not null && !instance.Fields.ContainsKey(property) && frame.TryGet(parameter, out object? value))
            {
                instance.Fields[property] = value;
            }
        }
    }

    private void InitializeFields(SymObject instance, INamedTypeSymbol type, Frame frame)
    {
        foreach (ISymbol member in type.OriginalDefinition.GetMembers())
        {
            if (member is (IFieldSymbol { IsStatic: false, IsImplicitlyDeclared: false } or IPropertySymbol { IsStatic: false }) && InitializerOf(member) is { } initializer)
            {
                graph.Source = cache.Text(initializer);
                instance.Fields[member] = EvaluateInitializer(initializer, member, frame, initializer);
            }
        }
    }

    private void RunBase(SymObject instance, INamedTypeSymbol type, ConstructorInitializerSyntax? call, Frame frame, SyntaxNode at)
    {
        if (call is not null)
        {
            RunInitializer(instance, type, call, frame, at);
        }
        else if (type.BaseType is { DeclaringSyntaxReferences.Length: > 0 } parent)
        {
            RunImplicitBase(instance, parent, at);
        }
        else if (instance.Module is not null && type.BaseType is { } library && !IsModuleBase(cache.NameOf(library)))
        {
            throw EvaluationException.Unsupported(at, $"the base class '{library.Name}' of '{type.Name}' comes from another assembly, so the compiler cannot see the layers it makes; add its source to this project");
        }
    }

    /// <summary>Runs <c>: base(...)</c> or <c>: this(...)</c>.</summary>
    private void RunInitializer(SymObject instance, INamedTypeSymbol type, SyntaxNode call, Frame frame, SyntaxNode at)
    {
        IOperation? operation = cache.Operation(call);
        IInvocationOperation? invocation = operation as IInvocationOperation ?? (operation as IExpressionStatementOperation)?.Operation as IInvocationOperation;
        if (invocation is null)
        {
            throw EvaluationException.Unsupported(call, $"the base constructor call of '{type.Name}' cannot be analysed");
        }

        IMethodSymbol target = invocation.TargetMethod;
        if (target.ContainingType.DeclaringSyntaxReferences.Length == 0)
        {
            if (cache.NameOf(target.ContainingType).StartsWith("TorchSharp.Modules.", StringComparison.Ordinal))
            {
                instance.Items = target.ContainingType.Name == "Sequential"
                    ? (SymContainer)CreateModule("Sequential", target, OrderedValues(invocation.Arguments, target, frame), call)!
                    : throw EvaluationException.Unsupported(call, $"deriving from the layer {target.ContainingType.Name} is not supported; hold the layer in a field and call it in forward");
            }
            else if (instance.Module is not null && !IsModuleBase(cache.NameOf(target.ContainingType)))
            {
                throw EvaluationException.Unsupported(call, $"the base class '{target.ContainingType.Name}' comes from another assembly, so the compiler cannot see the layers it makes; add its source to this project");
            }
            else if (instance.Module is { } state && invocation.Arguments.Length > 0)
            {
                state.Name = Evaluate(invocation.Arguments[0].Value, frame) as string;
            }

            return;
        }

        INamedTypeSymbol owner = SymbolEqualityComparer.Default.Equals(target.ContainingType.OriginalDefinition, type.OriginalDefinition) ? type : type.BaseType!;
        RunConstructor(instance, owner, target, OrderedValues(invocation.Arguments, target, frame), at);
    }

    /// <summary>Objects of .NET and TorchSharp.</summary>
    private object? CreateLibrary(INamedTypeSymbol type, IObjectCreationOperation creation, object?[] arguments, Frame frame)
    {
        string name = cache.NameOf(type);
        if (name.StartsWith("TorchSharp.Modules.", StringComparison.Ordinal))
        {
            return CreateModule(type.Name, creation.Constructor!, arguments, creation.Syntax);
        }

        switch (name)
        {
            case "System.Collections.Generic.List" or "System.Collections.ObjectModel.Collection" or "System.Collections.Generic.HashSet" or "System.Collections.Generic.Queue" or "System.Collections.Generic.Stack":
                IReadOnlyList<object?> given = arguments switch
                {
                    [] or [Compiler.Ir.Dim] => [],
                    [SymList or SymContainer or SymDictionary or string] => Elements(arguments[0], creation.Syntax),
                    _ => throw EvaluationException.Unsupported(creation.Syntax, $"'new {type.Name}' with these arguments cannot be evaluated during the build; give the elements, or nothing"),
                };
                return type.Name switch
                {
                    "Stack" => new SymList(given.Reverse()) { Kind = ListKind.Stack },
                    "HashSet" => SetOf(given, creation.Syntax),
                    _ => new SymList(given),
                };
            case "System.Collections.Generic.Dictionary" or "System.Collections.Generic.OrderedDictionary":
                var dictionary = new SymDictionary();
                foreach (object? entry in arguments switch
                {
                    [] or [Compiler.Ir.Dim] => [],
                    [SymList or SymDictionary] => Elements(arguments[0], creation.Syntax),
                    _ => throw EvaluationException.Unsupported(creation.Syntax, $"'new {type.Name}' with these arguments cannot be evaluated during the build; give the entries, or nothing"),
                })
                {
                    AddEntry(dictionary, ((SymList)entry!).Items[0], ((SymList)entry).Items[1], creation.Syntax);
                }

                return dictionary;
            case "System.Tuple" or "System.ValueTuple" or "System.Collections.Generic.KeyValuePair":
                return new SymList(arguments);
            case "System.Range":
                return new SymSlice(arguments[0], arguments[1], null);
            case "System.Index":
                return arguments.Length > 1 && arguments[1] is true ? new SymFromEnd((Compiler.Ir.Dim)arguments[0]!) : arguments[0];
            default:
                throw EvaluationException.Unsupported(creation.Syntax, $"'new {type.Name}' cannot be evaluated during the build; a model may create its own classes, lists, dictionaries, tuples and arrays");
        }
    }

    /// <summary>Marks everything that belongs to the finished model, so that calls of the model do not change it.</summary>
    public void Freeze(object? value, HashSet<object> seen, SyntaxNode at)
    {
        CheckStack(at);
        if (value is null or string or bool or double || !seen.Add(value))
        {
            return;
        }

        switch (value)
        {
            case SymObject instance:
                instance.Frozen = true;
                Freeze(instance.Items, seen, at);
                foreach (object? field in instance.Fields.Values)
                {
                    Freeze(field, seen, at);
                }

                break;
            case SymList list:
                list.Frozen = true;
                list.Items.ForEach(item => Freeze(item, seen, at));
                break;
            case SymDictionary dictionary:
                dictionary.Frozen = true;
                dictionary.Items.ForEach(pair => Freeze(pair.Value, seen, at));
                break;
            case SymContainer container:
                container.Frozen = true;
                container.Items.ForEach(pair => Freeze(pair.Value, seen, at));
                break;
            case SymModule module:
                foreach (SymTensor? tensor in module.Tensors.Values)
                {
                    Freeze(tensor, seen, at);
                }

                break;
            case SymTensor tensor:
                tensor.Storage.Owner ??= "a tensor of the model";
                break;
        }
    }
}
